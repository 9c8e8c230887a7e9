"""Launches: a handle counts once, for its application and person; who may be seen can be picked."""

from __future__ import annotations

from typing import Any

import pytest

from fhirserver.model.json import JsonObject
from fhirserver.smart import launches, tokens
from fhirserver.store.database import now_us
from tests.smart.browser import Browser
from tests.smart.conftest import Hospital
from tests.smart.flows import allow, granted

EHR = "launch openid fhirUser patient/*.rs"
CONTEXT: JsonObject = {
    "patient": "hers",
    "encounter": "of-hers",
    "need_patient_banner": False,
    "intent": "reconcile",
    "tenant": "north",
    "fhirContext": [{"reference": "Observation/of-hers"}],
}

_TOLD = """
SELECT interaction, actor, client, detail ->> 'patient', detail ->> 'scopes', token FROM audit
WHERE interaction IN ('token', 'authorize-choice') ORDER BY at DESC, entry DESC LIMIT 3
"""


def handle_of(
    hospital: Hospital, *, client: str = "approved", person: str = "", context: JsonObject = CONTEXT
) -> str:
    """Launch an application from the EHR, as the physician unless somebody else is named."""
    with hospital.secured.database.connection() as connection:
        return launches.create(
            connection,
            client,
            person or hospital.physician,
            hospital.secured.base,
            context,
            now_us=now_us(),
        )


def test_one_click_leads_to_the_context(hospital: Hospital) -> None:
    """SEC-L1, SEC-L2, SEC-L5, SEC-L6: logged in, approved by an administrator, nothing is asked."""
    app, browser = hospital.app("approved", EHR), hospital.browser(hospital.physician)
    body = granted(app, browser, launch=handle_of(hospital)).json
    for name, value in CONTEXT.items():
        assert body[name] == value
    assert len(browser.visited) == 2  # the request, and the way back
    style = style_of(hospital, body)
    assert style["color_background"].startswith("#")
    assert style["font_family_body"]
    with hospital.secured.caller(body["access_token"]) as caller:
        assert caller.get("Encounter/of-hers").status == 200
        assert caller.get("Encounter/of-other").status == 404


@pytest.mark.parametrize(
    "how", ["used", "unknown", "expired", "other-client", "other-person", "other-base"]
)
def test_a_handle_that_does_not_count(hospital: Hospital, how: str) -> None:
    """SEC-L1."""
    app, person = hospital.app("approved", EHR), hospital.physician
    handle = handle_of(hospital)
    match how:
        case "used":
            assert granted(app, hospital.browser(person), launch=handle).status == 200
        case "unknown":
            handle = "x" * 43
        case "expired":
            change(hospital, "SET expires = expires - 300000000", handle)
        case "other-client":
            app = hospital.app("spa", EHR)
        case "other-person":
            person = hospital.patient
        case _:
            change(hospital, "SET audience = audience || '2'", handle)
    seen = hospital.browser(person).open(app.address(launch=handle))
    assert seen.answer["error"] == "invalid_request"
    assert "code" not in seen.answer


def test_a_launch_is_told_from_the_choice_to_the_token(hospital: Hospital) -> None:
    """SEC-T10: whose record, by whom, for which application; the token by its number."""
    app, browser = hospital.app("unvetted", "patient/*.rs"), hospital.browser(hospital.physician)
    body = granted(app, browser, ("patient", "hers")).json
    with hospital.secured.database.connection() as connection:
        token = tokens.find(connection, body["access_token"], now_us())
        rows = connection.execute(_TOLD).fetchall()
    assert token is not None
    about = ("Practitioner/doc", "unvetted", "hers")
    assert rows == [
        ("token", *about, "patient/*.rs", str(token.number)),
        ("authorize-choice", *about, "patient/*.rs", None),
        ("authorize-choice", *about, None, None),
    ]


