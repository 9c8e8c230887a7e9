"""Searches whose meaning depends on what is stored: value sets, code systems, hierarchies.

A confined caller must find no more by them than it may see, and get no hint of what it may not.
"""

import json
from dataclasses import replace
from typing import Any

import pytest

from fhirserver.access import Access, AuthContext, Decision, Grant, allow_all
from fhirserver.config import Settings
from fhirserver.definitions import r4
from fhirserver.errors import InvalidSearchError, MultipleMatchesError
from fhirserver.interactions import Query, Services, WriteOptions
from fhirserver.interactions.look_ups import HIERARCHY_MAX
from fhirserver.interactions.request_url import parse_pairs
from fhirserver.interactions.search_type import search_type
from fhirserver.interactions.searching import search_context
from fhirserver.interactions.update import update, update_conditional
from fhirserver.search import allowance, size
from fhirserver.search.context import Limits
from fhirserver.search.parse import parse
from fhirserver.store.database import Database, now_us

Json = dict[str, Any]

AUTH = AuthContext("Patient/a", "app", "request-1")
TREE = "http://tree"
R4_SET = "http://terminology.hl7.org/ValueSet/v3-NullFlavor"
FLAVOR = "http://terminology.hl7.org/CodeSystem/v3-NullFlavor"


def only_a(_auth: AuthContext, _access: Access) -> Decision:
    return Decision(allowed=True, reason="the patient's own record", grants=(Grant(("a",)),))


def reference(text: str, display: str = "") -> Json:
    return {"reference": text, **({"display": display} if display else {})}


def observation(id_: str, patient: str, system: str, code: str, **elements: Any) -> Json:
    return {
        "resourceType": "Observation",
        "id": id_,
        "status": "final",
        "code": {"coding": [{"system": system, "code": code}]},
        "subject": reference(f"Patient/{patient}", f"Name of {patient}"),
        **elements,
    }


def value_set(id_: str, url: str, version: str, *codes: str) -> Json:
    concepts = [{"code": code} for code in codes]
    return {
        "resourceType": "ValueSet",
        "id": id_,
        "url": url,
        "version": version,
        "status": "active",
        "compose": {"include": [{"system": TREE, "concept": concepts}]},
    }


def encounter(id_: str, patient: str, whole: str = "") -> Json:
    return {
        "resourceType": "Encounter",
        "id": id_,
        "status": "finished",
        "class": {"system": "http://c", "code": "x"},
        "subject": reference(f"Patient/{patient}"),
        **({"partOf": reference(f"Encounter/{whole}")} if whole else {}),
    }


def at(id_: str, patient: str, where: str) -> Json:
    return observation(id_, patient, TREE, "none", encounter=reference(f"Encounter/{where}"))


RESOURCES = [
    {"resourceType": "Patient", "id": "a"},
    {"resourceType": "Patient", "id": "b"},
    {"resourceType": "Group", "id": "g", "type": "person", "actual": False},
    {
        "resourceType": "CodeSystem",
        "id": "tree",
        "url": TREE,
        "status": "active",
        "content": "complete",
        "concept": [{"code": "p", "concept": [{"code": "q"}, {"code": "r"}]}, {"code": "s"}],
    },
    value_set("one", "http://vs/one", "1", "q", "s"),
    value_set("two-1", "http://vs/two", "1", "q"),
    value_set("two-2", "http://vs/two", "2", "r"),
    value_set("own", R4_SET.replace("Null", "Full"), "1", "s"),
    observation("ap", "a", TREE, "p"),
    observation("aq", "a", TREE, "q"),
    observation("as", "a", TREE, "s"),
    observation("bq", "b", TREE, "q"),
    observation("br", "b", TREE, "r"),
    observation("elsewhere", "a", "http://no", "q"),
    observation("flavor", "a", FLAVOR, "ASKU"),
    # a's encounters stand below and above one of b's; two more are parts of each other.
    encounter("e1", "a"),
    encounter("e2", "b", "e1"),
    encounter("e3", "a", "e2"),
    encounter("e4", "a", "e1"),
    encounter("l2", "a"),
    encounter("l1", "a", "l2"),
    encounter("l2", "a", "l1"),
    at("o1", "a", "e1"),
    at("o2", "b", "e2"),
    at("o3", "a", "e3"),
    at("o4", "a", "e4"),
    at("ol", "a", "l1"),
    observation("og", "a", TREE, "none") | {"subject": reference("Group/g", "Group of people")},
]


@pytest.fixture(scope="module")
def everything(database: Database) -> Services:
    services = Services(r4(), database, Settings(), allow_all, now_us, b"k" * 32)
    for body in RESOURCES:
        update(services, AUTH, body["resourceType"], body["id"], body, WriteOptions())
    return services


