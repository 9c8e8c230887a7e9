"""The replay of a recorded run: names, ids that stand for others, and faults that it must find."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fhirserver_conformance.engine.settings import RunSettings, Target
from fhirserver_conformance.public.cases import Site
from fhirserver_conformance.public.inferno import Group, name_of
from fhirserver_conformance.public.recorded_data import Loaded, stored
from fhirserver_conformance.results import TestResult
from fhirserver_conformance.transport import Transport
from tests.client import Client
from tests.server import ServerProcess

_NOWHERE = Path("nowhere")
RECORDED = "17bbd1c3-afb3-458b-a0a8-70ebb000b078"


@pytest.mark.parametrize(
    ("test_id", "expected"),
    [
        ("us_core_v610_care_plan-us_core_v610_care_plan_read_test", "care_plan/read_test"),
        ("us_core_311_data_absent_reason-extension", "us_core_311_data_absent_reason/extension"),
    ],
)
def test_name(test_id: str, expected: str) -> None:
    assert name_of(f"us_core_v610-us_core_v610_fhir_api-{test_id}") == expected


def test_references_lead_to_what_the_server_named() -> None:
    entries = [
        {"fullUrl": "urn:uuid:1", "resource": {"resourceType": "Patient"}},
        {
            "resource": {
                "resourceType": "Observation",
                "id": "old",
                "subject": {"reference": "urn:uuid:1"},
                "performer": [{"reference": "Practitioner/2"}],
            }
        },
    ]
    assert stored(entries, ["Patient/a", "Observation/b"]) == [
        {"resourceType": "Patient", "id": "a"},
        {
            "resourceType": "Observation",
            "id": "b",
            "subject": {"reference": "Patient/a"},
            "performer": [{"reference": "Practitioner/2"}],
        },
    ]


def observation(number: int, status: str = "final") -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "id": f"o{number}",
        "status": status,
        "code": {"text": "x"},
        "subject": {"reference": "Patient/85"},
    }


@pytest.fixture
def site(server: ServerProcess, client: Client, clean: None) -> Iterator[Site]:
    """The session's server with a patient and two of three observations."""
    client.put("Patient/85", {"resourceType": "Patient", "id": "85"})
    client.put("Observation/o1", observation(1))
    client.put("Observation/o2", observation(2, "amended"))
    transport = Transport()
    yield Site(_NOWHERE, RunSettings((Target(server.base),), transport), {})
    transport.close()


def replay(site: Site, resources: list[dict[str, Any]], *paths: str) -> list[TestResult]:
    loaded = Loaded()
    loaded.resources = resources
    group = Group(site, loaded)
    tests = [_recorded(path) for path in paths]
    return [group.case(each) for each in tests]


def _recorded(path: str) -> dict[str, Any]:
    verb = "POST" if path.endswith("_search") else "GET"
    earlier = [{"verb": "GET", "path": "/Observation?patient=85"}] if verb == "POST" else []
    return {"test_id": "x-y", "requests": [*earlier, {"verb": verb, "path": path}]}


BOTH = [observation(1), observation(2, "amended")]


@pytest.mark.parametrize(
    ("resources", "path", "verdict", "message"),
    [
        (BOTH, "/Observation?patient=85", "pass", ""),
        (BOTH, "/Observation/_search", "pass", ""),
        (BOTH, "/metadata", "pass", ""),
        (BOTH, "/Patient/85", "pass", ""),
        (BOTH, f"/Observation/{RECORDED}", "pass", ""),
        (BOTH, "/Observation?patient=355", "skip", "355"),
        (BOTH, f"/Device/{RECORDED}", "skip", "nothing here stands for"),
        (BOTH, f"/Encounter?_id={RECORDED}", "skip", "nothing here stands for"),
        (BOTH, "?_getpages=1", "skip", "no request of its own"),
        (BOTH, "/Observation?unknown=1", "fail", "status 400, not 200"),
        (
            [*BOTH, observation(3)],
            "/Observation?patient=85",
            "fail",
            "does not find Observation/o3",
        ),
        ([observation(4)], f"/Observation/{RECORDED}", "fail", "status 404, not 200"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_request(
    site: Site, resources: list[dict[str, Any]], path: str, verdict: str, message: str
) -> None:
    (found,) = replay(site, resources, path)
    assert (found.verdict, message in found.message) == (verdict, True), found.message


def test_a_recorded_id_stands_for_what_the_group_found_or_refers_to(site: Site) -> None:
    found = replay(
        site,
        [],
        "/Observation?patient=85&status=amended",
        f"/Observation/{RECORDED}",
        f"/Patient/{RECORDED}",
    )
    urls = [each.actions[0].exchange for each in found]
    assert [each.url.removeprefix(site.base) for each in urls if each] == [
        "/Observation?patient=85&status=amended",
        "/Observation/o2",
        "/Patient/85",
    ]


def test_a_search_that_is_not_read_here_is_judged_by_its_status_alone(site: Site) -> None:
    (found,) = replay(site, BOTH, "/Observation?value-quantity=1")
    verdicts = [(each.verdict, each.message) for each in found.actions]
    assert verdicts == [
        ("pass", ""),
        ("pass", ""),
        ("skip", "not judged by its content: Observation?value-quantity"),
    ]
