"""A small SMART app, as anybody could write one: a sample to launch, and to read.

Spec: https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html

    GET /sample-app/launch    launched by an EHR (`iss`, `launch`), or by itself
    GET /sample-app/after     comes back with a code, which becomes a token
    GET /sample-app/          the record
    GET /sample-app/end       forgets the token

It is a public client with PKCE. All that it knows of the server it hears over HTTP; nothing here
touches the database. What it keeps is in a cookie of its own, out of reach of scripts.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, abort, redirect, render_template, request
from werkzeug.wrappers import Response

from fhirserver.console.sample_app_calls import CallError, call
from fhirserver.console.sample_app_record import read_record

CLIENT_ID = "sample-app"
PREFIX = "/sample-app"
SCOPES = (
    "openid fhirUser launch launch/patient patient/Patient.rs patient/Observation.rs "
    "patient/Condition.rs patient/Encounter.rs"
)
_COOKIE = "sample-app"
_STANDALONE = " ".join(each for each in SCOPES.split() if each != "launch")
_IN_EHR = " ".join(each for each in SCOPES.split() if each != "launch/patient")
_KEPT = ("access_token", "patient", "encounter", "need_patient_banner", "scope", "intent")


@dataclass(frozen=True, slots=True)
class SampleApp:
    """The app, for the one FHIR server that it works with.

    Attributes:
        base: of that server; any other `iss` is refused.
    """

    base: str

    @property
    def root(self) -> str:
        """Root of the server, which this app's pages are below too."""
        return self.base.removesuffix("/fhir")

    @property
    def launch_url(self) -> str:
        """Where an EHR opens it."""
        return f"{self.root}{PREFIX}/launch"

    @property
    def redirect_uri(self) -> str:
        """Where answers come back to."""
        return f"{self.root}{PREFIX}/after"

    def launch(self) -> Response:
        """Ask for access."""
        if request.args.get("iss", self.base) != self.base:
            abort(400, "This app works with its own server only.")
        handle = request.args.get("launch", "")
        state, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(48)
        asked = {
            "response_type": "code",
            "client_id": CLIENT_ID,
            "redirect_uri": self.redirect_uri,
            "scope": _IN_EHR if handle else _STANDALONE,
            "state": state,
            "aud": self.base,
            "code_challenge": _challenge(verifier),
            "code_challenge_method": "S256",
            **({"launch": handle} if handle else {}),
        }
        place = f"{self._configuration()['authorization_endpoint']}?{urlencode(asked)}"
        return self._keep(redirect(place, 303), {"state": state, "verifier": verifier})

    def after(self) -> Response:
        """Take the answer, and change its code for a token."""
        known = _cookie()
        if not hmac.compare_digest(_text(known, "state"), request.args.get("state", "-").encode()):
            abort(400, "This answer is not to a question of this browser; launch the app again.")
        if "code" not in request.args:
            abort(403, f"The server said no: {request.args.get('error_description', 'no reason')}")
        form = {
            "grant_type": "authorization_code",
            "code": request.args["code"],
            "redirect_uri": self.redirect_uri,
            "client_id": CLIENT_ID,
            "code_verifier": _text(known, "verifier").decode(),
        }
        try:
            token = call(self._configuration()["token_endpoint"], form=form)
        except CallError as error:
            abort(502, f"No token for the code: {error}")
        kept = {name: token[name] for name in _KEPT if name in token}
        return self._keep(redirect(f"{PREFIX}/", 303), kept)

    def show(self) -> str:
        """Show the record."""
        token = _cookie()
        if "access_token" not in token:
            return render_template("sample_app_start.html")
        return render_template("sample_app.html", token=token, record=read_record(self.base, token))

    def end(self) -> Response:
        """Forget the token."""
        response = redirect(f"{PREFIX}/", 303)
        response.delete_cookie(_COOKIE, path=PREFIX)
        return response

    def _keep(self, response: Response, state: dict[str, Any]) -> Response:
        value = base64.urlsafe_b64encode(json.dumps(state).encode()).decode()
        is_tls = self.base.startswith("https:")
        response.set_cookie(
            _COOKIE, value, path=PREFIX, httponly=True, secure=is_tls, samesite="Lax"
        )
        return response

    def _configuration(self) -> dict[str, Any]:
        try:
            return call(f"{self.base}/.well-known/smart-configuration")
        except CallError as error:
            abort(502, f"The server does not say how to log in: {error}")


def make_sample_app(base: str) -> Blueprint:
    """Make the blueprint."""
    blueprint = Blueprint("sample_app", __name__, url_prefix=PREFIX)
    app = SampleApp(base)
    blueprint.get("/launch")(app.launch)
    blueprint.get("/after")(app.after)
    blueprint.get("/")(app.show)
    blueprint.get("/end")(app.end)
    return blueprint


def _challenge(verifier: str) -> str:
    hashed = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(hashed).rstrip(b"=").decode()


def _cookie() -> dict[str, Any]:
    """Read what this browser keeps; nothing where that is not ours."""
    try:
        found = json.loads(base64.urlsafe_b64decode(request.cookies.get(_COOKIE, "")))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _text(kept: dict[str, Any], name: str) -> bytes:
    return str(kept.get(name, "")).encode()
