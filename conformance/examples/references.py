"""References to every type that a parameter may point at.

Spec: https://hl7.org/fhir/R4/search.html#reference

Parameters that look at the same element share their resources. Where an element may point at very
many types and repeats, one resource points at all of them; then `:[type]` is asked of two types
only. That it is found by each of them is shown by the reverse includes, which name them all.
"""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from functools import cache
from hashlib import blake2b

from fhirserver.definitions import SearchParameter, r4
from fhirserver_conformance.examples.minimal import FIRST, SECOND, minimal, own_id, targets
from fhirserver_conformance.examples.of_values import Ask
from fhirserver_conformance.examples.places import Place, elsewhere, places, put
from fhirserver_conformance.examples.values import Json

Store = Callable[..., None]

OWN = "http://own.claims.test/fhir"
"""Stands for the base of the server under test."""

MANY = 10
"""More targets than this go into one resource where the element repeats."""

_SYSTEM = "http://claims.test/logical"
_CANONICAL = "http://claims.test/canonical/one"


HIERARCHICAL = ("below", "above")
"""Modifiers of references into a hierarchy of resources."""

_PARENTS = ("partof", "part-of", "parent")


@dataclass(slots=True)
class Linked:
    """Resources by label, each with its id; the questions; and by target who points at FIRST."""

    resources: dict[str, tuple[str, Json]] = field(default_factory=dict)
    asks: list[Ask] = field(default_factory=list)
    links: dict[str, str] = field(default_factory=dict)

    def counted(self, ids: dict[str, str]) -> dict[str, str]:
        """Leave out what `:missing` need not see: references without a literal, other types."""
        return {label: ids[label] for label in ids if label not in ("logical", "unlike", "other")}


def linked(parameter: SearchParameter, place: Place) -> Linked:
    """Make the resources of one place, and what to ask."""
    made = Linked()
    types = _types(parameter, place)
    stem = blake2b(place.key.encode(), digest_size=6).hexdigest()

    def store(label: str, suffix: str, *values: Json) -> None:
        """Keep a resource under a label."""
        there = (elsewhere(place) or place) if label == "beside" else place
        made.resources[label] = (f"r-{stem}-{suffix}", _pointing(there, values))

    store("stranger", f"stranger-{types[0]}", _literal(place, types[0], SECOND))
    if len(types) > MANY and any(step.element.is_list for step in place.steps):
        store("wide", "wide", *(_literal(place, name, FIRST) for name in types))
        made.links = dict.fromkeys(types, "wide")
    else:
        for name in types:
            store(name, name, _literal(place, name, FIRST))
            made.links[name] = name
    if elsewhere(place) is not None:
        store("beside", f"beside-{types[0]}", _literal(place, types[0], FIRST))
    _ask_types(made, types)
    _ask_hierarchies(made, types)
    _add_unlike(made, place, store)
    if place.datatype == "Reference":
        _add_logical(made, place, store)
    else:
        _add_canonical(made, store)
    return made


@cache
def in_hierarchies(parameter: SearchParameter) -> tuple[str, ...]:
    """List the types that a parameter points at of which one may be a part of another."""
    found = {name for place in places(parameter) or () for name in _types(parameter, place)}
    return tuple(sorted(name for name in found if _has_parts(name)))


def _has_parts(name: str) -> bool:
    known = r4().search_parameters(name)
    return any(code in known and name in known[code].targets for code in _PARENTS)


def _types(parameter: SearchParameter, place: Place) -> tuple[str, ...]:
    if place.target:
        return (place.target,)
    if not place.steps or place.datatype != "Reference":
        return parameter.targets or r4().resource_types
    allowed = targets(place.element)
    return tuple(name for name in allowed if not parameter.targets or name in parameter.targets)


def _literal(place: Place, name: str, which: str) -> Json:
    text = f"{name}/{own_id(name, which)}"
    return {"reference": text} if place.datatype == "Reference" else f"{OWN}/{text}"


def _pointing(place: Place, values: tuple[Json, ...]) -> Json:
    """Make a resource that holds all these values, in objects of their own along the path."""
    resource = put(minimal(place.type), place, values[0])
    for value in values[1:]:
        _merge(resource, put(minimal(place.type), place, value), place)
    return resource


def _merge(resource: Json, other: Json, place: Place) -> None:
    """Take over what `other` has at the deepest list of the path."""
    deepest = max(n for n, step in enumerate(place.steps) if step.element.is_list)
    for step in place.steps[:deepest]:
        resource, other = resource[step.element.name], other[step.element.name]
        if step.element.is_list:
            resource, other = resource[0], other[0]
    name = place.steps[deepest].element.name
    resource[name] = [*resource[name], deepcopy(other[name][0])]


def _ask_types(made: Linked, types: tuple[str, ...]) -> None:
    for position, name in enumerate(types):
        label = made.links[name]
        others = {"stranger", made.links[types[position - 1]]} - {label}
        absent = tuple(sorted(others))
        if label == name or name in (types[0], types[-1]):
            made.asks.append(Ask(name, own_id(name, FIRST), (label,), absent))
        if name in (types[0], types[-1]):
            made.asks.append(Ask("", f"{name}/{own_id(name, FIRST)}", (label,), absent))
    second = own_id(types[0], SECOND)
    made.asks.append(Ask("", second, ("stranger",), tuple(sorted(set(made.links.values())))))


def _ask_hierarchies(made: Linked, types: tuple[str, ...]) -> None:
    """Ask for what is at or below FIRST, and above it; it has no parts and is part of nothing."""
    for name in [each for each in types if _has_parts(each)][:1]:
        for modifier in HIERARCHICAL:
            value = f"{name}/{own_id(name, FIRST)}"
            made.asks.append(Ask(modifier, value, (made.links[name],), ("stranger",)))


def _add_unlike(made: Linked, place: Place, store: Store) -> None:
    """Point at the same id of a type that the parameter leaves out, if the element allows one."""
    if not place.target:
        return
    others = [name for name in targets(place.element) if name != place.target]
    if others:
        store("other", others[0], _literal(place, others[0], FIRST))
        first = own_id(place.target, FIRST)
        made.asks.append(Ask("", first, (place.target,), ("other",)))


def _add_logical(made: Linked, place: Place, store: Store) -> None:
    kind = place.target or next(iter(made.links))
    for label, value, display in (("logical", "one", "Zephyrine"), ("unlike", "two", "Oblong")):
        identifier = {"system": _SYSTEM, "value": value}
        stated = {"type": kind, "identifier": identifier, "display": display}
        store(label, f"{label}-{kind}", stated)
    absent = ("stranger", "unlike")
    made.asks.append(Ask("identifier", f"{_SYSTEM}|one", ("logical",), absent))
    made.asks.append(Ask("identifier", "one", ("logical",), absent))
    made.asks.append(Ask("text", "zephyr", ("logical",), absent))


def _add_canonical(made: Linked, store: Store) -> None:
    store("logical", "canonical", f"{_CANONICAL}|1.0")
    store("unlike", "canonical-2", f"{_CANONICAL}|2.0")
    absent = ("stranger",)
    made.asks.append(Ask("", _CANONICAL, ("logical", "unlike"), absent))
    made.asks.append(Ask("", f"{_CANONICAL}|1.0", ("logical",), ("unlike", *absent)))
    made.asks.append(Ask("identifier", f"{_SYSTEM}|one", (), ("logical", *absent)))
    made.asks.append(Ask("text", "zephyr", (), ("logical", *absent)))
