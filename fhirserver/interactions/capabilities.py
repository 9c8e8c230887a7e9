"""capabilities: what this server does, generated from what is registered.

Spec: https://hl7.org/fhir/R4/http.html#capabilities and https://hl7.org/fhir/R4/capabilitystatement.html

    mode=full          everything (also without mode)
    mode=normative     resource types that are normative in R4
    mode=terminology   TerminologyCapabilities: the code systems that a search with :below, :above,
                       :in or :not-in knows without their being stored

A search parameter stands here exactly if a search takes it, so not while resources are still being
indexed for it.

Each type's documentation leads to the page where this server shows the last proof of each claim.
The statement itself says nothing of runs, so it changes with the software and with SearchParameter
resources only.
"""

from collections.abc import Sequence
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version

from fhirserver.access import AuthContext
from fhirserver.config import Settings
from fhirserver.definitions import Definitions, SearchParameter
from fhirserver.definitions.terminology import code_systems
from fhirserver.errors import InvalidRequestError
from fhirserver.interactions.authorization_addresses import security
from fhirserver.interactions.patch_formats import PATCH_FORMATS
from fhirserver.interactions.permit import permit
from fhirserver.interactions.request_url import COMPARTMENTS
from fhirserver.interactions.subset import apply_subset, read_subset
from fhirserver.interactions.types import OfferedOperation, Query, Result, Services
from fhirserver.model.json import JsonObject, write_json
from fhirserver.search.params.reference import target_types

PUBLISHED = "2026-11-27"
"""Date of the statement's contents: of the version of the software, not of the process."""

FORMATS = ("application/fhir+json", "application/fhir+xml", "json", "xml")
_TYPE_INTERACTIONS = (
    "read",
    "vread",
    "update",
    "patch",
    "delete",
    "history-instance",
    "history-type",
    "create",
    "search-type",
)
_SYSTEM_INTERACTIONS = ("transaction", "batch", "search-system", "history-system")
_NORMATIVE = frozenset(
    (
        "Binary",
        "Bundle",
        "CapabilityStatement",
        "CodeSystem",
        "Observation",
        "OperationDefinition",
        "OperationOutcome",
        "Patient",
        "StructureDefinition",
        "ValueSet",
    )
)
_MODES = ("full", "normative", "terminology")
_LIST = {
    "name": "_list",
    "type": "special",
    "documentation": "Entries of a List, by its id or by one of R4's functional names.",
}
"""R4 defines it in words, without a SearchParameter."""


def capabilities(services: Services, auth: AuthContext, query: Query | None = None) -> Result:
    """Describe the server.

    Raises:
        InvalidRequestError: a mode that does not exist, or another parameter that does nothing.
    """
    permit(services, auth, "capabilities", None)
    query = query or Query()
    modes = [value for name, value in query.pairs if name == "mode"]
    mode = modes[0] if modes else "full"
    if mode not in _MODES or len(modes) > 1:
        raise InvalidRequestError(
            f"mode={mode[:100]!r} does not exist; use one of {', '.join(_MODES)}.",
            expression=("http.mode",),
        )
    type_ = "TerminologyCapabilities" if mode == "terminology" else "CapabilityStatement"
    rest = Query(tuple(pair for pair in query.pairs if pair[0] != "mode"), query.handling)
    subset = read_subset(services, type_, rest)
    body = describe(services, mode)
    return Result(200, body=apply_subset(services.definitions, body, subset))


def describe(services: Services, mode: str = "full") -> bytes:
    """Give the whole statement as JSON; made once."""
    return _statement(services.definitions, services.settings, mode, services.operations)


@lru_cache(maxsize=8)
def _statement(
    definitions: Definitions,
    settings: Settings,
    mode: str,
    operations: tuple[OfferedOperation, ...],
) -> bytes:
    base_url = settings.public_url
    if mode == "terminology":
        return write_json(_terminology(base_url))
    names = [name for name in definitions.resource_types if mode == "full" or name in _NORMATIVE]
    referrers = _referrers(definitions)
    enforced = settings.referential_integrity == "enforce"
    policies = ["literal", "logical", "enforced"] if enforced else ["literal", "logical"]
    deletes = "single" if settings.conditional_delete_limit == 1 else "multiple"
    rest: JsonObject = {
        "mode": "server",
        "documentation": (
            "FHIR R4 on PostgreSQL; searches are strict unless Prefer says handling=lenient. With "
            "Prefer: respond-async searches, histories, batches and transactions are answered "
            "later, at the address in Content-Location. Writes take Idempotency-Key and "
            "X-Provenance."
        ),
        **({} if settings.open else {"security": security(base_url)}),
        "resource": [
            {
                **_resource(definitions, name, referrers[name]),
                "conditionalDelete": deletes,
                **_proof(base_url, name),
                "referencePolicy": policies,
                **_operations(operations, name, base_url),
            }
            for name in names
        ],
        "interaction": [{"code": code} for code in _SYSTEM_INTERACTIONS],
        "searchParam": _common_parameters(definitions),
        **_operations(operations, None, base_url),
        "compartment": [
            f"http://hl7.org/fhir/CompartmentDefinition/{name.lower()}" for name in COMPARTMENTS
        ],
    }
    statement = {
        "resourceType": "CapabilityStatement",
        **_head(base_url),
        "fhirVersion": definitions.fhir_version,
        "format": list(FORMATS),
        "patchFormat": list(PATCH_FORMATS),
        "rest": [rest],
    }
    return write_json(statement)


