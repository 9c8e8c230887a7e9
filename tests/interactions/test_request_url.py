"""The URLs of Bundle entries."""

import pytest

from fhirserver.definitions import r4
from fhirserver.errors import FhirError
from fhirserver.interactions.request_url import Target, parse_pairs, parse_request_url

BASE = "http://here/fhir"


@pytest.mark.parametrize(
    ("method", "url", "target"),
    [
        pytest.param("POST", "Patient", Target("create", "Patient"), id="create"),
        pytest.param("GET", "Patient/1", Target("read", "Patient", "1"), id="read"),
        pytest.param("HEAD", "Patient/1", Target("read", "Patient", "1"), id="head"),
        pytest.param("GET", f"{BASE}/Patient/1", Target("read", "Patient", "1"), id="absolute"),
        pytest.param("GET", "/Patient/1", Target("read", "Patient", "1"), id="leading slash"),
        pytest.param(
            "GET", "Patient/1/_history/2", Target("vread", "Patient", "1", "2"), id="vread"
        ),
        pytest.param(
            "GET",
            "Patient/1/_history?_count=1",
            Target("history-instance", "Patient", "1", pairs=(("_count", "1"),)),
            id="history-instance",
        ),
        pytest.param("GET", "_history", Target("history-system"), id="history-system"),
        pytest.param("GET", "metadata", Target("capabilities"), id="capabilities"),
        pytest.param(
            "GET",
            "Patient?name=A+B&family=%C3%A9",
            Target("search-type", "Patient", pairs=(("name", "A B"), ("family", "é"))),
            id="search-type decodes",
        ),
        pytest.param(
            "GET", "?_type=Patient", Target("search-system", pairs=(("_type", "Patient"),)),
            id="search-system",
        ),
        pytest.param(
            "GET",
            "Patient/1/Observation",
            Target("search-compartment", "Observation", "1", compartment="Patient"),
            id="search-compartment",
        ),
        pytest.param(
            "GET",
            "Encounter/1/*",
            Target("search-compartment", None, "1", compartment="Encounter"),
            id="search-compartment all",
        ),
        pytest.param(
            "PUT",
            "Patient?identifier=a|b",
            Target("conditional-update", "Patient", pairs=(("identifier", "a|b"),)),
            id="conditional update",
        ),
    ],
)  # fmt: skip
def test_a_url_addresses_an_interaction(method: str, url: str, target: Target) -> None:
    assert parse_request_url(method, url, r4(), BASE) == target


@pytest.mark.parametrize(
    ("method", "url", "status"),
    [
        pytest.param("GET", "Nothing/1", 404, id="unknown type"),
        pytest.param("GET", "Parameters/1", 404, id="type without an endpoint"),
        pytest.param("GET", "Patient/1/$everything", 404, id="operation"),
        pytest.param("GET", "Patient/1/Nothing", 404, id="unknown member"),
        pytest.param("GET", "Observation/1/Patient", 404, id="no compartment"),
        pytest.param("GET", "Patient/a_b", 400, id="malformed id"),
        pytest.param("GET", "Patient?name=%zz", 400, id="broken escape"),
        pytest.param("GET", "Patient?name=%ff", 400, id="not UTF-8"),
        pytest.param("POST", "Patient/1", 405, id="POST to an instance"),
        pytest.param("DELETE", "_history", 405, id="DELETE of a history"),
    ],
)
def test_other_urls_are_refused(method: str, url: str, status: int) -> None:
    with pytest.raises(FhirError) as caught:
        parse_request_url(method, url, r4(), BASE)
    assert caught.value.status == status


def test_pairs_keep_their_order_and_drop_empty_names() -> None:
    assert parse_pairs("b=1&a=2&=3&&c") == (("b", "1"), ("a", "2"), ("c", ""))
