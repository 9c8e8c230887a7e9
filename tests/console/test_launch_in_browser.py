"""From the login to a patient in the sample app, in a real browser of a phone's width.

The pages work without scripts; those of the test only press what a person would press.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from fhirserver.console.sample_app import CLIENT_ID, SCOPES, SampleApp
from fhirserver.smart.clients import Client as Application
from tests.conformance.report.browser import PROGRAM, Browser
from tests.console.people import PASSWORD, People

PHONE_PX = 390
FITS = "document.documentElement.scrollWidth <= innerWidth && !document.scripts.length"


@pytest.mark.skipif(PROGRAM is None, reason="no Chromium here")
def test_log_in_launch_and_see_the_patient(people: People, ward: None, tmp_path: Path) -> None:
    """SEC-L6, SEC-A8, SEC-I3: nothing stops the way, and nothing comes from elsewhere."""
    app = SampleApp(people.secured.base)
    people.secured.register(
        Application(
            CLIENT_ID,
            "Sample app",
            "public",
            redirect_uris=(app.redirect_uri,),
            launch_url=app.launch_url,
            scopes=SCOPES,
            pre_approved=True,
        )
    )
    people.add("ada", fhir_user="Practitioner/70")
    with Browser(tmp_path) as browser:
        browser.resize(PHONE_PX)
        browser.visit(f"{app.root}/launch")
        browser.reach(f"document.forms[0].password && {FITS}")
        for field, text in (("username", "ada"), ("password", PASSWORD)):
            browser.run(f"document.forms[0].{field}.value = {text!r}")
        browser.run("document.forms[0].querySelector('button').click()")
        browser.reach(f"document.querySelector('.choices a') && {FITS}")
        browser.run("document.querySelector('.choices a').click()")
        browser.reach(f"document.querySelector('[value={CLIENT_ID}]') && {FITS}")
        browser.run(f"document.querySelector('[value={CLIENT_ID}]').click()")
        browser.reach(f"document.querySelector('.banner') && {FITS}")
        assert "Ann" in browser.run("document.querySelector('.banner').innerText")
        assert "71 /min" in browser.run("document.body.innerText")
        browser.visit(f"{app.root}/apps")
        browser.reach(f"document.querySelector('.danger') && {FITS}")
        browser.run("document.querySelector('.danger').click()")
        browser.reach("document.body.innerText.includes('No application may see')")
        browser.visit(f"{app.root}/sample-app/")
        browser.reach("document.body.innerText.includes('access token')")
        assert [each for each in browser.requests if not each.startswith(f"{app.root}/")] == []
