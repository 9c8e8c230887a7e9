"""A suite for a server: where its statement is not to be had, and written down to be run again."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from fhirserver_conformance.engine.run import run_scripts
from fhirserver_conformance.engine.settings import RunSettings, Target
from fhirserver_conformance.script.discover import read_suite
from fhirserver_conformance.script.model import BrokenScript, Script
from fhirserver_conformance.suites.build import build_suite, write_suite
from fhirserver_conformance.transport import Transport
from tests.conformance.suites.liar import Lie, Told, lying
from tests.server import ServerProcess


def _settings(base: str) -> RunSettings:
    return RunSettings((Target(base),), Transport(timeout_s=60))


def _instead(body: bytes, status: int = 200) -> Lie:
    def tell(told: Told) -> Told:
        return replace(told, status=status, body=body)

    return Lie(tell=tell)


@pytest.mark.parametrize(
    ("lie", "words"),
    [
        pytest.param(_instead(b"{}", 401), "status 401; check the address", id="refused"),
        pytest.param(_instead(b"<html>"), "no JSON; is this a FHIR base?", id="a-page"),
        pytest.param(_instead(b"[" * 100_000), "no JSON", id="too-deep"),
        pytest.param(
            _instead(b'{"resourceType": "Patient"}'), "no CapabilityStatement", id="other"
        ),
    ],
)
def test_no_statement(lie: Lie, words: str, server: ServerProcess) -> None:
    """The report says so; nothing is raised."""
    with lying(server.base, lie, even_metadata=True) as base:
        (broken,) = build_suite("search", _settings(base)).scripts
    assert isinstance(broken, BrokenScript)
    assert words in broken.problem
    assert "/metadata" in broken.problem


_ODD = {
    "no-rest": {},
    "no-list": {"rest": {"mode": "server"}},
    "no-objects": {"rest": [{"mode": "server", "resource": [7, {}]}]},
    "other-types": {"rest": [{"mode": "server", "resource": [{"type": [], "interaction": 3}]}]},
    "no-codes": {
        "rest": [
            {
                "mode": "server",
                "resource": [{"type": "Patient", "searchParam": "x", "interaction": [None]}],
            }
        ]
    },
}


@pytest.mark.parametrize("odd", _ODD.values(), ids=_ODD)
def test_odd_statements(odd: dict[str, object], server: ServerProcess) -> None:
    """What has another shape than R4's is passed over: nothing is claimed."""
    body = json.dumps({"resourceType": "CapabilityStatement"} | odd).encode()
    with lying(server.base, _instead(body), even_metadata=True) as base:
        for name in ("search", "interactions", "system"):
            assert build_suite(name, _settings(base)).scripts == ()


def test_written_down_and_read_again(tmp_path: Path, server: ServerProcess) -> None:
    """The files alone are enough, for this engine as for others."""
    settings = _settings(server.base)
    for name in ("system", "rest"):
        assert write_suite(name, settings, tmp_path) >= 1
    scripts = read_suite(tmp_path).scripts
    assert all(isinstance(script, Script) for script in scripts)
    assert "system/system.json" in [script.source for script in scripts]
    results = run_scripts(scripts, settings, lambda _result: None)
    assert {result.verdict for result in results} == {"pass"}
