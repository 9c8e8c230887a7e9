"""A person and npm's fhirclient in Chromium: by_browser.py FLOW SETTINGS.

SETTINGS is JSON: `base`, the FHIR base; `origin`, where the app's pages are; `passwords` by
username; `patient`, logical id of the one who logs in; `pictures`, a folder for screenshots.
"""

import json
import sys
from collections.abc import Callable
from urllib.parse import parse_qs, urlencode, urlsplit

from playwright.sync_api import Page
from visit import Visit, visiting

READING = "openid fhirUser patient/Patient.rs patient/Observation.rs patient/Condition.rs"
_SUBJECTS = """async () => {
    const found = await client.request(`Observation?patient=${client.patient.id}&_count=5`,
        { pageLimit: 2, flat: true });
    return found.map((each) => each.subject.reference);
}"""
_STATUS = """async (path) => {
    try { await client.request(path); return 200; } catch (error) { return error.statusCode; }
}"""


def ehr_launch(visit: Visit) -> None:
    """A physician launches the app on a patient, and it works with that patient's record."""
    page = visit.page
    page.goto(f"{visit.root}/launch")
    visit.log_in("physician")
    chosen = page.locator("ul.choices a").first
    patient = parse_qs(urlsplit(chosen.get_attribute("href") or "").query)["patient"][0]
    visit.picture("patients")
    chosen.click()
    visit.picture("apps")
    page.get_by_role("button", name="Browser app").click()
    visit.allow()
    check_record(visit, patient)
    assert page.evaluate("client.state.tokenResponse.need_patient_banner") is True
    assert page.evaluate("client.user.fhirUser").startswith("Practitioner/")
    assert page.evaluate("client.user.read().then((found) => found.resourceType)") == "Practitioner"


def clinician_standalone(visit: Visit) -> None:
    """A physician picks a patient and grants less than was asked for."""
    page = start(visit, f"launch/patient {READING}", "physician")
    picked = page.locator("button[name=patient]").first
    patient = picked.get_attribute("value") or ""
    visit.picture("picker")
    picked.click()
    page.locator("input[value='patient/Condition.rs']").uncheck()
    visit.allow()
    check_record(visit, patient)
    assert "Condition" not in page.evaluate("client.state.tokenResponse.scope")
    assert page.evaluate(_STATUS, f"Condition?patient={patient}") == 403
    assert page.evaluate(_STATUS, f"Observation?patient={patient}") == 200


def patient_standalone(visit: Visit) -> None:
    """A patient is asked for no patient, and is the one."""
    start(visit, f"launch/patient {READING}", "patient")
    visit.allow()
    check_record(visit, visit.settings["patient"])


def version_1(visit: Visit) -> None:
    """Scopes of version 1 are answered in version 1."""
    page = start(visit, "launch/patient openid profile patient/*.read", "patient")
    visit.allow()
    check_record(visit, visit.settings["patient"])
    assert "patient/*.read" in page.evaluate("client.state.tokenResponse.scope").split()


def refresh(visit: Visit) -> None:
    """A public client refreshes without saying who it is, and again with what it got."""
    page = start(visit, f"launch/patient offline_access {READING}", "patient")
    visit.allow()
    check_record(visit, visit.settings["patient"])
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.post_data or ""))
    tokens = [page.evaluate("client.state.tokenResponse.access_token")]
    for _ in range(2):
        page.evaluate("client.refresh().then(() => true)")
        tokens.append(page.evaluate("client.state.tokenResponse.access_token"))
        check_record(visit, visit.settings["patient"])
    assert len(set(tokens)) == 3
    forms = [parse_qs(each) for each in sent if "refresh_token" in each]
    assert len(forms) == 2
    assert all("client_id" not in form for form in forms)


def denied(visit: Visit) -> None:
    """The app hears of a person who does not allow it."""
    page = start(visit, f"launch/patient {READING}", "patient")
    page.get_by_role("button", name="Do not allow").click()
    page.wait_for_url(f"{visit.settings['origin']}/**")
    page.wait_for_function("document.title === 'refused'")
    visit.picture("refused")


FLOWS: dict[str, Callable[[Visit], None]] = {
    "ehr-launch": ehr_launch,
    "clinician-standalone": clinician_standalone,
    "patient-standalone": patient_standalone,
    "version-1": version_1,
    "refresh": refresh,
    "denied": denied,
}


def start(visit: Visit, scope: str, username: str) -> Page:
    """Let the app begin by itself, and somebody log in."""
    asked = urlencode({"iss": visit.settings["base"], "scope": scope})
    visit.page.goto(f"{visit.settings['origin']}/launch.html?{asked}")
    visit.log_in(username)
    return visit.page


def check_record(visit: Visit, patient: str) -> None:
    """See that the app works with the record of a patient, and with no other."""
    page = visit.page
    page.wait_for_function("document.title !== 'waiting' && document.title !== 'launching'")
    visit.picture("record")
    assert page.title() == "ready", page.locator("pre").text_content()
    assert page.evaluate("client.patient.id") == patient
    assert page.evaluate("client.patient.read().then((found) => found.id)") == patient
    assert set(page.evaluate(_SUBJECTS)) == {f"Patient/{patient}"}


if __name__ == "__main__":
    flow, given = sys.argv[1:]
    with visiting(flow, json.loads(given)) as visit_:
        FLOWS[flow](visit_)
