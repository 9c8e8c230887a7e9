"""What a newer message leaves of what is stored. DEV-24, DEV-31."""

from typing import Any

import pytest

from fhirserver_device_bridge.fhir.clock import REFERENCE
from fhirserver_device_bridge.fhir.observation import sequence
from fhirserver_device_bridge.fhir.precedence import amended, supersedes

OLD = sequence("2026-05-04T10:00:00Z", 1)
NEW = sequence("2026-05-04T11:00:00Z", 2)
READ, READ_ANEW = (
    {"url": REFERENCE, "valueReference": {"reference": f"Observation/{each}"}} for each in "ab"
)
OTHER = {"url": "http://example.org/own", "valueString": "x"}


def patient(told: Any, **elements: Any) -> dict[str, Any]:
    extension = [told] if isinstance(told, dict) else told
    return {"resourceType": "Patient", "extension": extension, **elements}


@pytest.mark.parametrize(
    ("stored", "said", "expected"),
    [
        pytest.param(
            {"gender": "male"}, {"birthDate": "1980"}, {"gender": "male", "birthDate": "1980"},
            id="what-is-not-said-stays",
        ),
        pytest.param({"gender": "male"}, {"gender": "other"}, {"gender": "other"}, id="replaced"),
        pytest.param(
            {"name": [{"family": "A"}, {"family": "B"}]}, {"name": [{"family": "C"}]},
            {"name": [{"family": "C"}]}, id="a-list-is-replaced-whole",
        ),
        pytest.param(
            {"period": {"start": "2026"}}, {"period": {"end": "2027"}},
            {"period": {"start": "2026", "end": "2027"}}, id="an-object-part-by-part",
        ),
        pytest.param(
            {"status": "finished"}, {"status": "unknown"}, {"status": "finished"},
            id="unknown-says-nothing",
        ),
        pytest.param(
            {"deceasedDateTime": "2026"}, {"deceasedBoolean": True}, {"deceasedBoolean": True},
            id="a-choice-has-one-type",
        ),
        pytest.param(
            {"birthDate": "1980", "_birthDate": {"id": "x"}}, {"birthDate": "1981"},
            {"birthDate": "1981"}, id="what-belongs-to-a-value-goes-with-it",
        ),
        pytest.param(
            {"birthDate": "1980", "_birthDate": {"id": "x"}, "deceasedBoolean": False},
            {"birthDate": None, "deceased": None}, {}, id="what-is-none-goes",
        ),
        pytest.param({"text": {"div": "x"}}, {}, {}, id="a-narrative-tells-of-what-was"),
    ],
)  # fmt: skip
def test_a_record_is_amended(
    stored: dict[str, Any], said: dict[str, Any], expected: dict[str, Any]
) -> None:
    found = amended(patient(NEW, **said), patient(OLD, **stored))
    assert found == patient(NEW, **expected)


def test_extensions_of_others_stay_when_a_record_is_amended() -> None:
    assert amended(patient(NEW), patient([OTHER, OLD]))["extension"] == [OTHER, NEW]


def test_what_is_no_record_of_a_person_is_replaced_whole() -> None:
    said = {"resourceType": "Observation", "extension": [NEW], "status": "final"}
    assert amended(said, {**said, "extension": [OLD], "valueString": "x"}) == said


@pytest.mark.parametrize(
    ("stored", "said", "takes_its_place"),
    [
        pytest.param(patient(OLD), patient(NEW, gender="male"), True, id="newer"),
        pytest.param(patient(NEW), patient(OLD, gender="male"), False, id="older"),
        pytest.param(patient(OLD), patient(NEW), False, id="newer-but-the-same"),
        pytest.param(patient([]), patient(NEW, gender="male"), False, id="of-others"),
        pytest.param(patient(OLD), patient([OTHER, NEW]), True, id="an-extension-is-content"),
        pytest.param(
            patient([OLD, READ]), patient([NEW, READ_ANEW]), False, id="a-clock-read-anew"
        ),
    ],
)
def test_what_is_newer_and_says_more_takes_the_place(
    stored: dict[str, Any], said: dict[str, Any], takes_its_place: bool
) -> None:
    assert supersedes(said, stored) is takes_its_place
