"""Requests that are answered later: search, history, batch and transaction.

Spec: https://hl7.org/fhir/R4/async.html; the answer's shape is that of
https://hl7.org/fhir/R5/async-bundle.html

    defer       looks the request over, as far as that is possible without the database, and leaves
                it to a job
    perform     answers it, whoever asks
    followed    tells its caller how far it is, or what came of it
    cancel      ends it if it has not ended, and forgets it

The policy is asked when a request comes, when it is performed, and when its answer is fetched.
"""

import secrets
from dataclasses import asdict, dataclass, replace
from typing import Any

from fhirserver.access import AuthContext, keep_caller, principal, reaches_as_much
from fhirserver.errors import ForbiddenError, NotFoundError
from fhirserver.interactions.accept import refuse_more
from fhirserver.interactions.history_instance import history_instance
from fhirserver.interactions.history_system import history_system
from fhirserver.interactions.history_type import history_type
from fhirserver.interactions.memory import Memory
from fhirserver.interactions.permit import permit
from fhirserver.interactions.rehearsal import is_in_order
from fhirserver.interactions.search_compartment import search_compartment
from fhirserver.interactions.search_system import search_system
from fhirserver.interactions.search_type import search_type
from fhirserver.interactions.transaction import transaction
from fhirserver.interactions.types import Preference, Query, Result, Services, WriteOptions
from fhirserver.model.json import JsonObject, JsonValue, parse_json, write_json
from fhirserver.store.job_answers import Followed, find_followed, forget_followed
from fhirserver.store.job_rows import add_job
from fhirserver.store.write import WriteSession, run_write

ASYNC = "async"
"""Jobs of deferred requests. Parameters: as `Deferred.parameters` gives them."""


@dataclass(frozen=True, slots=True)
class Deferred:
    """A request.

    Attributes:
        interaction: FHIR's code: a search, a history, batch or transaction.
        type: resource type; None for all.
        id: logical id; in a compartment search that of the compartment.
        compartment: type of the compartment.
        query: parameters.
        bundle: of a batch or transaction.
        prefer: what its answer carries.
        provenance: of what a batch or transaction writes.
    """

    interaction: str
    type: str | None = None
    id: str | None = None
    compartment: str | None = None
    query: Query = Query()  # noqa: RUF009 - immutable
    bundle: JsonValue = None
    prefer: Preference | None = None
    provenance: JsonObject | None = None

    @property
    def is_transaction(self) -> bool:
        """Whether its answer is remembered in the transaction that it is."""
        return self.interaction == "transaction"

    def parameters(self) -> JsonObject:
        """Give what `read_deferred` takes; resources as text, which keeps order and digits."""
        texts = {"bundle": _text(self.bundle), "provenance": _text(self.provenance)}
        return {**asdict(replace(self, bundle=None, provenance=None)), **texts}


def read_deferred(parameters: JsonObject) -> Deferred:
    """Read the parameters of a job."""
    query: Any = parameters["query"]
    resources = {name: _resource(parameters.get(name)) for name in ("bundle", "provenance")}
    pairs = tuple((name, value) for name, value in query["pairs"])
    return Deferred(**parameters | resources | {"query": Query(pairs, query["handling"])})


def defer(services: Services, auth: AuthContext, request: Deferred) -> str:
    """Leave a request to a job.

    Returns:
        Absolute URL where it is followed.

    Raises:
        ThrottledError: the caller has too many jobs already.
        FhirError: what is wrong with the request.
    """
    is_in_order(services, lambda rehearsing: perform(rehearsing, auth, request))
    key = secrets.token_hex(16)

    def attempt(session: WriteSession) -> None:
        refuse_more(services, session, auth)
        add_job(session.connection, ASYNC, request.parameters(), keep_caller(auth), key=key)

    run_write(services.database, attempt)
    return f"{services.settings.public_url}/_async/{key}"


def perform(
    services: Services, auth: AuthContext, request: Deferred, memory: Memory | None = None
) -> Result:
    """Answer a request.

    Raises:
        FhirError: whatever the interaction raises.
    """
    query, type_, id_ = request.query, request.type or "", request.id or ""
    match request.interaction:
        case "search-type":
            return search_type(services, auth, type_, query)
        case "search-system":
            return search_system(services, auth, query)
        case "search-compartment":
            place = request.compartment or ""
            return search_compartment(services, auth, place, id_, request.type, query)
        case "history-instance":
            return history_instance(services, auth, type_, id_, query)
        case "history-type":
            return history_type(services, auth, type_, query)
        case "history-system":
            return history_system(services, auth, query)
        case _:
            options = WriteOptions(prefer=request.prefer, provenance=request.provenance)
            return transaction(services, auth, request.bundle, options, memory)


def followed(services: Services, auth: AuthContext, key: str) -> Followed:
    """Tell how a request is.

    Raises:
        NotFoundError: there is none of that key, or it is another caller's, or its answer has
            expired; they look the same.
        ForbiddenError: it has an answer, and the caller may no longer ask for it.
    """
    with services.database.connection() as connection:
        found = find_followed(connection, key, principal(auth))
    if found is None or is_expired(services, found):
        raise _unknown(key)
    if found.asked is not None:
        _permit_again(services, auth, found.asked)
        if not reaches_as_much(auth, found.caller):
            raise ForbiddenError(
                "The caller may no longer see all that the answer may hold; ask again for what it "
                "may."
            )
    return found


def is_expired(services: Services, found: Followed) -> bool:
    """Whether an answer has been kept for as long as answers are."""
    return found.ended_us is not None and services.now() >= expires_us(services, found.ended_us)


def expires_us(services: Services, ended_us: int) -> int:
    """Give the instant until which an answer is kept, epoch microseconds."""
    return ended_us + services.settings.async_result_ttl_s * 1_000_000


def cancel(services: Services, auth: AuthContext, key: str) -> None:
    """Cancel a request, or forget its answer.

    Raises:
        NotFoundError: as `followed` does.
    """
    with services.database.connection() as connection:
        known = forget_followed(connection, key, principal(auth))
    if not known:
        raise _unknown(key)


def _text(resource: JsonValue) -> str | None:
    return None if resource is None else write_json(resource).decode("utf-8")


def _resource(text: Any) -> JsonValue:
    return None if text is None else parse_json(text.encode("utf-8"))


def _permit_again(services: Services, auth: AuthContext, asked: JsonObject) -> None:
    interaction, type_, id_ = asked["interaction"], asked["type"], asked["id"]
    if interaction == "search-compartment":
        interaction, id_ = "search-system" if type_ is None else "search-type", None
    permit(services, auth, interaction, type_, id_)


def _unknown(key: str) -> NotFoundError:
    return NotFoundError(
        f"No request of this caller is followed at _async/{key}: it was cancelled, its answer has "
        "expired, or there was none."
    )
