"""What is made of a CapabilityStatement: valid scripts, for any way of storing, with data for all.

The statements are this server's, with less in them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from fhirserver.definitions import r4
from fhirserver.validation import validate
from fhirserver_conformance.examples.of_values import NOTHING_TO_FIND, NOTHING_TO_LEAVE_OUT
from fhirserver_conformance.examples.searches import COLUMNS, Check, TypeData, build, claims_of
from fhirserver_conformance.suites.interactions import interaction_draft
from fhirserver_conformance.suites.searches import search_draft
from fhirserver_conformance.suites.statement import Statement, claims, read_statement
from tests.conformance.suites.running import by_name, claimed, draft, run
from tests.server import ServerProcess

SEARCHED = ("Basic", "Person", "Observation")
"""Types with many targets, few, and many parameters."""


@pytest.fixture(scope="module")
def statement(server: ServerProcess) -> Statement:
    return read_statement(claimed(server.base), server.base)


def _less(statement: Statement, change: Callable[[dict[str, Any]], None]) -> Statement:
    """Take a promise out of each type, or an interaction out of the system."""
    rest = {**statement.rest, "resource": [dict(each) for each in statement.rest["resource"]]}
    change(rest)
    return read_statement({**statement.resource, "rest": [rest]}, statement.base)


def _ids_assigned(rest: dict[str, Any]) -> None:
    for each in rest["resource"]:
        each["updateCreate"] = False


def _no_transactions(rest: dict[str, Any]) -> None:
    rest["interaction"] = [each for each in rest["interaction"] if each["code"] != "transaction"]


def _neither(rest: dict[str, Any]) -> None:
    _ids_assigned(rest)
    _no_transactions(rest)


@pytest.mark.parametrize("suite", ["search", "interactions"])
@pytest.mark.parametrize(
    "change",
    [_ids_assigned, _no_transactions, _neither],
    ids=["ids-assigned", "no-transactions", "neither"],
)
def test_any_way_of_storing(
    suite: str, change: Callable[[dict[str, Any]], None], statement: Statement
) -> None:
    """Every test passes, and what is stored is taken away again."""
    less = _less(statement, change)
    made = draft(suite, "Person", less, f"w{suite[0]}{len(change.__name__)}")
    results = by_name(run(less.base, [made]))
    assert {name: test.message for name, test in results.items() if test.verdict != "pass"} == {}
    (teardown,) = (test for name, test in results.items() if name.endswith("teardown"))
    statuses = [action.exchange.status for action in teardown.actions if action.exchange]
    assert set(statuses) <= {200, 204}
    assert len(results) > 10


def test_what_is_not_claimed_is_not_tried(statement: Statement) -> None:
    def change(rest: dict[str, Any]) -> None:
        for each in rest["resource"]:
            each["searchParam"] = [{"name": "name", "type": "string"}, {"name": "own-parameter"}]
            each["searchInclude"] = each["searchRevInclude"] = []
            each["interaction"] = [{"code": "search-type"}, {"code": "create"}, {"code": "update"}]
        rest["compartment"] = []

    less = _less(statement, change)
    made = draft("search", "Person", less, "less")
    names = [test["name"] for test in made.resource["test"]]
    expected = ["Person?name", "Person?name:contains", "Person?name:exact", "Person?name:missing"]
    assert sorted(names) == expected


def test_a_type_that_needs_what_the_server_lacks_is_left_out(statement: Statement) -> None:
    """Coverage needs a beneficiary, which is a Patient."""

    def change(rest: dict[str, Any]) -> None:
        rest["resource"] = [each for each in rest["resource"] if each["type"] != "Patient"]

    less = _less(statement, change)
    for make in (search_draft, interaction_draft):
        assert make("Coverage", less, "lack") is None
        person = make("Person", less, "lack")
        assert person is not None
        assert b"Patient/" not in b"".join(person.files.values())


@pytest.mark.parametrize("name", SEARCHED)
@pytest.mark.parametrize("suite", ["search", "interactions"])
def test_scripts_are_valid_testscripts(suite: str, name: str, statement: Statement) -> None:
    """By R4's own rules, so that other engines can run them too."""
    made = draft(suite, name, statement, "valid")
    assert validate(made.resource) == []
    assert set(made.claims) == {test["name"] for test in made.resource["test"]}
    assert set().union(*made.claims.values()) <= set(claims(statement))


def test_ids_fit(statement: Statement) -> None:
    """The longest type with the longest prefix that a run has."""
    for name in ("ImmunizationRecommendation", "SubstanceReferenceInformation", "Observation"):
        data = build(name, statement.offers[name].parameters)
        assert max(map(len, data.resources)) + len("t12345999-") <= 64


def test_every_claim_has_data() -> None:
    """A claim without something to find, or without something to leave out, is listed here."""
    gaps: list[str] = []
    for name in r4().resource_types:
        known = r4().search_parameters(name)
        codes = [code for code, each in known.items() if each.supported and code not in COLUMNS]
        data = build(name, codes)
        gaps += [*data.gaps, *_gaps(data)]
    assert gaps == []


def _gaps(data: TypeData) -> Iterator[str]:
    """Give the claims of a type that no check shows."""
    shown: dict[tuple[str, str], list[Check]] = {}
    for check in data.checks:
        claim = "[type]" if check.claim[:1].isupper() else check.claim
        shown.setdefault((check.code, claim), []).append(check)
    for code in data.codes:
        for claim in claims_of(r4().search_parameters(data.type)[code]):
            checks = shown.get((code, claim), [])
            datatypes = data.datatypes.get(code, set())
            beyond = [(claim, each) for each in datatypes if (claim, each) in NOTHING_TO_LEAVE_OUT]
            if not any(check.absent for check in checks) and not beyond:
                yield f"{data.type}.{code}:{claim}: nothing to leave out"
            if any(check.found for check in checks):
                continue
            if not datatypes or any((claim, each) not in NOTHING_TO_FIND for each in datatypes):
                yield f"{data.type}.{code}:{claim}: nothing to find"
