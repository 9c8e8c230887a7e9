"""PyPI's fhirclient as an application of a person: by_fhirclient_launch.py SETTINGS.

It finds the addresses in the CapabilityStatement.
"""

import json
import sys

from fhirclient.client import FHIRClient
from fhirclient.models.observation import Observation
from visit import visiting


def main() -> None:
    """Log in, pick a patient, read, refresh, read again."""
    settings = json.loads(sys.argv[1])
    app = FHIRClient(
        settings={
            "app_id": "python-app",
            "api_base": settings["base"],
            "redirect_uri": f"{settings['origin']}/after",
            "scope": "openid fhirUser offline_access patient/Patient.rs patient/Observation.rs",
        }
    )
    with visiting("fhirclient", settings) as visit:
        visit.page.goto(app.authorize_url)
        visit.log_in("physician")
        picked = visit.page.locator("button[name=patient]").first
        patient = picked.get_attribute("value")
        picked.click()
        visit.allow()
        app.handle_callback(visit.page.url)
    check(app, patient)
    assert app.reauthorize()
    check(app, patient)


def check(app: FHIRClient, patient: str | None) -> None:
    """See that it works with the record of a patient."""
    assert app.patient.id == patient
    found = Observation.where({"patient": patient, "_count": "5"}).perform_resources(app.server)
    assert {each.subject.reference for each in found} == {f"Patient/{patient}"}


if __name__ == "__main__":
    main()
