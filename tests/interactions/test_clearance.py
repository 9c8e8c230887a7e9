"""Security labels as clearance: who is not cleared for a label is told nothing of what carries it.

Spec: https://hl7.org/fhir/R4/security-labels.html

A is treated, B is not. Each caller has a token of its own, over HTTP.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from fhirserver.access.clearance import ORDINARY as ORDINARY_ONLY
from fhirserver.access.clearance import withheld
from fhirserver.definitions import r4
from fhirserver.search.condition_sql import on
from fhirserver.search.labelled import unlabelled
from fhirserver.store.database import now_us
from tests.client import Answer
from tests.labelled_record import CARE, EVERY, LABELS, ORDINARY, SECRET, A, B, store
from tests.secured import Caller, Secured

BREAK = """INSERT INTO broken_glass (account, patient, reason, broken, expires)
VALUES (%s, %s, 'x', %s, 9000000000000000)"""


@pytest.fixture(scope="module")
def everybody(secured: Secured) -> Iterator[Caller]:
    with secured.caller(secured.issue("system/*.cruds").secret) as caller:
        store(caller)
        yield caller


@pytest.fixture(scope="module")
def callers(secured: Secured, everybody: Caller) -> Iterator[dict[str, Caller]]:
    """Give callers by name; `glass` has broken it for both patients, one of whom it treats."""
    of_a = {"patients": (A, SECRET)}
    tokens = {"system": secured.issue("system/*.rs")}
    for role in ("physician", "nurse", "researcher", "proxy"):
        user = f"Practitioner/clear-{role}"
        tokens[role] = secured.issue("user/*.cruds", role=role, user=user, **of_a)
    for role in ("billing", "front-desk"):
        tokens[role] = secured.issue("user/*.cruds", role=role, user=f"Practitioner/clear-{role}")
    tokens["patient"] = secured.issue("user/*.rs", role="patient", user=f"Patient/{A}")
    tokens["app of the patient"] = secured.issue(
        "patient/*.rs", role="patient", user=f"Patient/{A}", patient=A
    )
    tokens["app of the proxy"] = secured.issue(
        "patient/*.rs", role="proxy", user="Practitioner/clear-proxy", patient=A, **of_a
    )
    tokens["app of nobody"] = secured.issue("patient/*.rs", patient=A)
    glass = {"role": "physician", "user": "Practitioner/clear-glass", "patients": (A,)}
    tokens["glass"] = secured.issue("user/*.cruds", **glass)
    with secured.database.connection() as connection:
        for patient in (A, B):
            connection.execute(BREAK, (secured.account(**glass), patient, now_us()))
    with ExitStack() as opened:
        yield {
            name: opened.enter_context(secured.caller(token.secret))
            for name, token in tokens.items()
        }


def ids(answer: Answer) -> set[str]:
    assert answer.status == 200, answer.text
    entries = answer.json.get("entry", ())
    return {each["resource"].get("id", "") for each in entries if "resource" in each}


NEVER: set[str] = set()
LISTS = (
    "Encounter?date=1931&_count=500",
    "Encounter?date=1931&_count=500&class=AMB&_sort=-date",
    "Encounter?status=finished&_count=500&date=1931&_sort=_id",
    f"Encounter?patient={A},{B}&_count=500",
    f"Encounter?patient:Patient._id={A},{B}&_count=500&location:missing=true",
    "?_type=Encounter,Patient&_lastUpdated=ge{since}&_count=500",
    "Encounter/_history?_since={since}&_count=500",
    "_history?_since={since}&_count=500",
    f"Patient?_id={A},{B}&_revinclude=Encounter:subject",
)


@pytest.mark.parametrize(
    ("name", "of_a", "of_b"),
    [
        pytest.param("physician", CARE, NEVER, id="SEC-N2/physician"),
        pytest.param("glass", EVERY, EVERY, id="SEC-N4/broken-glass"),
        pytest.param("nurse", CARE, NEVER, id="SEC-N2/nurse"),
        pytest.param("billing", ORDINARY, ORDINARY, id="SEC-N5/billing"),
        pytest.param("front-desk", ORDINARY, ORDINARY, id="SEC-N5/front-desk"),
        pytest.param("patient", EVERY, NEVER, id="SEC-E23/own-record"),
        pytest.param("app of the patient", EVERY, NEVER, id="SEC-E23/own-record-by-an-app"),
        pytest.param("proxy", ORDINARY, NEVER, id="SEC-E25/proxy"),
        pytest.param("app of the proxy", ORDINARY, NEVER, id="SEC-E25/proxy-by-an-app"),
        pytest.param("app of nobody", ORDINARY, NEVER, id="SEC-E21/app-without-a-user"),
        pytest.param("system", EVERY, EVERY, id="SEC-E23/client-of-its-own"),
    ],
)
def test_who_sees_which_labels(
    callers: dict[str, Caller], everybody: Caller, name: str, of_a: set[str], of_b: set[str]
) -> None:
    """SEC-N2, SEC-E11: by id, in lists, totals and histories alike."""
    caller = callers[name]
    seen = {f"{A}-{key}" for key in of_a} | {f"{B}-{key}" for key in of_b}
    known = {f"{patient}-{key}" for patient in (A, B) for key in LABELS}
    for id_ in known:
        for path in (
            f"Encounter/{id_}",
            f"Encounter/{id_}/_history/1",
            f"Encounter/{id_}/_history",
        ):
            for _ in ("first", "presumed"):
                assert caller.get(path).status == (200 if id_ in seen else 404), path
    since = everybody.get(f"Encounter/{A}-none").json["meta"]["lastUpdated"]
    for path in LISTS:
        answer = caller.get(path.format(since=since.replace("+", "%2B")))
        assert ids(answer) & known == seen, path
    of_known = f"Encounter?_id={','.join(sorted(known))}"
    assert caller.get(f"{of_known}&_total=accurate&_count=1").json["total"] == len(seen)
    assert caller.get(f"{of_known}&_summary=count").json["total"] == len(seen)
    assert caller.get(f"{of_known}&_total=estimate&_count=1").json["total"] == len(seen)


def test_single_resources_are_looked_up_by_an_index(secured: Secured) -> None:
    """SEC-N2: whose predicate is word by word that of the condition."""
    condition = unlabelled(("Encounter",), withheld(ORDINARY_ONLY), r4()).fragment
    text, params = on(condition, "r")
    with secured.database.connection() as connection:
        plan = connection.execute(
            f"EXPLAIN SELECT FROM resource r WHERE r.rid = 1 AND {text}".encode(), params
        ).fetchall()
    assert "token_labels" in str(plan)


@pytest.mark.parametrize("name", ["billing", "proxy"])
@pytest.mark.parametrize(
    ("query", "expected"),
    [
        pytest.param("Encounter?part-of.reason-code=secret", NEVER, id="chain"),
        pytest.param("Encounter?part-of:missing=false", {f"{A}-child"}, id="own-reference"),
        pytest.param("Encounter?reason-code=secret", NEVER, id="token"),
        pytest.param("Encounter?identifier=http://clear.test|s", NEVER, id="identifier"),
        pytest.param("Encounter?_security=R", NEVER, id="label"),
        pytest.param("Encounter?_filter=reason-code%20eq%20secret", NEVER, id="filter"),
        pytest.param("Encounter?_filter=part-of.reason-code%20eq%20secret", NEVER,
                     id="filter-chain"),
        pytest.param("Patient?_has:Encounter:subject:reason-code=secret", NEVER, id="has"),
        pytest.param("Patient?_has:Encounter:subject:reason-code=open", {A}, id="has-what-is-open"),
        pytest.param("Patient?gender=female&_has:Encounter:subject:reason-code=secret", NEVER,
                     id="has-and-more"),
        pytest.param("Patient?_has:Encounter:subject:part-of.reason-code=secret", NEVER,
                     id="has-chain"),
        pytest.param("Encounter?_has:Encounter:part-of:reason-code=secret", NEVER,
                     id="has-elsewhere"),
        pytest.param("Encounter?_has:Encounter:part-of:_security=R", NEVER, id="has-label"),
        pytest.param(f"Encounter?_id={A}-child&_include=Encounter:part-of", {f"{A}-child"},
                     id="include"),
        pytest.param(f"Encounter?_id={A}-child&_include=*&_include:iterate=Encounter:*",
                     {f"{A}-child", A}, id="include-all"),
        pytest.param(f"Encounter?_id={A}-none&_revinclude=Encounter:part-of", {f"{A}-none"},
                     id="revinclude"),
        pytest.param("Patient?family=zyxwvu", NEVER, id="string"),
        pytest.param(f"Patient?_id={SECRET}", NEVER, id="id"),
        pytest.param("Encounter?subject:Patient.family=zyxwvu", NEVER, id="chain-to-a-patient"),
        pytest.param("Encounter?patient.family:contains=xwv", NEVER, id="chain-contains"),
        pytest.param(f"Encounter?_id={SECRET}-e&_include=Encounter:subject", {f"{SECRET}-e"},
                     id="include-a-patient"),
    ],
)  # fmt: skip
def test_what_is_hidden_has_no_influence(
    callers: dict[str, Caller], name: str, query: str, expected: set[str]
) -> None:
    """SEC-E8, SEC-E9: for who is confined to patients, and who is not."""
    answer = callers[name].get(query)
    assert ids(answer) == expected
    assert "Zyxwvu" not in answer.text
