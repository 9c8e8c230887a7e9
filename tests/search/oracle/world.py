"""Resources that refer to one another, and what chains and `_has` find among them.

Spec: https://hl7.org/fhir/R4/search.html#chaining and https://hl7.org/fhir/R4/search.html#has

    subject.name=eve                     a resource whose subject fulfils name=eve
    subject:Patient.name=eve             ... whose subject is a Patient and does
    _has:Observation:subject:code=a      one that an Observation which fulfils code=a refers to
    _filter=subject[gender eq male].name co "e"    one of whose subjects fulfils both

A name is read from its left, one link at a time. Who may see a part of the world only has the
answers of a world that holds nothing else.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

from hypothesis import strategies as st

from tests.search.oracle import filters
from tests.search.oracle.aimed import aimed_at
from tests.search.oracle.elements import values_of
from tests.search.oracle.matcher import BASE, matches
from tests.search.oracle.queries import Pair, parameters
from tests.search.oracle.resources import resources, some

Json = dict[str, Any]
World = list[Json]

LINKS: dict[tuple[str, str], tuple[str, str]] = {
    ("Patient", "link"): ("Patient", "link.other"),
    ("Observation", "subject"): ("Patient", "subject"),
    ("Observation", "patient"): ("Patient", "subject"),
    ("Observation", "encounter"): ("Encounter", "encounter"),
    ("Observation", "has-member"): ("Observation", "hasMember"),
    ("Encounter", "subject"): ("Patient", "subject"),
    ("Encounter", "patient"): ("Patient", "subject"),
    ("Encounter", "part-of"): ("Encounter", "partOf"),
    ("Encounter", "diagnosis"): ("Condition", "diagnosis.condition"),
    ("Condition", "subject"): ("Patient", "subject"),
    ("Condition", "patient"): ("Patient", "subject"),
    ("Condition", "encounter"): ("Encounter", "encounter"),
    ("RiskAssessment", "subject"): ("Patient", "subject"),
    ("RiskAssessment", "condition"): ("Condition", "condition"),
}
"""By type and parameter: the type that the world lets it refer to, and the element."""
MANY = {"link", "hasMember", "diagnosis"}
"""Elements that are lists."""
MEMBERSHIP = {
    "Patient": ("link",),
    "Observation": ("subject", "performer"),
    "Encounter": ("patient",),
    "Condition": ("patient",),
    "RiskAssessment": ("subject",),
}
"""Spec: https://hl7.org/fhir/R4/compartmentdefinition-patient.html, of what is drawn here."""
TYPES = tuple(MEMBERSHIP)
COMPARTMENTS = {
    "Patient": MEMBERSHIP,
    "Encounter": {"Observation": ("encounter",), "Condition": ("encounter",), "Encounter": ()},
}
"""Likewise https://hl7.org/fhir/R4/compartmentdefinition-encounter.html."""


class Step(NamedTuple):
    """A name of a filter's path.

    Attributes:
        link: the reference, with a type where one is named.
        within: what the resource it points at must fulfil; None for nothing.
    """

    link: str
    within: filters.Drawn | None


class Path(NamedTuple):
    """A test in a filter at the end of links."""

    steps: list[Step]
    test: tuple[str, str, str]


def holds(world: World, resource: Json, query: Iterable[Pair]) -> bool:
    """Tell whether a search of the resource's type in a world finds it."""
    return all(_holds(world, resource, name, value) for name, value in query)


def visible(world: World, patient: str) -> World:
    """Keep what lies in the compartment of a patient and of nobody else, and the patient."""
    return [each for each in world if _own(each, patient)]


def _own(resource: Json, patient: str) -> bool:
    if resource["resourceType"] == "Patient":
        return bool(resource["id"] == patient)
    codes = COMPARTMENTS["Patient"].get(resource["resourceType"], ())
    patients = {
        wanted
        for code in codes
        for wanted in _referred(resource, code)
        if wanted.startswith("Patient/")
    }
    return patients == {f"Patient/{patient}"}


def is_member(resource: Json, kind: str, identity: str) -> bool:
    """Tell whether a resource is in a compartment."""
    codes = COMPARTMENTS[kind].get(resource["resourceType"], ())
    focus = {"resourceType": kind, "id": identity}
    return (resource["resourceType"], resource["id"]) == (kind, identity) or any(
        _refers(resource, code, focus) for code in codes
    )


def path_holds(world: World, resource: Json, path: Path) -> bool:
    """Tell whether a resource fulfils a test at the end of links.

    Of several targets one is enough, but `ni` and `pr false` say that there is none of the other
    kind.
    """
    code, operator, value = path.test
    if operator == "ni":
        return not _arrives(world, resource, path.steps, (code, "in", value))
    if (operator, value) == ("pr", "false"):
        return not _arrives(world, resource, path.steps, (code, "pr", "true"))
    return _arrives(world, resource, path.steps, path.test)


