"""A server that lies is found out, and in the tests that are about the lie."""

from __future__ import annotations

import re
from dataclasses import replace
from uuid import uuid4

import pytest

from fhirserver_conformance.suites.statement import read_statement
from tests.conformance.suites.liar import Asked, Lie, Told, lying
from tests.conformance.suites.running import by_name, claimed, draft, run
from tests.server import ServerProcess

PERSON = ("search", "Person")


def _new() -> str:
    """Give a beginning of ids that no other test has: liars leave things behind."""
    return f"l{uuid4().hex[:7]}"


def _every_second_entry_is_lost(told: Told) -> Told:
    bundle = told.bundle
    if bundle is None or bundle["type"] != "searchset":
        return told
    bundle["entry"] = bundle.get("entry", [])[::2]
    return told.saying(bundle)


def _all_is_well(told: Told) -> Told:
    return replace(told, status=200)


def _without_links(told: Told) -> Told:
    bundle = told.bundle
    if bundle is None:
        return told
    return told.saying(bundle | {"link": [{"relation": "self", "url": "http://liar.test"}]})


def _as_json(told: Told) -> Told:
    return replace(told, headers={**told.headers, "content-type": "application/fhir+json"})


def _without(pattern: str, by: str = "") -> Lie:
    """Pass requests on with part of their address replaced."""
    return Lie(ask=lambda asked: replace(asked, path=re.sub(pattern, by, asked.path)))


def _deaf(*names: str) -> Lie:
    """Pass requests on without some headers."""

    def ask(asked: Asked) -> Asked:
        kept = {name: value for name, value in asked.headers.items() if name not in names}
        return replace(asked, headers=kept)

    return Lie(ask=ask)


def _reads_instead_of(method: str) -> Lie:
    """Answer a method as if it had been GET: nothing is done."""

    def ask(asked: Asked) -> Asked:
        return replace(asked, method="GET" if asked.method == method else asked.method)

    return Lie(ask=ask)


@pytest.mark.parametrize(
    ("lie", "where", "caught", "fine"),
    [
        pytest.param(
            Lie(tell=_every_second_entry_is_lost),
            PERSON,
            {"Person?name", "Person?name:missing", "Person?_include=Person:link"},
            {"Person?name:exact"},
            id="search.html#errors/lost-entries",
        ),
        pytest.param(
            _without(r"name:exact=", "name="),
            PERSON,
            {"Person?name:exact"},
            {"Person?name", "Person?name:contains"},
            id="search.html#modifiers/passed-over",
        ),
        pytest.param(
            _without(r"\?name:[a-z]+=\w+&", "?"),
            PERSON,
            {"Person?name:exact", "Person?name:contains", "Person?name:missing"},
            {"Person?name"},
            id="search.html#lenient/parameter-passed-over",
        ),
        pytest.param(
            _without(r"birthdate=(gt|lt)", "birthdate=ne"),
            PERSON,
            {"Person?birthdate=gt"},
            {"Person?birthdate", "Person?birthdate=ge"},
            id="search.html#prefix/taken-for-another",
        ),
        pytest.param(
            _without(r"&_include=[^&]*"),
            PERSON,
            {"Person?_include=Person:link", "Person?_include=*"},
            {"Person?link"},
            id="search.html#include/nothing-comes-with-it",
        ),
        pytest.param(
            _without(r"&_revinclude=[^&]*"),
            PERSON,
            {"Patient?_revinclude=Person"},
            {"Person?_include=Person:link"},
            id="search.html#revinclude/nothing-comes-with-it",
        ),
        pytest.param(
            _without(r"/Patient/[^/?]+/Person\?", "/Person?"),
            PERSON,
            {"Patient/*/Person"},
            {"Person?link"},
            id="compartmentdefinition.html/no-bounds",
        ),
        pytest.param(
            Lie(tell=_all_is_well),
            ("interactions", "Person"),
            {"interactions/Person.json setup"},
            set(),
            id="http.html#create/200-to-everything",
        ),
        pytest.param(
            Lie(tell=_all_is_well),
            ("rest", "errors"),
            {"no JSON", "an unknown type", "an unknown id", "an invalid resource"},
            {"an unknown parameter, leniently"},
            id="http.html#status/200-to-everything",
        ),
        pytest.param(
            _without(r"/_history/[^?]+$"),
            ("interactions", "Person"),
            {"Person vread", "Person readHistory"},
            {"Person read", "Person update"},
            id="http.html#vread/always-the-current-version",
        ),
        pytest.param(
            _reads_instead_of("DELETE"),
            ("interactions", "Person"),
            {"Person delete"},
            {"Person read", "Person history-instance"},
            id="http.html#delete/nothing-is-done",
        ),
        pytest.param(
            _reads_instead_of("PATCH"),
            ("interactions", "Person"),
            {"Person patch"},
            {"Person read", "Person update"},
            id="http.html#patch/nothing-is-done",
        ),
        pytest.param(
            _deaf("if-none-exist"),
            ("interactions", "Person"),
            {"Person conditionalCreate"},
            {"Person create", "Person conditionalUpdate"},
            id="http.html#ccreate/condition-passed-over",
        ),
        pytest.param(
            _deaf("if-match"),
            ("rest", "versions"),
            {"update of a version of before"},
            {"update of the version that was read"},
            id="http.html#concurrency/condition-passed-over",
        ),
        pytest.param(
            Lie(tell=_as_json),
            ("rest", "formats"),
            {"XML by Accept", "_format before Accept"},
            {"JSON by Accept"},
            id="http.html#mime-type/wrong-name",
        ),
        pytest.param(
            _without(r"&_sort=[^&]*"),
            ("rest", "order"),
            {"ascending", "by an unknown parameter"},
            set(),
            id="search.html#sort/no-order",
        ),
        pytest.param(
            Lie(tell=_without_links),
            ("rest", "pages"),
            {"pages joined are the whole", "links"},
            {"total", "_count=0"},
            id="http.html#paging/no-next-page",
        ),
        pytest.param(
            _without(r"&_(elements|summary)=[^&]*"),
            ("rest", "parts"),
            {"_elements", "_summary=true", "_summary=text", "_summary=data"},
            {"_summary=false"},
            id="search.html#elements/all-of-it",
        ),
        pytest.param(
            _without(r"_type=[^&]*&", "_type=Patient&"),
            ("system", "system"),
            {"search-system", "?_tag"},
            {"transaction", "batch"},
            id="search.html#all-types/one-type-only",
        ),
    ],
)
def test_a_lie_is_found_out(
    lie: Lie, where: tuple[str, str], caught: set[str], fine: set[str], server: ServerProcess
) -> None:
    """`caught` are tests that must not pass, `fine` some that must."""
    suite, name = where
    with lying(server.base, lie) as base:
        statement = read_statement(claimed(base), base)
        results = by_name(run(base, [draft(suite, name, statement, _new())]))
    verdicts = {each: results[each].verdict for each in caught | fine}
    assert {each for each in verdicts if verdicts[each] in ("fail", "error")} == caught
    assert {each for each in verdicts if verdicts[each] == "pass"} == fine


@pytest.mark.parametrize(
    ("suite", "name"),
    [PERSON, ("interactions", "Person"), ("system", "system")],
    ids=["search", "interactions", "system"],
)
def test_the_liar_without_a_lie_passes(suite: str, name: str, server: ServerProcess) -> None:
    with lying(server.base, Lie()) as base:
        statement = read_statement(claimed(base), base)
        results = run(base, [draft(suite, name, statement, _new())])
    assert [result.verdict for result in results] == ["pass"]
