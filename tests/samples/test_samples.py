"""The synthetic patients: deterministic, linked, valid."""

import itertools

import pytest

from fhirserver.model.json import JsonObject, write_json
from fhirserver.samples import sample_bundles


def resources(patients: int, seed: int) -> list[JsonObject]:
    return [
        entry["resource"] for bundle in sample_bundles(patients, seed) for entry in bundle["entry"]
    ]


def references(value: object) -> set[str]:
    if isinstance(value, dict):
        found = {value["reference"]} if "reference" in value else set()
        return found.union(*(references(item) for item in value.values()))
    if isinstance(value, list):
        return set().union(*(references(item) for item in value))
    return set()


def test_the_same_seed_gives_the_same_bytes() -> None:
    assert [write_json(r) for r in resources(3, 7)] == [write_json(r) for r in resources(3, 7)]
    assert resources(3, 7) != resources(3, 8)


def test_a_patient_does_not_depend_on_how_many_are_made() -> None:
    few, many = list(sample_bundles(2, 1)), list(itertools.islice(sample_bundles(500, 1), 3))
    assert few == many


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_reference_points_at_an_earlier_resource(seed: int) -> None:
    known: set[str] = set()
    for resource in resources(20, seed):
        assert references(resource) <= known
        known.add(f"{resource['resourceType']}/{resource['id']}")


def test_ids_are_unique() -> None:
    ids = [resource["id"] for resource in resources(50, 1)]
    assert len(ids) == len(set(ids))


def test_a_record_holds_every_kind_of_resource() -> None:
    types = {resource["resourceType"] for resource in resources(100, 1)}
    assert types == {
        "AllergyIntolerance", "Claim", "Condition", "DiagnosticReport", "DocumentReference",
        "Encounter", "ExplanationOfBenefit", "Immunization", "Location", "MedicationRequest",
        "Observation", "Organization", "Patient", "Practitioner", "PractitionerRole", "Procedure",
    }  # fmt: skip


def test_every_resource_is_valid_r4() -> None:
    from fhirserver.validation import validate

    for resource in resources(30, 1):
        wrong = [issue for issue in validate(resource) if issue.severity in ("error", "fatal")]
        assert not wrong, (resource, wrong)
