"""`/launch` and the sample app: from a patient on our page to the record in an application.

Spec: https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html#launch-app-ehr-launch
"""

from __future__ import annotations

import re
from html import unescape
from urllib.parse import parse_qs, urlsplit

import pytest

from fhirserver.console.sample_app import CLIENT_ID, SCOPES, SampleApp
from fhirserver.identity.accounts import Account
from fhirserver.smart.clients import Client as Application
from tests.client import Answer
from tests.console.people import People
from tests.visitor import Visitor

ELSEWHERE = Application(
    "elsewhere-app",
    "Else<where>",
    "public",
    redirect_uris=("https://app.example.org/after",),
    launch_url="https://app.example.org/launch?keep=1",
    scopes="launch patient/Observation.rs",
)
HIDDEN = [
    Application("no-launch", "No launch", "public"),
    Application("waits", "Waits", "public", launch_url="https://x.example.org/", approved=False),
    Application("shut", "Shut", "public", launch_url="https://x.example.org/", disabled=True),
]
APPLICATIONS = {CLIENT_ID, ELSEWHERE.id, *(application.id for application in HIDDEN)}
"""What these tests register; the server may hold those of others."""


@pytest.fixture
def doctor(people: People, ward: None) -> Account:
    """Somebody who treats Ann, and applications."""
    app = SampleApp(people.secured.base)
    sample = Application(
        CLIENT_ID,
        "Sample app",
        "public",
        redirect_uris=(app.redirect_uri,),
        launch_url=app.launch_url,
        scopes=SCOPES,
        pre_approved=True,
    )
    for application in (sample, ELSEWHERE, *HIDDEN):
        people.secured.register(application)
    return people.add("ada", fhir_user="Practitioner/70")


def launch(visitor: Visitor, client: str = CLIENT_ID, **fields: str) -> Answer:
    return visitor.press("/logout", "/launch", client=client, **fields)


def onward(page: Answer) -> str:
    """Give the address that a page leads on to."""
    found = re.search(r'content="0; url=([^"]+)"', page.text)
    assert found is not None, (page.status, page.text)
    return unescape(found[1])


def follow(visitor: Visitor, address: str) -> Answer:
    """Go where the server leads, as far as there is a page."""
    for _ in range(10):
        answer = visitor.get(address.removeprefix(visitor.origin))
        if answer.status != 303:
            return answer
        address = answer.headers["location"]
    raise AssertionError("redirected in circles")


def test_patients_are_those_that_one_may_see(people: People, doctor: Account) -> None:
    """SEC-L4: and applications those that can be launched."""
    with people.enter(doctor) as visitor:
        found = re.findall(r'href="/launch\?patient=([^"&]+)', visitor.get("/launch").text)
        assert found == ["ward-ann"]
        assert "No patient found" in visitor.get("/launch?name=Bob").text
        page = visitor.get("/launch?patient=ward-ann").text
        for id_, name in (("ward-bob", "Bob"), ("nobody", "nobody"), ("%00", "x")):
            answer = visitor.get(f"/launch?patient={id_}")
            assert (answer.status, name in answer.text) == (404, False)
    assert "Ann &lt;b&gt;Anns</h1>" in page
    offered = re.findall(r'name="client" value="([^"]+)"', page)
    assert [id_ for id_ in offered if id_ in APPLICATIONS] == [ELSEWHERE.id, CLIENT_ID]
    assert '<option value="ward-ann">' in page


def test_a_launch_leads_to_the_application(people: People, doctor: Account) -> None:
    """SEC-L1, SEC-L2."""
    with people.enter(doctor) as visitor:
        place = onward(launch(visitor, ELSEWHERE.id, patient="ward-ann"))
    query = parse_qs(urlsplit(place).query)
    assert place.startswith("https://app.example.org/launch?keep=1&")
    assert query["iss"] == [people.secured.base]
    assert len(query["launch"][0]) >= 22


def test_one_click_to_the_sample_app(people: People, doctor: Account) -> None:
    """SEC-L6, SEC-L5: no login, no consent; the context is that of the launch."""
    fields = {"patient": "ward-ann", "encounter": "ward-ann", "intent": "<look>"}
    with people.enter(doctor) as visitor:
        page = follow(visitor, onward(launch(visitor, need_patient_banner="on", **fields)))
        assert page.status == 200
        assert '<header class="banner" aria-label="Patient"><strong>Ann &lt;b&gt;Anns' in page.text
        assert "Heart rate</td><td>71 /min</td>" in page.text
        assert "encounter: <code>ward-ann</code>" in page.text
        assert "intent: <code>&lt;look&gt;</code>" in page.text
        assert "Sample app.</strong>" in page.text
        assert "Sample app</h2>" in visitor.get("/apps").text
        without = follow(visitor, onward(launch(visitor, **fields)))
        assert '<header class="banner"' not in without.text
        follow(visitor, "/sample-app/end")
        assert "Not connected" in visitor.get("/sample-app/").text