@pytest.fixture(scope="module")
def confined(everything: Services) -> Services:
    return Services(r4(), everything.database, Settings(), only_a, now_us, b"k" * 32)


def found(services: Services, query: str) -> str:
    type_name, _, text = query.partition("?")
    pairs = tuple(parse_pairs(f"{text}&_count=50&_total=accurate"))
    answer = search_type(services, AUTH, type_name, Query(pairs))
    assert answer.body is not None
    bundle = json.loads(answer.body)
    ids = [entry["resource"]["id"] for entry in bundle.get("entry", ())]
    assert bundle["total"] == len(ids)
    return " ".join(sorted(ids))


OTHERS = "o1 o2 o3 o4 og ol"
BASE = Settings().public_url

ANSWERS = [
    ("Observation?code:in=http://vs/one", "aq as bq"),
    ("Observation?code:in=http://vs/one|1", "aq as bq"),
    (r"Observation?code:in=http://vs/one\|1", "aq as bq"),
    ("Observation?code:in=ValueSet/one", "aq as bq"),
    (f"Observation?code:in={BASE}/ValueSet/one", "aq as bq"),
    ("Observation?code:in=http://vs/two|2,ValueSet/two-1", "aq bq br"),
    (f"Observation?code:in={R4_SET}", "flavor"),
    (f"Observation?code:in={R4_SET.replace('Null', 'Full')}", "as"),
    ("Observation?code:not-in=http://vs/one", f"ap br elsewhere flavor {OTHERS}"),
    ("Observation?value-concept:not-in=http://vs/one&code:in=http://vs/one", "aq as bq"),
    (f"Observation?code:below={TREE}|p", "ap aq bq br"),
    (f"Observation?code:above={TREE}|q", "ap aq bq"),
    (f"Observation?code:below={FLAVOR}|NI", "flavor"),
    (f"Observation?code:below={FLAVOR}|OTH", ""),
    ("Patient?_has:Observation:patient:code:in=http://vs/two|2", "b"),
    ("Observation?patient:text=name of", "ap aq as bq br elsewhere flavor o1 o2 o3 o4 ol"),
    ("Observation?patient:text=group", ""),
    ("Observation?subject:text=GROUP", "og"),
    ("Observation?subject:text=people", ""),
    ("Observation?encounter:below=Encounter/e1", "o1 o2 o3 o4"),
    ("Observation?encounter:below=e2", "o2 o3"),
    ("Observation?encounter:above=e3", "o1 o2 o3"),
    ("Observation?encounter:below=l1", "ol"),
    ("Encounter?part-of:below=e1", "e2 e3 e4"),
    ("Encounter?part-of:above=e2", "e2 e3 e4"),
    ("Encounter?part-of:below=nowhere", ""),
    ("Observation?encounter.part-of:below=e2", "o3"),
]
NARROWED = [
    (f"Observation?code:in={R4_SET}", "flavor"),
    ("Observation?encounter:below=e1", "o1 o4"),
    ("Observation?encounter:below=e2", "o3"),
    ("Observation?encounter:above=e3", "o3"),
    ("Observation?encounter:above=e2", ""),
    ("Encounter?part-of:below=e1", "e4"),
    ("Observation?patient:text=name of b", ""),
]
REFUSED = [
    ("code:in=http://vs/nowhere", "no value set 'http://vs/nowhere'"),
    ("code:in=http://vs/one|2", r"'http://vs/one|2'"),
    ("code:in=ValueSet/nowhere", "no value set 'ValueSet/nowhere'"),
    ("code:in=Patient/a", "no value set 'Patient/a'"),
    ("code:in=%23contained", "contained"),
    ("code:in=http://vs/two", "several ValueSet resources"),
    ("code:in= http://vs/one", "blanks"),
    ("code:below=p", "system|code"),
    (f"code:below={TREE}|nonsense", "no code 'nonsense'"),
    ("code:below=http://loinc.org|1-8", "no code system 'http://loinc.org'"),
    ("code:in=http://hl7.org/fhir/ValueSet/body-site", "http://snomed.info/sct"),
    ("subject:below=Group/g", "locations"),
    ("encounter:below=http://elsewhere/Encounter/1", "locations"),
]


@pytest.mark.parametrize(("query", "expected"), ANSWERS, ids=[query for query, _ in ANSWERS])
def test_what_is_found(everything: Services, query: str, expected: str) -> None:
    assert found(everything, query) == expected


@pytest.mark.parametrize(("query", "expected"), NARROWED, ids=[query for query, _ in NARROWED])
def test_what_a_confined_caller_finds(confined: Services, query: str, expected: str) -> None:
    """What b's encounter is a part of stays unknown, so it leads on to nothing above it."""
    assert found(confined, query) == expected


