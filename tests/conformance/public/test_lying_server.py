"""A server that answers everything with the same nonsense: each suite says so, case by case."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from fhirserver_conformance.engine.settings import RunSettings, Target
from fhirserver_conformance.public.cases import Site
from fhirserver_conformance.public.suites import run_suites, suites_in
from fhirserver_conformance.transport import Transport

PATIENT: dict[str, Any] = {"resourceType": "Patient", "id": "85", "birthDate": "1940"}
BUNDLE = {
    "resourceType": "Bundle",
    "type": "transaction",
    "entry": [{"resource": PATIENT, "request": {"method": "PUT", "url": "Patient/85"}}],
}
STORED = {"resourceType": "Bundle", "entry": [{"response": {"location": "Patient/85/_history/1"}}]}
DATA = {
    "candle-search/cases.json": json.dumps(
        [{"method": "PatientSearch", "auth": None, "query": "birthdate=1940", "args": [1]}]
    ),
    "candle-search/data/patient.json": json.dumps(PATIENT),
    "inferno/recorded/us_core_610_replay.jsonl": json.dumps(
        {"test_id": "x-y", "requests": [{"verb": "GET", "path": "/Patient?birthdate=1940"}]}
    ),
    **{
        f"inferno/reference-data/uscore_bundle_{name}.json": json.dumps(BUNDLE)
        for name in ("asserted-date", "patient_85", "patient_907")
    },
    "patch/fhir-patch-tests.xml": (
        '<tests xmlns="http://hl7.org/fhir"><case name="x"><input><Patient/></input>'
        "<diff><Parameters/></diff><output><Patient/></output></case></tests>"
    ),
    "patch/json-patch-tests.json": "[]",
    "patch/xml-patch-tests.xml": "<tests/>",
    "validator/cases.jsonl": json.dumps(
        {"name": "x", "file": "x.json", "base_expected": {"errors": 0}}
    ),
    "validator/files/x.json": json.dumps(PATIENT),
}
CLAIMS = {"rest": [{"resource": [{"type": "Patient", "operation": [{"name": "validate"}]}]}]}


class _Liar(BaseHTTPRequestHandler):
    body = b""

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", "0")))
        length = int(self.headers.get("Content-Length", "0"))
        body = json.dumps(STORED).encode() if self._loads(length) else self.body
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_PATCH = do_GET  # noqa: N815 - names that http.server looks for

    def _loads(self, length: int) -> bool:
        """Whether it is the transaction that a suite begins with."""
        return self.path == "/fhir" and length > 0

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def data(tmp_path: Path) -> Path:
    for name, content in DATA.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return tmp_path


@pytest.fixture
def base() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Liar) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/fhir"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    "answer",
    [
        b"no JSON",
        b"[]",
        b"3",
        b'{"entry": 3, "link": {"relation": "next"}, "issue": "x"}',
        b'{"entry": [3, {"resource": 3}, {"resource": {}, "search": 3}], "issue": [3]}',
        b'{"entry": [{"resource": {"resourceType": "Patient", "birthDate": {"start": 3}}}]}',
        b'{"entry": [{"resource": {"resourceType": "Device", "id": "85"}}], "total": 1}',
        b'{"link": [{"relation": "next", "url": "http://127.0.0.1:9/elsewhere"}]}',
        b'{"issue": [{"severity": "error", "diagnostics": 3}]}',
    ],
    ids=lambda answer: answer.decode()[:50],
)
def test_each_suite_fails_case_by_case(data: Path, base: str, answer: bytes) -> None:
    _Liar.body = answer
    transport = Transport(confine=(base,))
    site = Site(data, RunSettings((Target(base),), transport), CLAIMS)
    results = run_suites(suites_in(data), site, lambda _: None)
    transport.close()
    assert [each.message for each in results if each.message] == []
    last = {each.suite: each.tests[-1].verdict for each in results if each.tests}
    assert set(last) == {"candle-search", "inferno-us-core", "patch", "validator"}
    assert set(last.values()) <= {"fail", "error"}