def test_the_sample_app_without_an_ehr(people: People, doctor: Account) -> None:
    """SEC-L4: somebody picks the patient; what was taken away meanwhile is said, part by part."""
    with people.enter(doctor) as visitor:
        picker = follow(visitor, "/sample-app/launch")
        found = re.search(r'<button name="patient" value="([^"]+)"', picker.text)
        assert found is not None, picker.text
        assert found[1] == "ward-ann"
        with people.database.connection() as connection:
            row = connection.execute(
                "SELECT id FROM oauth_authorization ORDER BY begun DESC LIMIT 1"
            ).fetchone()
        assert row is not None
        path = f"/authorize/{row[0]}/patient"
        answer = visitor.press(path, path, patient="ward-ann")
        assert "Heart rate" in follow(visitor, answer.headers["location"]).text
        visitor.press("/apps", "/apps/end", client=CLIENT_ID)
        page = visitor.get("/sample-app/")
    assert (page.status, page.text.count('class="notice"')) == (200, 3)
    assert "Heart rate" not in page.text


@pytest.mark.parametrize(
    ("client", "fields", "status"),
    [
        pytest.param(CLIENT_ID, {"patient": "ward-bob"}, 404, id="SEC-L2/not-for-this-person"),
        pytest.param(CLIENT_ID, {"patient": "nobody"}, 404, id="SEC-L2/absent-alike"),
        pytest.param(CLIENT_ID, {"patient": "../x"}, 400, id="SEC-L2/no-id"),
        pytest.param(
            CLIENT_ID, {"patient": "ward-ann", "encounter": "ward-bob"}, 404, id="SEC-L2/encounter"
        ),
        pytest.param(
            CLIENT_ID, {"patient": "ward-ann", "intent": "x" * 201}, 400, id="SEC-L2/intent"
        ),
        pytest.param("waits", {"patient": "ward-ann"}, 404, id="SEC-G3/not-approved"),
        pytest.param("shut", {"patient": "ward-ann"}, 404, id="SEC-B6/disabled"),
        pytest.param("no-launch", {"patient": "ward-ann"}, 404, id="SEC-L1/no-launch-url"),
        pytest.param("\0", {"patient": "ward-ann"}, 404, id="SEC-L1/no-id"),
        pytest.param(CLIENT_ID, {"patient": "ward-ann", "csrf": "x"}, 403, id="SEC-A8/no-token"),
    ],
)
def test_what_is_not_launched(
    people: People, doctor: Account, client: str, fields: dict[str, str], status: int
) -> None:
    with people.enter(doctor) as visitor:
        assert launch(visitor, client, **fields).status == status


@pytest.mark.parametrize("role", ["administrator", "auditor", "researcher"])
def test_who_sees_no_patients_launches_nothing(people: People, doctor: Account, role: str) -> None:
    with people.enter(people.add("x", role)) as visitor:
        assert visitor.get("/launch").status == 403
        assert launch(visitor, patient="ward-ann").status == 403


def test_patients_launch_with_their_own_record(people: People, doctor: Account) -> None:
    with people.enter(people.add("ann", "patient", "Patient/ward-ann")) as visitor:
        assert "Ann &lt;b&gt;Anns</h1>" in visitor.get("/launch").text
        assert visitor.get("/launch?patient=ward-bob").status == 404


@pytest.mark.parametrize(
    ("path", "status"),
    [
        pytest.param("/sample-app/launch?iss=https://evil.example.org/fhir", 400, id="other-iss"),
        pytest.param("/sample-app/after?code=x&state=x", 400, id="SEC-A9/no-question"),
        pytest.param("/sample-app/after?code=x", 400, id="SEC-A9/no-state"),
        pytest.param("/sample-app/", 200, id="nothing-kept"),
    ],
)
def test_the_sample_app_is_careful(visitor: Visitor, path: str, status: int) -> None:
    visitor.cookies["sample-app"] = "bm90IGpzb24="
    assert visitor.get(path).status == status


def test_a_refusal_is_shown(visitor: Visitor) -> None:
    asked = visitor.get("/sample-app/launch").headers["location"]
    state = parse_qs(urlsplit(asked).query)["state"][0]
    path = f"/sample-app/after?error=access_denied&error_description=no+%3Ci%3E&state={state}"
    answer = visitor.get(path)
    assert (answer.status, "no &lt;i&gt;" in answer.text) == (403, True)