def _terminology(base_url: str) -> JsonObject:
    """Describe what is known of R4's own code systems; others are known once they are stored."""
    return {
        "resourceType": "TerminologyCapabilities",
        **_head(base_url),
        "description": (
            "R4's own code systems and value sets, and those stored here, for the modifiers :in, "
            ":not-in, :below and :above of token parameters."
        ),
        "codeSystem": [
            {
                "uri": url,
                **({"version": [{"code": version}]} if version else {}),
                "subsumption": True,
            }
            for url, version in code_systems().items()
        ],
    }


def _head(base_url: str) -> JsonObject:
    return {
        "url": f"{base_url}/metadata",
        "name": "FhirServer",
        "title": "fhirserver",
        "status": "active",
        "date": PUBLISHED,
        "kind": "instance",
        "software": {"name": "fhirserver", "version": _version()},
        "implementation": {"description": "fhirserver", "url": base_url},
    }


def _version() -> str:
    try:
        return version("fhirserver")
    except PackageNotFoundError:
        return "unknown"


def _resource(definitions: Definitions, name: str, referrers: Sequence[str]) -> JsonObject:
    parameters = searchable(definitions, name)
    described: JsonObject = {
        "type": name,
        "profile": definitions.type_def(name).url,
        "interaction": [{"code": code} for code in _TYPE_INTERACTIONS],
        "versioning": "versioned",
        "readHistory": True,
        "updateCreate": True,
        "conditionalCreate": True,
        "conditionalRead": "full-support",
        "conditionalUpdate": True,
        "searchInclude": [
            "*",
            *(f"{name}:{each.code}" for each in parameters if leads_to_others(each)),
        ],
        "searchRevInclude": referrers,
        "searchParam": [_parameter(each) for each in parameters],
    }
    return {key: value for key, value in described.items() if value != []}


def _proof(base_url: str, name: str) -> JsonObject:
    """Lead to the page that shows a type's claims; a base that others made has no such pages."""
    if not base_url.endswith("/fhir"):
        return {}
    page = f"{base_url.removesuffix('/fhir')}/conformance/support/{name}"
    return {"documentation": f"What shows each of these claims, and when: {page}"}


def _operations(
    operations: Sequence[OfferedOperation], name: str | None, base_url: str
) -> JsonObject:
    """List the operations of a type, or of the base where there is no name."""
    found = [
        {"name": each.code, "definition": each.address(base_url)}
        for each in operations
        if ("system" in each.levels if name is None else each.is_of(name))
    ]
    return {"operation": found} if found else {}


def searchable(definitions: Definitions, name: str) -> list[SearchParameter]:
    """Give the parameters that a search of a type takes, by code."""
    found = definitions.search_parameters(name)
    return [
        found[code] for code in sorted(found) if found[code].supported and not found[code].pending
    ]


def leads_to_others(parameter: SearchParameter) -> bool:
    """Tell whether what a parameter refers to can be included."""
    return parameter.type == "reference" and not parameter.enters_entry


def _parameter(parameter: SearchParameter) -> JsonObject:
    described = {"name": parameter.code, "type": parameter.type}
    if parameter.url:
        described["definition"] = parameter.url
    return described


def _common_parameters(definitions: Definitions) -> list[JsonObject]:
    """Describe the parameters that every type has, which a search of the whole system takes."""
    names = iter(definitions.resource_types)
    common = set(definitions.search_parameters(next(names)))
    for name in names:
        common &= set(definitions.search_parameters(name))
    found = [_parameter(each) for each in searchable(definitions, "Basic") if each.code in common]
    return [*found, _LIST]


def _referrers(definitions: Definitions) -> dict[str, list[str]]:
    """Give, by type, the reference parameters of other types that may point at it."""
    found: dict[str, list[str]] = {name: [] for name in definitions.resource_types}
    for source in definitions.resource_types:
        for parameter in searchable(definitions, source):
            if not leads_to_others(parameter):
                continue
            for target in target_types(parameter, definitions):
                if target in found:
                    found[target].append(f"{source}:{parameter.code}")
    return found
