"""Synthetic patients: linked, plausible, deterministic, and nobody's record.

    sample_bundles(patients, seed)   transaction Bundles: first the clinic, then one per patient

Every resource is written by PUT with an id made from the seed, so loading the same sample twice
changes nothing. Each patient draws from a generator of its own: patient 7 of seed 1 is the same
person whether ten or ten thousand are made, and nothing but the current one is held in memory.

The codes are facts from LOINC (Regenstrief Institute), SNOMED CT (SNOMED International), RxNorm
(US National Library of Medicine), CVX (US CDC) and HL7's own code systems; texts are ours.
"""

from collections.abc import Iterator

from fhirserver.model.json import JsonObject
from fhirserver.samples.clinic import Clinic
from fhirserver.samples.record import patient_record

__all__ = ["sample_bundles"]


def sample_bundles(patients: int, seed: int) -> Iterator[JsonObject]:
    """Generate transaction Bundles.

    Args:
        patients: number of patients, 0 or more.
        seed: any integer; equal seeds give equal resources.

    Yields:
        The clinic's Bundle (organisations, locations, practitioners), then a Bundle a patient.
    """
    clinic = Clinic(seed)
    yield _transaction(clinic.resources)
    for number in range(patients):
        yield _transaction(patient_record(clinic, seed, number))


def _transaction(resources: list[JsonObject]) -> JsonObject:
    return {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [
            {
                "resource": resource,
                "request": {
                    "method": "PUT",
                    "url": f"{resource['resourceType']}/{resource['id']}",
                },
            }
            for resource in resources
        ],
    }