def written(path: Path) -> str:
    """Write a path and its test."""
    steps = [
        step.link if step.within is None else f"{step.link}[{filters.written(step.within)}]"
        for step in path.steps
    ]
    return ".".join([*steps, filters.written(path.test)])


def _arrives(world: World, resource: Json, steps: list[Step], test: tuple[str, str, str]) -> bool:
    if not steps:
        return filters.holds(resource, resource["resourceType"], test)
    step, *rest = steps
    return any(
        _links(resource, step.link, each)
        and (step.within is None or filters.holds(each, each["resourceType"], step.within))
        and _arrives(world, each, rest, test)
        for each in world
    )


def _links(source: Json, link: str, target: Json) -> bool:
    """Tell whether a reference, `subject` or `subject:Patient`, points at a resource."""
    code, _, qualifier = link.partition(":")
    return qualifier in ("", target["resourceType"]) and _refers(source, code, target)


def _holds(world: World, resource: Json, name: str, value: str) -> bool:
    kind = resource["resourceType"]
    if name.startswith("_has:"):
        _, source, code, rest = name.split(":", 3)
        return any(
            each["resourceType"] == source
            and _refers(each, code, resource)
            and _holds(world, each, rest, value)
            for each in world
        )
    link, chained, rest = name.partition(".")
    if not chained:
        return matches(resource, kind, [(name, value)])
    return any(_links(resource, link, each) and _holds(world, each, rest, value) for each in world)


def _refers(source: Json, code: str, target: Json) -> bool:
    return f"{target['resourceType']}/{target['id']}" in _referred(source, code)


def _referred(source: Json, code: str) -> set[str]:
    """Collect what the references of a parameter name, as `Type/id` where it is here."""
    return {
        each.value.get("reference", "").removeprefix(f"{BASE}/").partition("/_history")[0]
        for each in values_of(source, source["resourceType"], code)
    }


@st.composite
def worlds(draw: st.DrawFn, prefix: str) -> World:
    """Draw a few resources of each type; `prefix` makes their ids the world's own."""
    ids = {
        kind: [f"{prefix}-{kind[0].lower()}{n}" for n in range(draw(st.integers(1, 3)))]
        for kind in TYPES
    }
    found = []
    for kind in TYPES:
        for identity in ids[kind]:
            elements = {
                element: _references(target, [*ids[target], f"{prefix}-nobody"])
                for (source, _), (target, element) in LINKS.items()
                if source == kind
            }
            links = draw(some(**elements))
            resource = draw(resources(kind))
            for element, reference in links.items():
                _place(resource, element, reference)
            found.append({**resource, "id": identity})
    return found


@st.composite
def chained(draw: st.DrawFn, world: World, kind: str) -> Pair:
    """Draw a parameter of one to four links: chains, `_has`, and both."""
    name = ""
    for _ in range(draw(st.integers(1, 4))):
        steps = [(code, "", LINKS[source, code][0]) for source, code in LINKS if source == kind]
        steps += [(code, source, source) for (source, code), (to, _) in LINKS.items() if to == kind]
        code, referring, other = draw(st.sampled_from(steps))
        qualified = draw(st.booleans())
        if referring:
            name += f"_has:{referring}:{code}:"
        else:
            name += f"{code}:{other}." if qualified else f"{code}."
        kind = other
    among = [each for each in world if each["resourceType"] == kind]
    aimed = draw(st.sampled_from(among).flatmap(lambda each: aimed_at(kind, each)))
    blind = draw(parameters(kind))
    leaf, value = draw(st.sampled_from([blind] if aimed is None else [aimed, aimed, aimed, blind]))
    return name + leaf, value


@st.composite
def paths(draw: st.DrawFn, kind: str) -> Path:
    """Draw a filter's test at the end of one to three links."""
    steps = []
    for _ in range(draw(st.integers(1, 3))):
        code = draw(st.sampled_from([code for source, code in LINKS if source == kind]))
        kind = LINKS[kind, code][0]
        link = draw(st.sampled_from([code, f"{code}:{kind}"]))
        within = draw(st.one_of(st.none(), filters.filters(kind)))
        steps.append(Step(link, within))
    return Path(steps, draw(filters.comparisons(kind)))


def _references(kind: str, ids: list[str]) -> st.SearchStrategy[Json]:
    local = st.sampled_from(ids).map(lambda identity: f"{kind}/{identity}")
    forms = [local, local, local.map(lambda text: f"{BASE}/{text}")]
    literal = st.one_of(*forms, local.map(lambda text: f"{text}/_history/1"))
    return literal.map(lambda text: {"reference": text})


def _place(resource: Json, element: str, reference: Json) -> None:
    name, _, within = element.partition(".")
    value = {within: reference} if within else reference
    resource[name] = [value] if name in MANY else value
