"""What every interaction takes and gives back.

Spec: https://hl7.org/fhir/R4/http.html

Types:
    OfferedOperation
                  what the CapabilityStatement says of an operation
    Services      what an interaction works with; one per process
    Query         the parameters of a URL or of a `_search` form, decoded, in their order
    WriteOptions  the headers of a write: preconditions and Prefer
    Patch         the body of a PATCH
    Result        the answer, before it becomes HTTP or an entry of a Bundle
"""

from collections.abc import Callable, Container
from dataclasses import dataclass
from typing import Literal

from fhirserver.access import AuthContext, Policy
from fhirserver.config import Settings
from fhirserver.definitions import Definitions
from fhirserver.errors import Issue
from fhirserver.model.json import JsonObject, JsonValue
from fhirserver.model.stored import StoredResource
from fhirserver.store.contents import BegunContent
from fhirserver.store.database import Database

Handling = Literal["strict", "lenient"]
Level = Literal["system", "type", "instance"]
Preference = Literal["minimal", "representation", "OperationOutcome"]


@dataclass(frozen=True, slots=True)
class OfferedOperation:
    """An operation, as far as the CapabilityStatement speaks of it.

    Attributes:
        code: name without "$".
        definition: canonical of its OperationDefinition; of ours its address below the base, e.g.
            "OperationDefinition/TestScript-run".
        types: resource types it exists for; None for all.
        levels: where it exists: at the base, at types, at instances.
        affects_state: whether it may change something; then there is no GET.
        document: of ours the OperationDefinition as JSON, without id and url; None of HL7's.
        statuses: of its answers where it succeeds: 200, or 202 for what goes on in the background.
    """

    code: str
    definition: str
    types: frozenset[str] | None
    levels: frozenset[Level]
    affects_state: bool
    document: bytes | None = None
    statuses: tuple[int, ...] = (200,)

    def is_of(self, type_: str) -> bool:
        """Whether a resource type or its instances have it."""
        return bool(self.levels - {"system"}) and (self.types is None or type_ in self.types)

    def address(self, base_url: str) -> str:
        """Give the canonical of its definition, on the server with this base."""
        return self.definition if self.document is None else f"{base_url}/{self.definition}"


def nobody(_services: "Services", _who: str) -> AuthContext | None:
    """Find nobody: a server without authentication knows of no callers."""
    return None


@dataclass(frozen=True, slots=True)
class Services:
    """What an interaction works with.

    Attributes:
        definitions: the R4 specification.
        database: where resources are kept.
        settings: what the operator set; `public_url` makes every link.
        policy: decides each access; its decision narrows what is read and written.
        now: the clock, epoch microseconds.
        cursor_key: 32 secret bytes that paging links are sealed with; the same in all workers.
            b"" where there are none: an answer is whole, or says that it is not.
        operations: what is offered besides interactions.
        secrets_key: 32 secret bytes that encrypt what the database keeps sealed; the same in all
            workers, b"" where nothing of that is needed.
        find_caller: who an account or an access token stands for, by "account:USERNAME",
            "token:NUMBER" or, expired or not, "work:NUMBER"; None for nobody that counts.
    """

    definitions: Definitions
    database: Database
    settings: Settings
    policy: Policy
    now: Callable[[], int]
    cursor_key: bytes
    operations: tuple[OfferedOperation, ...] = ()
    secrets_key: bytes = b""
    find_caller: "FindCaller" = nobody


FindCaller = Callable[[Services, str], AuthContext | None]


@dataclass(frozen=True, slots=True)
class Query:
    """Parameters, decoded, in their order; those of a `_search` form follow the URL's.

    Attributes:
        pairs: (name with modifier, value); never `_format` or `_pretty`.
        handling: what an unknown parameter does: "strict" refuses it.
    """

    pairs: tuple[tuple[str, str], ...] = ()
    handling: Handling = "strict"


@dataclass(frozen=True, slots=True)
class WriteOptions:
    """The headers of a write.

    Attributes:
        if_match: versions that If-Match accepts; None where the header is absent.
        if_none_match_any: `If-None-Match: *`: only create, never update.
        if_none_exist: the query of If-None-Exist, raw, without "?".
        prefer: what the answer's body should be; None where the caller does not say, which means
            the representation for one resource and "minimal" for the entries of a Bundle.
        upload: content of the Binary that is stored already, beside it; None where it is in it.
        provenance: of X-Provenance, checked and without targets; None where the header is absent.
    """

    if_match: Container[int] | None = None
    if_none_match_any: bool = False
    if_none_exist: str | None = None
    prefer: Preference | None = None
    upload: BegunContent | None = None
    provenance: JsonObject | None = None


@dataclass(frozen=True, slots=True)
class Patch:
    """The body of a PATCH.

    Attributes:
        media_type: without parameters, e.g. "application/json-patch+json".
        document: the parsed body: the list of a JSON Patch, the object of a merge patch, the
            directives of an XML Patch, the Parameters of a FHIRPath Patch.
    """

    media_type: str
    document: JsonValue


@dataclass(frozen=True, slots=True)
class Result:
    """The answer to one interaction.

    Attributes:
        status: HTTP status.
        stored: the version that ETag and Last-Modified speak of; None for Bundles and outcomes.
        body: compact JSON of the resource, Bundle or OperationOutcome; None sends no body.
        location: absolute URL of the version, for Location; set by creates only.
        issues: warnings and information about what was done.
        follow: absolute URL where what was accepted can be followed; only with 202.
        no_store: no cache may keep it, not even the caller's own.
        provenance: absolute URL of the Provenance that was stored with what was written.
        replayed: it is the first answer to a request that was sent again.
    """

    status: int
    stored: StoredResource | None = None
    body: bytes | None = None
    location: str | None = None
    issues: tuple[Issue, ...] = ()
    follow: str | None = None
    no_store: bool = False
    provenance: str | None = None
    replayed: bool = False
