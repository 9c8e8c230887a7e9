"""Programs and applications of others work with the server: `scripts/real-clients` runs these.

FHIRSERVER_CLIENTS names the folder into which that script has installed them: `venv` with fhirpy,
fhirclient and playwright, `node_modules` with fhirclient and fhir-kit-client. Pictures of what
people see are put into its `pictures`.
"""

from __future__ import annotations

import functools
import http.server
import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fhirserver.smart.clients import Client as Application
from tests.secured import Secured
from tests.smart.assertions import assertion, key_set

HERE = Path(__file__).parent
FOLDER = Path(os.environ.get("FHIRSERVER_CLIENTS", ".")).resolve()
PYTHON = str(FOLDER / "venv" / "bin" / "python")
MODULES = FOLDER / "node_modules"
OF_PEOPLE = "openid fhirUser profile launch launch/patient offline_access patient/*.rs"
PROGRAM = "program"
FLOWS = (
    "ehr-launch",
    "clinician-standalone",
    "patient-standalone",
    "version-1",
    "refresh",
    "denied",
)
TIMEOUT_S = 240
_PATIENT = "SELECT fhir_user FROM account WHERE username = 'patient'"

pytestmark = pytest.mark.skipif(
    "FHIRSERVER_CLIENTS" not in os.environ,
    reason="scripts/real-clients installs the clients of others",
)


class Pages(http.server.SimpleHTTPRequestHandler):
    """The pages of an application, and the library as npm has it."""

    def translate_path(self, path: str) -> str:
        if path == "/fhir-client.js":
            return str(MODULES / "fhirclient" / "build" / "fhir-client.min.js")
        return super().translate_path(path)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def origin() -> Iterator[str]:
    """An application's own origin, with its pages."""
    pages = functools.partial(Pages, directory=str(HERE / "pages"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), pages) as serving:
        thread = threading.Thread(target=serving.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{serving.server_port}"
        serving.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def settings(secured: Secured, origin: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """What people and their applications need, as `by_browser.py` takes it."""
    where = ("--database-url", secured.database.url)
    sample = str(tmp_path_factory.mktemp("sample") / "patients.ndjson")
    command("sample-data", "--patients", "5", "--output", sample)
    command("load", *where, sample)
    made = command("demo-users", "--public-url", secured.base, *where)
    for id_, name, redirect_uri, launch_url in (
        ("browser-app", "Browser app", f"{origin}/index.html", f"{origin}/launch.html"),
        ("python-app", "Python app", f"{origin}/after", None),
    ):
        secured.register(
            Application(
                id_, name, "public", (redirect_uri,), launch_url, OF_PEOPLE, origins=(origin,)
            )
        )
    pictures = FOLDER / "pictures"
    pictures.mkdir(exist_ok=True)
    return json.dumps(
        {
            "base": secured.base,
            "origin": origin,
            "passwords": dict(re.findall(r"^(\S+) +(\S+)   ", made, re.M)),
            "patient": patient_of(secured),
            "pictures": str(pictures),
        }
    )


@pytest.fixture
def signed(secured: Secured) -> str:
    """An assertion of a backend service."""
    secured.register(
        Application(
            PROGRAM,
            "Program",
            "confidential-asymmetric",
            scopes="system/*.cruds",
            grant_types=("client_credentials",),
            jwks=key_set("ec-1"),
        )
    )
    return assertion(PROGRAM, f"{secured.root}/oauth/token", time.time(), name="ec-1")


@pytest.fixture
def unconsented(secured: Secured) -> None:
    """Nobody has consented yet, so that everybody is asked."""
    with secured.database.connection() as connection:
        connection.execute("DELETE FROM oauth_consent")


@pytest.mark.parametrize("flow", FLOWS)
@pytest.mark.usefixtures("unconsented")
def test_an_application_in_a_browser(settings: str, flow: str) -> None:
    works(PYTHON, "by_browser.py", flow, settings)


@pytest.mark.usefixtures("unconsented")
def test_an_application_in_python(settings: str) -> None:
    works(PYTHON, "by_fhirclient_launch.py", settings)


@pytest.mark.parametrize("program", ["by_urllib.py", "by_fhirpy.py", "by_fhirclient.py"])
def test_a_backend_service_in_python(secured: Secured, signed: str, program: str) -> None:
    works(PYTHON, program, secured.base, signed)


def test_a_backend_service_in_node(secured: Secured, signed: str) -> None:
    works("node", "by_fhirkit.mjs", secured.base, signed, str(MODULES))


def works(program: str, file: str, *words: str) -> None:
    """Run a program to its end."""
    ended = subprocess.run(
        [program, str(HERE / file), *words],
        check=False,
        timeout=TIMEOUT_S,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert ended.returncode == 0, ended.stdout


def command(*words: str) -> str:
    """Run a command of ours and give what it prints."""
    called = [sys.executable, "-m", "fhirserver", *words]
    return subprocess.run(called, check=True, text=True, stdout=subprocess.PIPE).stdout


def patient_of(secured: Secured) -> str:
    """Give the logical id of the patient who logs in."""
    with secured.database.connection() as connection:
        row = connection.execute(_PATIENT).fetchone()
    assert row is not None
    return str(row[0]).removeprefix("Patient/")
