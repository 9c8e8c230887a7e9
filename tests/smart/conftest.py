"""A hospital for the authorization server's tests: patients, people, applications.

patients       hers and other, each with an encounter
accounts       physician (cares for hers), patient (is hers), proxy (acts for hers)
applications   an SPA, a confidential one, one that is approved for everybody, one that
               registered itself
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from fhirserver.smart.clients import Client as Application
from tests.secured import Secured
from tests.smart.browser import App, Browser

REDIRECT_URI = "https://app.example.org/after?keep=1"
SCOPES = (
    "openid fhirUser profile launch launch/patient launch/encounter offline_access online_access "
    "patient/*.cruds user/*.cruds patient/*.* user/*.*"
)
SECRET = "correct-horse-battery-staple-of-256-bits"


@dataclass(frozen=True)
class Hospital:
    """What the tests find."""

    secured: Secured
    physician: str
    patient: str
    proxy: str

    def browser(self, account: str, **login: tuple[str, ...]) -> Browser:
        """Open a browser in which somebody is logged in; "" for nobody."""
        return Browser(self.secured, self.secured.log_in(account, **login) if account else "")

    def app(self, name: str, scope: str) -> App:
        """Give one of the applications, asking for scopes."""
        secret = SECRET if name == "confidential" else ""
        return App(self.secured, name, REDIRECT_URI, scope, secret)


@pytest.fixture(scope="session")
def hospital(secured: Secured) -> Hospital:
    """Put everything into the server once."""
    for application, secrets in (
        (_application("spa", "public"), ()),
        (_application("confidential", "confidential-symmetric"), (SECRET,)),
        (_application("approved", "public", pre_approved=True), ()),
        (
            _application("unvetted", "public", dynamically_registered=True, pre_approved=True),
            (),
        ),
        (_application("waiting", "public", approved=False), ()),
        (
            _application("narrow", "public", scopes="openid patient/Observation.rs launch/patient"),
            (),
        ),
        (_application("another", "public"), ()),
    ):
        secured.register(application, *secrets)
    with secured.caller(secured.issue("system/*.cruds").secret) as loader:
        for place, resource in _resources():
            answer = loader.request("PUT", place, resource)
            assert answer.status in (200, 201), answer.text
    return Hospital(
        secured,
        physician=secured.account("physician", "Practitioner/doc"),
        patient=secured.account("patient", "Patient/hers"),
        proxy=secured.account("proxy", "RelatedPerson/mother", ("hers",)),
    )


def _application(id_: str, kind: str, **more: object) -> Application:
    values = {
        "id": id_,
        "name": f"The {id_} application",
        "kind": kind,
        "redirect_uris": (REDIRECT_URI,),
        "scopes": SCOPES,
        "origins": ("https://app.example.org",),
        "launch_url": "https://app.example.org/launch",
        **more,
    }
    return Application(**values)  # type: ignore[arg-type]  # what tests change is of its type


def _resources() -> list[tuple[str, dict[str, object]]]:
    found: list[tuple[str, dict[str, object]]] = [
        ("Practitioner/doc", {"name": [{"family": "Doc"}]}),
        ("Practitioner/colleague", {"name": [{"family": "Colleague"}]}),
    ]
    for id_, family in (("hers", "Hers"), ("other", "Otherwise")):
        subject = {"reference": f"Patient/{id_}"}
        doctor = {"reference": f"Practitioner/{'doc' if id_ == 'hers' else 'colleague'}"}
        found += [
            (
                f"Patient/{id_}",
                {"name": [{"given": ["Ann"], "family": family}], "generalPractitioner": [doctor]},
            ),
            (
                f"Encounter/of-{id_}",
                {"status": "finished", "class": {"code": "AMB"}, "subject": subject},
            ),
            (
                f"Observation/of-{id_}",
                {"status": "final", "code": {"text": "pulse"}, "subject": subject},
            ),
        ]
    found.append(("RelatedPerson/mother", {"patient": {"reference": "Patient/hers"}}))
    return [
        (place, {"resourceType": place.split("/")[0], "id": place.split("/")[1], **rest})
        for place, rest in found
    ]