@pytest.mark.parametrize(("query", "words"), REFUSED, ids=[query for query, _ in REFUSED])
def test_what_is_refused(everything: Services, query: str, words: str) -> None:
    with pytest.raises(InvalidSearchError) as refusal:
        found(everything, f"Observation?{query}")
    name, _, _ = query.partition("=")
    assert repr(name) in str(refusal.value)
    assert words in str(refusal.value)


@pytest.mark.parametrize("value", ["http://vs/one", "ValueSet/one", "http://vs/two"])
def test_what_may_not_be_seen_looks_absent(confined: Services, value: str) -> None:
    texts = []
    for name in (value, "ValueSet/absent" if "/one" not in value else value[:-3] + "xyz"):
        with pytest.raises(InvalidSearchError) as refusal:
            found(confined, f"Observation?code:in={name}")
        texts.append(str(refusal.value).replace(name, ""))
    assert value != "http://vs/two" or "several" not in texts[0]
    assert "/one" not in value or texts[0] == texts[1]


def test_a_link_names_the_value_set(everything: Services) -> None:
    pairs = tuple(parse_pairs("code:in=http://vs/one|1&_count=1"))
    answer = search_type(everything, AUTH, "Observation", Query(pairs))
    assert answer.body is not None
    links = {link["relation"]: link["url"] for link in json.loads(answer.body)["link"]}
    assert "code:in=http://vs/one%7C1" in links["self"]


def test_a_condition_looks_up_in_its_own_transaction(everything: Services) -> None:
    body = observation("", "a", TREE, "q")
    del body["id"]
    query = Query((("code:in", "http://vs/one"),))
    with pytest.raises(MultipleMatchesError):
        update_conditional(everything, AUTH, "Observation", query, body)


def test_a_hierarchy_without_end_is_refused(
    everything: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fhirserver.interactions.look_ups.HIERARCHY_MAX", 3)
    assert HIERARCHY_MAX == 10_000
    with pytest.raises(InvalidSearchError, match="more than 3 resources"):
        found(everything, "Observation?encounter:below=e1")


TOO_MUCH = [
    ("code:in=http://vs/one,http://vs/two|1,http://vs/two|2", "at most 2 different"),
    ("code:in=http://vs/one&code:not-in=http://vs/two|1&value-concept:in=http://vs/two|2",
     "at most 2 different"),
    (f"code:above={TREE}|p&code:below={TREE}|q&encounter:below=e3", "at most 2 different"),
    ('_filter=code in "http://vs/one" and code ni "http://vs/two|1" and code in "http://vs/two|2"',
     "at most 2 different"),
    (f"code:in=http://vs/one&code:below={TREE}|p", "at most 4 codes and resources"),
    ("encounter:below=e1&encounter:above=e3", "at most 4 codes and resources"),
]  # fmt: skip


@pytest.mark.parametrize(("query", "words"), TOO_MUCH)
def test_what_a_search_looks_up_has_a_limit(
    everything: Services, monkeypatch: pytest.MonkeyPatch, query: str, words: str
) -> None:
    """Of all parameters together; named in the refusal, with the parameter that goes beyond."""
    assert (allowance.LOOK_UPS_MAX, allowance.MEMBERS_MAX) == (100, 100_000)
    monkeypatch.setattr(allowance, "LOOK_UPS_MAX", 2)
    monkeypatch.setattr(allowance, "MEMBERS_MAX", 4)
    with pytest.raises(InvalidSearchError, match=words) as refusal:
        found(everything, f"Observation?{query}")
    assert "over all its parameters" in str(refusal.value)


@pytest.mark.parametrize(
    "query",
    [
        "code:in=http://vs/one",
        "encounter:below=e1",
        "_has:Observation:has-member:code:in=http://vs/one",
    ],
)
def test_members_count_among_the_tests(
    everything: Services, monkeypatch: pytest.MonkeyPatch, query: str
) -> None:
    """So the same large value set again and again is too much, too."""
    assert size.MEMBERS_OF_A_TEST == 50
    monkeypatch.setattr(size, "MEMBERS_OF_A_TEST", 1)
    context = replace(search_context(everything, AUTH), limits=Limits(tests=5))
    pairs = parse_pairs(query)
    parse(pairs, ("Observation",), context)
    with pytest.raises(InvalidSearchError, match="5 values together"):
        parse([*pairs, *pairs], ("Observation",), context)


def test_what_was_looked_up_is_known(everything: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(allowance, "LOOK_UPS_MAX", 1)
    same = "&".join(["code:in=http://vs/one"] * 3 + ["has-member.code:in=http://vs/one"])
    assert found(everything, f"Observation?{same}") == ""