def test_a_patients_launch_needs_nobody_to_choose(hospital: Hospital) -> None:
    """SEC-L4."""
    app = hospital.app("approved", "launch/patient patient/Observation.rs")
    assert granted(app, hospital.browser(hospital.patient)).json["patient"] == "hers"


def pick_patient(hospital: Hospital, account: str) -> tuple[Browser, Any]:
    """Get to the page on which a patient is chosen."""
    browser = hospital.browser(account)
    page = browser.open(hospital.app("approved", "patient/Observation.rs").address())
    assert page.address.endswith("/patient")
    return browser, page


@pytest.mark.parametrize("who", ["physician", "proxy"])
def test_a_picker_shows_whom_the_person_may_see(hospital: Hospital, who: str) -> None:
    """SEC-L4: nobody else, by no name, and nobody else can be chosen."""
    browser, page = pick_patient(hospital, getattr(hospital, who))
    assert page.values("patient") == ["hers"]
    assert browser.open(f"{page.address}?name=Otherw").values("patient") == []
    assert browser.open(f"{page.address}?name=her").values("patient") == ["hers"]
    for chosen in ("other", "nobody", "", "../hers", "\0"):
        assert browser.answer(page, ("patient", chosen)).address.endswith("/patient")
    assert "code" in browser.answer(page, ("patient", "hers")).answer


@pytest.mark.parametrize(("chosen", "told"), [("of-hers", "of-hers"), ("", None)])
def test_an_encounter_is_chosen_too(hospital: Hospital, chosen: str, told: str | None) -> None:
    """SEC-L4, SEC-L5."""
    app = hospital.app("approved", "launch/patient launch/encounter patient/Encounter.rs")
    browser = hospital.browser(hospital.physician)
    page = browser.answer(browser.open(app.address()), ("patient", "hers"))
    assert page.values("encounter") == ["of-hers", ""]
    assert browser.answer(page, ("encounter", "of-other")).address.endswith("/encounter")
    seen = browser.answer(page, ("encounter", chosen))
    body = app.redeem(seen.answer["code"]).json
    assert (body["patient"], body.get("encounter")) == ("hers", told)


def proxy_of_both(hospital: Hospital) -> str:
    """Make somebody who reaches both patients."""
    return hospital.secured.account("proxy", "RelatedPerson/mother", ("hers", "other"))


def test_another_patient_does_not_keep_the_encounter(hospital: Hospital) -> None:
    """SEC-L2: the page before is sent again, as after a browser's Back."""
    app = hospital.app("unvetted", "launch/patient launch/encounter patient/*.rs")
    browser = hospital.browser(proxy_of_both(hospital))
    first = browser.open(app.address())
    page = browser.answer(first, ("patient", "hers"))
    assert browser.answer(page, ("encounter", "of-hers")).address.endswith("/consent")
    page = browser.answer(first, ("patient", "other"))
    assert page.values("encounter") == ["of-other", ""]
    seen = allow(browser, browser.answer(page, ("encounter", "of-other")))
    body = app.redeem(seen.answer["code"]).json
    assert (body["patient"], body["encounter"]) == ("other", "of-other")


@pytest.mark.parametrize(("step", "chosen"), [("patient", "other"), ("encounter", "")])
def test_what_the_ehr_launched_with_is_not_chosen_anew(
    hospital: Hospital, step: str, chosen: str
) -> None:
    """SEC-L1, SEC-L2."""
    app = hospital.app("unvetted", f"{EHR} launch/encounter")
    person = proxy_of_both(hospital)
    browser = hospital.browser(person)
    page = browser.open(app.address(launch=handle_of(hospital, client="unvetted", person=person)))
    fields = {"csrf": page.values("csrf")[0], step: chosen}
    page = browser.post(page.address.replace("/consent", f"/{step}"), fields)
    body = app.redeem(allow(browser, page).answer["code"]).json
    assert (body["patient"], body["encounter"]) == ("hers", "of-hers")


