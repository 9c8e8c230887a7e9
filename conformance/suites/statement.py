"""What a server says that it does: its CapabilityStatement, and the list of its claims.

Spec: https://hl7.org/fhir/R4/capabilitystatement.html

A claim is one promise that a test can show. It is written as a line, which names the test's proof:

    Patient create                        an interaction; also vread, history-type …
    Patient conditionalDelete             an element of rest.resource that promises a behaviour
    Patient?name                          a search parameter
    Patient?name:exact                    with a modifier, or with [type] for any type
    Patient?birthdate=ge                  with a prefix
    Patient?_include=Patient:link         also _revinclude
    Patient/*/Observation                 a compartment's type
    Patient/$validate                     an operation
    transaction                           an interaction of the whole system; also ?_id, format …

R4's statement names no modifiers and prefixes: those that the standard gives a parameter's type
count as claimed, but a server that refuses one gets a warning, not a failure.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fhirserver.definitions import r4
from fhirserver_conformance.examples.of_values import PREFIXES
from fhirserver_conformance.examples.searches import COLUMNS, claims_of

Json = dict[str, Any]

STATED = (
    "conditionalCreate",
    "conditionalDelete",
    "conditionalRead",
    "conditionalUpdate",
    "readHistory",
    "referencePolicy",
    "updateCreate",
    "versioning",
)
"""Elements of rest.resource that promise a behaviour."""
_NO_PROMISE = (None, False, "no-version", "not-supported")


@dataclass(frozen=True, slots=True)
class Offer:
    """What a server offers on one type.

    Attributes:
        stated: the entry of rest.resource.
        interactions: codes, e.g. "read".
        parameters: codes of search parameters that R4 defines, those of all types included.
    """

    type: str
    stated: Mapping[str, Any]
    interactions: frozenset[str]
    parameters: tuple[str, ...]

    def promises(self, element: str) -> bool:
        """Tell whether an element of `STATED` promises anything."""
        return self.stated.get(element) not in _NO_PROMISE

    def lists(self, element: str) -> tuple[str, ...]:
        """Give what a repeating element lists, e.g. of "searchInclude"."""
        return tuple(self.stated.get(element, ()))

    @property
    def operations(self) -> frozenset[str]:
        """Names of operations, e.g. "validate"."""
        return frozenset(each.get("name", "") for each in self.stated.get("operation", ()))


@dataclass(frozen=True, slots=True)
class Statement:
    """What a server offers.

    Attributes:
        base: FHIR base of the server.
        resource: the CapabilityStatement.
        rest: its part for servers.
        offers: by type, of the types that R4 defines.
    """

    base: str
    resource: Mapping[str, Any]
    rest: Mapping[str, Any]
    offers: Mapping[str, Offer]

    @property
    def interactions(self) -> frozenset[str]:
        """Codes of interactions of the whole system."""
        return frozenset(each.get("code", "") for each in self.rest.get("interaction", ()))

    @property
    def parameters(self) -> tuple[str, ...]:
        """Search parameters of the whole system."""
        return tuple(each.get("name", "") for each in self.rest.get("searchParam", ()))

    def speaks(self, name: str) -> bool:
        """Tell whether a format is offered, e.g. "xml"."""
        return any(name in str(each) for each in self.resource.get("format", ()))

    @property
    def compartments(self) -> tuple[str, ...]:
        """Types that own a compartment, e.g. "Patient"."""
        codes = {str(url).rpartition("/")[2].lower() for url in self.rest.get("compartment", ())}
        return tuple(name for name in r4().resource_types if name.lower() in codes)


def read_statement(resource: Mapping[str, Any], base: str) -> Statement:
    """Read a CapabilityStatement; whatever has another shape than R4's is passed over."""
    rest = next((each for each in _dicts(resource.get("rest")) if each.get("mode") == "server"), {})
    known = frozenset(r4().resource_types)
    offers = {
        str(each["type"]): _offer(each)
        for each in _dicts(rest.get("resource"))
        if isinstance(each.get("type"), str) and each["type"] in known
    }
    return Statement(base, resource, rest, offers)


def _offer(stated: Json) -> Offer:
    name = str(stated["type"])
    defined = {*r4().search_parameters(name), *COLUMNS}
    declared = [str(each.get("name")) for each in _dicts(stated.get("searchParam"))]
    interactions = frozenset(str(each.get("code")) for each in _dicts(stated.get("interaction")))
    parameters = tuple(code for code in declared if code in defined)
    return Offer(name, stated, interactions, parameters)


def _dicts(value: object) -> list[Json]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def claims(statement: Statement) -> Iterator[str]:
    """List every claim of a statement."""
    for offer in statement.offers.values():
        yield from (f"{offer.type} {code}" for code in sorted(offer.interactions))
        yield from (f"{offer.type} {name}" for name in STATED if offer.promises(name))
        yield from (f"{offer.type}/${name}" for name in sorted(offer.operations))
        yield from _of_searches(offer)
        for owner in statement.compartments:
            if offer.type in r4().compartment(owner):
                yield f"{owner}/*/{offer.type}"
    yield from sorted(statement.interactions)
    yield from (f"?{code}" for code in statement.parameters)
    yield from (f"format {each}" for each in statement.resource.get("format", ()))
    yield from (f"patchFormat {each}" for each in statement.resource.get("patchFormat", ()))
    yield from (f"${each.get('name')}" for each in statement.rest.get("operation", ()))


def _of_searches(offer: Offer) -> Iterator[str]:
    known = r4().search_parameters(offer.type)
    for code in offer.parameters:
        for claim in claims_of(known[code]):
            yield parameter_claim(offer.type, code, claim)
    yield from (f"{offer.type}?_include={each}" for each in offer.lists("searchInclude"))
    yield from (f"{offer.type}?_revinclude={each}" for each in offer.lists("searchRevInclude"))


def parameter_claim(name: str, code: str, claim: str) -> str:
    """Write a claim about a search parameter; `claim` as in `Ask`: "", a modifier, a prefix."""
    if not claim:
        return f"{name}?{code}"
    if claim[:1].isupper():
        claim = "[type]"
    return f"{name}?{code}{'=' if claim in PREFIXES else ':'}{claim}"
