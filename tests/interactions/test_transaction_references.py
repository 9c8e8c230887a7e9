"""Links between the entries of a transaction: everything that points at a fullUrl follows it."""

import copy
from typing import Any

import pytest

from fhirserver.definitions import r4
from fhirserver.errors import InvalidRequestError
from fhirserver.interactions.transaction_references import Links

URN = "urn:uuid:11111111-1111-1111-1111-111111111111"
OID = "urn:oid:1.2.3"
WEB = "http://there/fhir/Patient/9"
BASE = "http://here/fhir"


def rewritten(resource: dict[str, Any], full_url: str | None = None) -> dict[str, Any]:
    links = Links(r4(), BASE, {URN: 0, OID: 0, WEB: 0})
    places = links.find(resource, full_url)
    found = {place.search: "Practitioner/7" for place in places if place.search is not None}
    links.fill(places, ["Patient/1"], {0: 4}, found)
    return resource


def observation(subject: str) -> dict[str, Any]:
    return {"resourceType": "Observation", "subject": {"reference": subject}}


@pytest.mark.parametrize(
    ("reference", "full_url", "expected"),
    [
        pytest.param(URN, None, "Patient/1", id="urn:uuid"),
        pytest.param(OID, None, "Patient/1", id="urn:oid"),
        pytest.param(WEB, None, "Patient/1", id="absolute"),
        pytest.param(
            "Patient/9", "http://there/fhir/Observation/3", "Patient/1", id="relative to the root"
        ),
        pytest.param("Patient/9", "http://other/Observation/3", "Patient/9", id="another root"),
        pytest.param("Patient/9", "urn:uuid:2", "Patient/9", id="relative below a urn"),
        pytest.param("Patient/9", None, "Patient/9", id="relative without a fullUrl"),
        pytest.param(f"{WEB}/_history/2", None, "Patient/1/_history/4", id="versioned"),
        pytest.param("#p", None, "#p", id="contained"),
        pytest.param("urn:oid:1.2.4", None, "urn:oid:1.2.4", id="elsewhere"),
        pytest.param(
            "Practitioner?identifier=a|b", None, "Practitioner/7", id="conditional reference"
        ),
        pytest.param(
            f"{BASE}/Practitioner?identifier=a|b", None, "Practitioner/7", id="conditional absolute"
        ),
        pytest.param(
            "http://there/fhir/Practitioner?identifier=a",
            None,
            "http://there/fhir/Practitioner?identifier=a",
            id="a search elsewhere",
        ),
        pytest.param("Nothing?identifier=a", None, "Nothing?identifier=a", id="no type"),
    ],
)
def test_references_follow(reference: str, full_url: str | None, expected: str) -> None:
    found = rewritten(observation(reference), full_url)
    assert found["subject"]["reference"] == expected


def test_a_uuid_that_is_no_entry_is_refused() -> None:
    with pytest.raises(InvalidRequestError, match="fullUrl of no entry"):
        rewritten(observation("urn:uuid:22222222-2222-2222-2222-222222222222"))


def test_a_bundle_inside_has_links_of_its_own() -> None:
    inner = "urn:uuid:22222222-2222-2222-2222-222222222222"
    document = {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [
            {"fullUrl": inner, "resource": {"resourceType": "Patient"}},
            {"resource": observation(inner)},
        ],
    }
    assert rewritten(copy.deepcopy(document)) == document


def test_references_follow_in_contained_resources_and_extensions() -> None:
    found = rewritten(
        {
            "resourceType": "Condition",
            "contained": [observation(URN)],
            "extension": [{"url": "http://x", "valueReference": {"reference": URN}}],
            "_recordedDate": {"extension": [{"url": "http://x", "valueUri": URN}]},
        }
    )
    assert found["contained"][0]["subject"]["reference"] == "Patient/1"
    assert found["extension"][0]["valueReference"]["reference"] == "Patient/1"
    assert found["_recordedDate"]["extension"][0]["valueUri"] == "Patient/1"


@pytest.mark.parametrize(
    ("name", "value", "follows"),
    [
        pytest.param("valueUri", URN, True, id="uri"),
        pytest.param("valueUrl", URN, True, id="url"),
        pytest.param("valueOid", OID, True, id="oid"),
        pytest.param("valueUuid", URN, True, id="uuid"),
        pytest.param("valueCanonical", URN, False, id="canonical"),
        pytest.param("valueString", URN, False, id="string"),
    ],
)
def test_elements_of_the_uri_types_follow(name: str, value: str, follows: bool) -> None:
    resource = {"resourceType": "Basic", "extension": [{"url": "http://x", name: value}]}
    found = rewritten(resource)["extension"][0][name]
    assert found == ("Patient/1" if follows else value)


def test_business_identifiers_stay() -> None:
    identifier = {"system": "urn:ietf:rfc:3986", "value": URN}
    resource = {"resourceType": "Patient", "identifier": [identifier], "link": []}
    assert rewritten(resource)["identifier"][0]["value"] == URN


def test_lists_of_uris_follow() -> None:
    resource = {"resourceType": "PlanDefinition", "library": [URN]}
    assert rewritten(resource)["library"] == [URN]  # canonical
    activity = {"resourceType": "ServiceRequest", "instantiatesUri": ["http://x", URN]}
    assert rewritten(activity)["instantiatesUri"] == ["http://x", "Patient/1"]


@pytest.mark.parametrize(
    ("div", "expected"),
    [
        pytest.param(f'<a href="{URN}">x</a>', '<a href="Patient/1">x</a>', id="href"),
        pytest.param(f"<img src='{URN}'/>", "<img src='Patient/1'/>", id="src in single quotes"),
        pytest.param('<a href="#x">x</a>', '<a href="#x">x</a>', id="inside the page"),
        pytest.param(
            '<a href="Patient/9">x</a>', '<a href="Patient/1">x</a>', id="relative to the root"
        ),
    ],
)
def test_narrative_links_follow(div: str, expected: str) -> None:
    resource = {"resourceType": "Basic", "text": {"status": "generated", "div": div}}
    assert rewritten(resource, "http://there/fhir/Basic/1")["text"]["div"] == expected


def test_filling_again_starts_from_the_source() -> None:
    links = Links(r4(), BASE, {URN: 0})
    resource = observation(URN)
    resource["text"] = {"div": f'<a href="{URN}">x</a>'}
    places = links.find(resource, None)
    for target in ("Patient/1", "Patient/2"):
        links.fill(places, [target], {}, {})
    assert resource["subject"]["reference"] == "Patient/2"
    assert resource["text"]["div"] == '<a href="Patient/2">x</a>'