@pytest.mark.parametrize(
    ("asked", "ticked", "told"),
    [
        pytest.param(
            "patient/Observation.rs patient/Condition.rs",
            ("patient/Observation.rs",),
            "patient/Observation.rs",
            id="SEC-S6-a-type-left-out",
        ),
        pytest.param(
            "patient/Observation.read patient/Condition.read",
            ("patient/Observation.rs", "patient/Condition.rs"),
            "patient/Observation.read patient/Condition.read",
            id="SEC-S2-answered-in-version-1",
        ),
        pytest.param(
            "patient/Observation.read patient/Condition.read",
            ("{laboratory}", "patient/Condition.rs"),
            "{laboratory} patient/Condition.rs",
            id="SEC-S2-narrowed-so-version-2",
        ),
        pytest.param(
            "patient/Observation.rs",
            ("{laboratory}", "patient/Practitioner.rs", "system/*.cruds", "offline_access"),
            "{laboratory}",
            id="SEC-S3-what-was-not-offered",
        ),
    ],
)
def test_a_person_may_grant_less(
    hospital: Hospital, asked: str, ticked: tuple[str, ...], told: str
) -> None:
    category = "http://terminology.hl7.org/CodeSystem/observation-category|laboratory"
    laboratory = f"patient/Observation.rs?category={category}"
    app, browser = hospital.app("unvetted", asked), hospital.browser(hospital.patient)
    page = browser.open(app.address())
    seen = allow(browser, page, *(each.replace("{laboratory}", laboratory) for each in ticked))
    body = app.redeem(seen.answer["code"]).json
    assert body["scope"] == told.replace("{laboratory}", laboratory)
    with hospital.secured.caller(body["access_token"]) as caller:
        assert caller.get("Patient/hers").status == 403


@pytest.mark.parametrize(
    ("client", "asked", "told"),
    [
        pytest.param(
            "narrow",
            "openid launch/patient patient/*.cruds offline_access",
            "patient/Observation.rs openid launch/patient",
            id="SEC-S3-registered-for-less",
        ),
        pytest.param("approved", "system/*.rs", None, id="SEC-S3-system"),
        pytest.param("narrow", "patient/Condition.rs", None, id="SEC-S3-nothing-left"),
    ],
)
def test_nobody_gets_more_than_is_registered(
    hospital: Hospital, client: str, asked: str, told: str | None
) -> None:
    app, browser = hospital.app(client, asked), hospital.browser(hospital.patient)
    seen = browser.open(app.address())
    if told is None:
        assert seen.answer["error"] == "invalid_scope"
        return
    seen = browser.answer(seen, ("scope", "patient/Observation.rs"), ("decision", "allow"))
    assert app.redeem(seen.answer["code"]).json["scope"] == told


def test_lasting_access_is_said_and_can_be_left_out(hospital: Hospital) -> None:
    """SEC-R5."""
    app = hospital.app("unvetted", "launch/patient patient/Observation.rs offline_access")
    browser = hospital.browser(hospital.patient)
    page = browser.open(app.address())
    assert "when you are not there" in page.text
    seen = browser.answer(page, ("scope", "patient/Observation.rs"), ("decision", "allow"))
    body = app.redeem(seen.answer["code"]).json
    assert "offline_access" not in body["scope"]
    assert "refresh_token" not in body


def style_of(hospital: Hospital, body: JsonObject) -> JsonObject:
    """Fetch the style that a token response names."""
    with hospital.secured.caller() as caller:
        answer = caller.get(body["smart_style_url"].removeprefix(hospital.secured.root))
    assert answer.status == 200
    assert answer.headers["access-control-allow-origin"] == "*"
    found: JsonObject = answer.json
    return found


def change(hospital: Hospital, sql: str, handle: str) -> None:
    """Change the row of a handle."""
    with hospital.secured.database.connection() as connection:
        statement = f"UPDATE oauth_launch {sql} WHERE digest = %s"
        connection.execute(statement.encode(), (tokens.digest(handle),))
