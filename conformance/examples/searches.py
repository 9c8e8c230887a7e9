"""The resources of one type, and what must come of every search for them.

A parameter's places each get an example of their own. The claims that CapabilityStatements make of
a parameter are the plain search, its modifiers, its prefixes, and `:missing`.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from fhirserver.definitions import SearchParameter, r4
from fhirserver_conformance.examples.by_hand import ALONG, DATATYPES, EXAMPLES, along
from fhirserver_conformance.examples.composites import composite_examples
from fhirserver_conformance.examples.minimal import BARE, FIRST, SECOND, minimal, own_id
from fhirserver_conformance.examples.of_the_whole import CLAIMED, whole_example
from fhirserver_conformance.examples.of_values import (
    MODIFIERS,
    NOT_SEARCHED,
    PREFIXES,
    Ask,
    Example,
    example,
)
from fhirserver_conformance.examples.places import Place, elsewhere, holds, places, put
from fhirserver_conformance.examples.references import HIERARCHICAL, in_hierarchies, linked
from fhirserver_conformance.examples.values import Json

COLUMNS = ("_id", "_lastUpdated")


@dataclass(frozen=True, slots=True)
class Check:
    """One search of a type and the ids that must and must not come."""

    code: str
    claim: str
    name: str
    value: str
    found: frozenset[str]
    absent: frozenset[str]


@dataclass(slots=True)
class TypeData:
    """What is stored of a type and asked of it.

    Attributes:
        resources: by id.
        links: by (code, target type): ids of resources that point at that type's FIRST.
        strangers: by code: id of a resource that points elsewhere.
        codes: of the parameters that are claimed.
        datatypes: by code: the types of the values that it looks at.
        gaps: claims that nothing was made for, in words.
    """

    type: str
    resources: dict[str, Json] = field(default_factory=dict)
    checks: list[Check] = field(default_factory=list)
    links: dict[tuple[str, str], set[str]] = field(default_factory=dict)
    strangers: dict[str, str] = field(default_factory=dict)
    codes: list[str] = field(default_factory=list)
    datatypes: dict[str, set[str]] = field(default_factory=dict)
    gaps: list[str] = field(default_factory=list)

    def store(self, id_: str, resource: Json) -> str:
        """Keep a resource under an id."""
        self.resources[id_] = resource | {"id": id_}
        return id_

    def ask(self, code: str, ask: Ask, ids: dict[str, str]) -> None:
        """Turn a question about labels into one about ids."""
        name, value = ask.query(code)
        found = frozenset(ids[label] for label in ask.found)
        absent = frozenset(ids[label] for label in ask.absent)
        self.checks.append(Check(code, ask.claim, name, value, found, absent))


def claims_of(parameter: SearchParameter) -> list[str]:
    """List what is claimed of a parameter by naming it with its type."""
    if parameter.code in CLAIMED:
        return list(CLAIMED[parameter.code])
    if parameter.code == "_id":
        return ["", "missing", "not"]
    if parameter.enters_entry:
        return ["", "missing", "[type]"]
    if parameter.code == "_lastUpdated":
        return ["", "missing", *PREFIXES]
    prefixes = PREFIXES if parameter.type in ("date", "number", "quantity") else ()
    modifiers = MODIFIERS[parameter.type]
    if parameter.type != "reference":
        return ["", "missing", *modifiers, *prefixes]
    if not in_hierarchies(parameter):
        modifiers = tuple(each for each in modifiers if each not in HIERARCHICAL)
    return ["", "missing", *modifiers, "[type]"]


def build(name: str, codes_claimed: Iterable[str]) -> TypeData:
    """Make the data of a type for the parameters that are claimed."""
    data = TypeData(name)
    known = r4().search_parameters(name)
    for code in codes_claimed:
        data.codes.append(code)
        if code == "_id":
            _add_id(data)
        elif code in CLAIMED:
            data.datatypes[code] = {"whole"}
            _add_whole(data, code, whole_example(name, code))
        elif code not in COLUMNS:
            _add(data, known[code])
    return data


def _add_id(data: TypeData) -> None:
    ids = {which: own_id(data.type, which) for which in (BARE, FIRST, SECOND)}
    for ask in (
        Ask("", ids[FIRST], (FIRST,), (SECOND, BARE)),
        Ask("not", ids[FIRST], (SECOND, BARE), (FIRST,)),
        Ask("missing", "false", (FIRST, SECOND), ()),
        Ask("missing", "true", (), (FIRST, SECOND)),
    ):
        data.ask("_id", ask, ids)


def _add(data: TypeData, parameter: SearchParameter) -> None:
    code = parameter.code
    by_hand = EXAMPLES.get((data.type, code))
    if by_hand is not None:
        data.datatypes[code] = DATATYPES[data.type, code]
        _add_whole(data, code, by_hand)
        return
    if parameter.type == "composite":
        data.datatypes[code] = {parameter.type}
        for number, whole in enumerate(composite_examples(parameter)):
            _add_whole(data, f"{code}-{number}", whole, code)
        return
    found = places(parameter)
    if not found:
        data.gaps.append(f"{data.type}.{code}: {parameter.expression!r} is not understood")
        return
    bare = not any(holds(minimal(data.type), place) for place in found)
    for number, place in enumerate(found):
        if (parameter.type, place.datatype) in NOT_SEARCHED:
            continue
        data.datatypes.setdefault(code, set()).add(place.datatype)
        if parameter.type == "reference":
            _add_reference(data, parameter, place, bare=bare)
            continue
        made = example(parameter.type, place)
        if made is None:
            data.gaps.append(f"{data.type}.{code}: nothing is known of {place.datatype}")
            continue
        ids = _store(data, (code, number), place, made)
        for ask in made.asks:
            data.ask(code, _with_others(ask, ids, bare=bare), ids)
        _ask_missing(data, code, ids, bare=bare)


def _store(data: TypeData, where: tuple[str, int], place: Place, made: Example) -> dict[str, str]:
    """Store an example's values, and the one to find again where the place's condition fails."""
    code, number = where
    wanted = [(place, label, value) for label, value in made.values.items()]
    there = elsewhere(place)
    if there is not None:
        wanted.append((there, "beside", made.values["hit"]))
    ids = {BARE: own_id(data.type, BARE)}
    for position, label, value in wanted:
        resource = put(minimal(data.type), position, value)
        along(resource, ALONG.get((data.type, code), {}))
        ids[label] = data.store(f"{code.replace('_', '-')}-{number}-{label}", resource)
    return ids


def _with_others(ask: Ask, ids: dict[str, str], *, bare: bool) -> Ask:
    """Say what becomes of the resource without a value, and of one that a condition leaves out."""
    others = [*([BARE] if bare else []), *(["beside"] if "beside" in ids else [])]
    if ask.claim in ("not", "not-in"):
        return replace(ask, found=(*ask.found, *others))
    return replace(ask, absent=(*ask.absent, *others))


def _ask_missing(data: TypeData, code: str, ids: dict[str, str], *, bare: bool) -> None:
    lacking = [*([BARE] if bare else []), *(["beside"] if "beside" in ids else [])]
    having = [label for label in ids if label not in (BARE, "beside")]
    data.ask(code, Ask("missing", "true", tuple(lacking), tuple(having)), ids)
    data.ask(code, Ask("missing", "false", tuple(having), tuple(lacking)), ids)


def _add_reference(data: TypeData, parameter: SearchParameter, place: Place, *, bare: bool) -> None:
    made = linked(parameter, place)
    ids = {BARE: own_id(data.type, BARE)}
    for label, (id_, resource) in made.resources.items():
        ids[label] = data.store(id_, resource)
    for ask in made.asks:
        data.ask(parameter.code, _with_others(ask, ids, bare=bare), ids)
    _ask_missing(data, parameter.code, made.counted(ids), bare=bare)
    for target, label in made.links.items():
        data.links.setdefault((parameter.code, target), set()).add(ids[label])
    data.strangers.setdefault(parameter.code, ids["stranger"])


def _add_whole(data: TypeData, stem: str, made: Example, code: str = "") -> None:
    """Store an example of whole resources; its ids begin with `stem`, the code if none is given."""
    ids = {which: own_id(data.type, which) for which in (BARE, FIRST, SECOND)}
    for label, resource in made.values.items():
        ids[label] = data.store(f"{stem.replace('_', '-')}-{label}", resource)
    for ask in made.asks:
        data.ask(code or stem, ask, ids)
