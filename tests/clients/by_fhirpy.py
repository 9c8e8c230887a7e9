"""A backend service through fhirpy, which is given a token: by_fhirpy.py BASE ASSERTION."""

import sys

from by_urllib import get_token
from fhirpy import SyncFHIRClient


def main() -> None:
    """Create, find, delete."""
    base, assertion = sys.argv[1:]
    token = get_token(base, assertion, "system/Patient.cruds")
    client = SyncFHIRClient(base, authorization=f"Bearer {token}")
    patient = client.resource("Patient", name=[{"family": "Byfhirpy"}])
    patient.save()
    found = client.resources("Patient").search(family="Byfhirpy").fetch_all()
    assert [each["id"] for each in found] == [patient["id"]]
    patient.delete()


if __name__ == "__main__":
    main()
