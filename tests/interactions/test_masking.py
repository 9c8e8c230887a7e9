"""What is left of a resource, and how a patched part becomes a whole again. Pure."""

from typing import Any

import pytest

from fhirserver.definitions import r4
from fhirserver.errors import ForbiddenError, Issue
from fhirserver.interactions.masking import masked, patched_whole, shown_issues, to_patch
from fhirserver.interactions.projection import SUBSETTED
from fhirserver.model.json import parse_json, write_json

R4 = r4()
MASKS = {"Patient": ("deceased", "name"), "Observation": ("note",)}
PATIENT = {
    "resourceType": "Patient", "id": "p", "name": [{"family": "n"}], "active": True,
    "deceasedDateTime": "2020", "_deceasedDateTime": {"id": "x"}, "gender": "other",
    "contact": [{"name": {"family": "of the contact"}}],
}  # fmt: skip
PART = {
    "resourceType": "Patient", "id": "p", "active": True, "gender": "other",
    "contact": [{"name": {"family": "of the contact"}}],
}  # fmt: skip
NOTED = {"resourceType": "Observation", "id": "o", "note": [{"text": "n"}]}
TAGGED = {"meta": {"tag": [SUBSETTED]}}


@pytest.mark.parametrize(
    ("whole", "part"),
    [
        pytest.param(PATIENT, {**PART, **TAGGED}, id="SEC-E19/choices-and-what-stands-beside"),
        pytest.param(PART, {**PART, **TAGGED}, id="SEC-E19/nothing-there-is-not-told"),
        pytest.param(
            {**PART, "meta": {"versionId": "1", "tag": [{"code": "x"}]}},
            {**PART, "meta": {"versionId": "1", "tag": [{"code": "x"}, SUBSETTED]}},
            id="SEC-E19/among-other-tags",
        ),
        pytest.param(
            {"resourceType": "Claim", "contained": [NOTED]},
            {"resourceType": "Claim", "contained": [{"resourceType": "Observation", "id": "o"}],
             **TAGGED},
            id="SEC-E19/contained",
        ),
        pytest.param({"resourceType": "Claim"}, {"resourceType": "Claim"}, id="SEC-E19/all-seen"),
    ],
)  # fmt: skip
def test_what_is_left(whole: dict[str, Any], part: dict[str, Any]) -> None:
    body = write_json(whole)
    assert parse_json(masked(body, MASKS, R4)) == part
    assert masked(body, {}, R4) is body


def test_a_patched_part_becomes_a_whole_in_its_order() -> None:
    assert to_patch(PATIENT, MASKS, R4) == PART
    part = {**PART, "gender": "female", "birthDate": "1970"}
    del part["active"]
    result = patched_whole(part, PATIENT, MASKS, R4)
    expected = {**PATIENT, "gender": "female", "birthDate": "1970"}
    del expected["active"]
    assert list(result.items()) == list(expected.items())


@pytest.mark.parametrize(
    "written", ["name", "_name", "deceasedBoolean", "_deceasedDateTime", "contained"]
)
def test_what_is_withheld_is_not_patched(written: str) -> None:
    with pytest.raises(ForbiddenError) as refusal:
        patched_whole({**PART, written: []}, PATIENT, MASKS, R4)
    assert refusal.value.issues[0].expression == (f"Patient.{written.removeprefix('_')}",)


def test_remarks_on_what_is_withheld_are_left_out() -> None:
    """SEC-E19: what is put back is validated, and its values are not quoted."""
    places = ("Patient.name[0].family", "Patient.gender", "Patient.contained[0]", "")
    issues = [Issue("warning", "invalid", each, (each,)) for each in places]
    told = shown_issues(issues, "Patient", MASKS)
    assert [each.diagnostics for each in told] == ["Patient.gender", ""]
    assert shown_issues(issues, "Patient", {}) == tuple(issues)
