"""A script per type: every search parameter, modifier and prefix, includes, compartments.

Spec: https://hl7.org/fhir/R4/search.html

Each test shows one claim: something that must be found, and something that must not, among
resources that the script stores itself.
"""

from collections.abc import Iterator
from urllib.parse import quote

from fhirserver.definitions import r4
from fhirserver_conformance.examples.minimal import FIRST, own_id
from fhirserver_conformance.examples.of_values import PREFIXES, Ask
from fhirserver_conformance.examples.searches import Check, TypeData, build
from fhirserver_conformance.suites.links import link_tests
from fhirserver_conformance.suites.matching import Shown, found_and_absent
from fhirserver_conformance.suites.statement import Statement, parameter_claim
from fhirserver_conformance.suites.testscript import (
    Draft,
    Json,
    expect_okay,
    operation,
    phase,
    test,
    testscript,
)
from fhirserver_conformance.suites.world import World

TOGETHER = 10
"""Ids that one search is narrowed to; longer lists go into several searches."""
_EARLY, _LATE = "${early_time}", "${late_time}"
_SHOWS = {"": "SEA-01", "missing": "SEA-04", **dict.fromkeys(PREFIXES, "SEA-03")}


def search_draft(name: str, statement: Statement, prefix: str) -> Draft | None:
    """Make the script of a type; None where the server does not search or store it.

    Args:
        name: of the type.
        statement: what the server offers.
        prefix: of this script's ids and tags; no other script may have it.
    """
    offer = statement.offers[name]
    if "search-type" not in offer.interactions:
        return None
    data = build(name, [code for code in offer.parameters if code in r4().search_parameters(name)])
    if "_lastUpdated" in offer.parameters:
        _ask_last_updated(data)
    world = World(prefix, data, statement)
    if own_id(name, FIRST) not in world.stored:
        return None
    shown = [*_parameter_tests(world), *link_tests(world)]
    fixtures = list(world.fixtures())
    parts = {
        "variable": [*world.variables(), *_times(world)],
        "fixture": [declared for declared, _, _ in fixtures],
        "setup": phase([*world.setup(), *_read_times(world)]),
        "test": [each for each, _ in shown],
        "teardown": phase(list(world.teardown())),
    }
    return Draft(
        f"search/{name}.json",
        testscript(f"search {name}", f"What {name} is found by, and what not.", parts),
        {f"search/{file}": body for _, file, body in fixtures},
        {each["name"]: claims for each, claims in shown},
    )


def _ask_last_updated(data: TypeData) -> None:
    """Ask for times of writing: FIRST was written before everything that shows a parameter."""
    if not data.resources:
        return
    ids = {"late": next(iter(data.resources)), "early": own_id(data.type, FIRST)}
    for claim, value, found in (
        ("", _LATE, "late"),
        ("eq", f"eq{_LATE}", "late"),
        ("ne", f"ne{_LATE}", "early"),
        ("gt", f"gt{_EARLY}", "late"),
        ("lt", f"lt{_LATE}", "early"),
        ("ge", f"ge{_LATE}", "late"),
        ("le", f"le{_EARLY}", "early"),
        ("sa", f"sa{_EARLY}", "late"),
        ("eb", f"eb{_LATE}", "early"),
    ):
        absent = "early" if found == "late" else "late"
        data.ask("_lastUpdated", Ask(claim, value, (found,), (absent,)), ids)
    both = ("early", "late")
    data.ask("_lastUpdated", Ask("ap", f"ap{_LATE}", ("late",), ()), ids)
    data.ask("_lastUpdated", Ask("ap", "ap1990", (), both), ids)
    data.ask("_lastUpdated", Ask("missing", "false", both, ()), ids)
    data.ask("_lastUpdated", Ask("missing", "true", (), both), ids)


def _times(world: World) -> Iterator[Json]:
    """Give the variables of the times of writing; a plus sign may not stand in a query."""
    if _late(world):
        instant = f"{world.data.type}.meta.lastUpdated.toString().replace('+', '%2B')"
        for step in ("early", "late"):
            yield {"name": f"{step}_time", "expression": instant, "sourceId": f"{step}-read"}


def _read_times(world: World) -> Iterator[Json]:
    if late := _late(world):
        name = world.data.type
        first = own_id(name, FIRST)
        late_id = world.shown(late) if world.chosen else "${late}"
        for step, id_ in (("early", world.written(first)), ("late", late_id)):
            read = {"resource": name, "params": f"/{id_}", "responseId": f"{step}-read"}
            yield operation("read", read)


def _late(world: World) -> str | None:
    """Give the name of the resource that stands for what was written late."""
    if not world.late or "read" not in world.statement.offers[world.data.type].interactions:
        return None
    return world.late[0].name


def _parameter_tests(world: World) -> Iterator[Shown]:
    grouped: dict[str, list[Check]] = {}
    for check in world.data.checks:
        if not _can_ask(world, check):
            continue
        claim = parameter_claim(world.data.type, check.code, check.claim)
        grouped.setdefault(claim, []).append(check)
    for claim, checks in grouped.items():
        shows = ("STO-13", _SHOWS.get(checks[0].claim, "SEA-04"))
        actions = [action for check in checks for action in _actions(world, check)]
        yield test(claim, _description(checks), shows, actions), frozenset({claim})


def _can_ask(world: World, check: Check) -> bool:
    """Tell whether what a question is about is stored, and can be told apart."""
    if not world.chosen and check.code == "_tag":
        return False
    if check.code == "_lastUpdated" and _late(world) not in check.found | check.absent:
        return False
    return check.found | check.absent <= world.stored


def _description(checks: list[Check]) -> str:
    if any(check.found for check in checks):
        return "Something is found, and something beside it is not."
    return "No value of this parameter can be found so, and none is."


def _actions(world: World, check: Check) -> Iterator[Json]:
    """Search among a few resources at a time."""
    names = sorted(check.found) + sorted(check.absent)
    for start in range(0, len(names), TOGETHER):
        some = frozenset(names[start : start + TOGETHER])
        yield from _search(world, check, some)


def _search(world: World, check: Check, some: frozenset[str]) -> Iterator[Json]:
    name = world.data.type
    query = world.written(f"{check.name}={quote(check.value, safe='${}')}")
    params = f"?{query}&{world.narrowing(some, check.code)}"
    optional = check.claim != ""
    yield operation("search", {"resource": name, "params": params})
    yield expect_okay(warn=optional)
    yield from found_and_absent(world, name, check.found & some, check.absent & some)


def search_drafts(statement: Statement, run: str) -> Iterator[Draft]:
    """Make the scripts of all types that are searched."""
    for number, name in enumerate(statement.offers):
        draft = search_draft(name, statement, f"{run}{number:03}")
        if draft is not None:
            yield draft
