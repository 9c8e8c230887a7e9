"""A backend service by fhirclient, which is given an assertion: by_fhirclient.py BASE ASSERTION."""

import sys

from fhirclient import client
from fhirclient.models.humanname import HumanName
from fhirclient.models.patient import Patient


def main() -> None:
    """Create, find, delete."""
    base, assertion = sys.argv[1:]
    smart = client.FHIRClient(
        settings={
            "app_id": "program",
            "api_base": base,
            "scope": "system/Patient.cruds",
            "jwt_token": assertion,
        }
    )
    smart.prepare()
    smart.authorize()
    patient = Patient()
    patient.name = [HumanName({"family": "Byfhirclient"})]
    created = patient.create(smart.server)
    found = Patient.where({"family": "Byfhirclient"}).perform_resources(smart.server)
    assert [each.id for each in found] == [created["id"]]
    found[0].delete()


if __name__ == "__main__":
    main()
