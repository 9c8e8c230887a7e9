"""Settings: what fits, what does not, and that they do what they say."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest

from fhirserver.config import RANGES, Settings, read_settings
from tests.app.test_serve import serve
from tests.client import Client
from tests.server import ServerProcess


@pytest.mark.parametrize("name", sorted(RANGES))
def test_a_number_out_of_range_is_refused_by_name(name: str) -> None:
    least, most = RANGES[name]
    variable = f"FHIRSERVER_{name.upper()}"
    for value in (least, most):
        assert getattr(read_settings({variable: str(value)}), name) == value
    for value in (least - 1, most + 1):
        with pytest.raises(ValueError, match=f"{variable}=.*use {least} to {most}"):
            read_settings({variable: str(value)})


def test_every_number_has_a_range() -> None:
    numbers = {
        field.name
        for field in fields(Settings)
        if isinstance(field.default, int | float) and not isinstance(field.default, bool)
    }
    assert numbers == set(RANGES)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        pytest.param("FHIRSERVER_POOL_TIMEOUT_S", "nan", id="nan"),
        pytest.param("FHIRSERVER_POOL_SIZE", "six", id="no-number"),
        pytest.param("FHIRSERVER_OPEN", "perhaps", id="neither-true-nor-false"),
        pytest.param("FHIRSERVER_REFERENTIAL_INTEGRITY", "on", id="no-choice"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_by_name(variable: str, value: str) -> None:
    with pytest.raises(ValueError, match=f"{variable}='?{value}'?: use"):
        read_settings({variable: value})


def test_a_server_does_not_start_with_a_wrong_setting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FHIRSERVER_POOL_SIZE", "0")
    answer = serve("--open", "--data-dir", str(tmp_path / "data"))
    assert answer.returncode == 2
    assert "FHIRSERVER_POOL_SIZE=0: use 1 to 1000" in answer.stderr


@pytest.fixture(scope="module")
def strict(server_database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A server that wants If-Match and includes two resources at most."""
    folder = tmp_path_factory.mktemp("strict")
    arguments = ("--database-url", server_database_url, "--data-dir", str(folder / "data"))
    settings = {"FHIRSERVER_INCLUDE_LIMIT": "2", "FHIRSERVER_IF_MATCH_REQUIRED": "true"}
    with (
        ServerProcess(folder / "log", (*arguments, "--workers", "1"), settings) as running,
        running.client() as client,
    ):
        yield client


def test_includes_beyond_the_limit_are_told(clean: None, client: Client, strict: Client) -> None:
    client.put("Patient/many", {"resourceType": "Patient", "id": "many"})
    for number in range(3):
        flag = {
            "resourceType": "Basic",
            "id": f"b{number}",
            "code": {"text": "x"},
            "subject": {"reference": "Patient/many"},
        }
        assert client.put(f"Basic/b{number}", flag).status == 201
    path = "Patient?_id=many&_revinclude=Basic:subject"
    modes = [entry["search"]["mode"] for entry in strict.get(path).json["entry"]]
    assert modes == ["match", "include", "include", "outcome"]
    outcome = strict.get(path).json["entry"][-1]["resource"]
    assert outcome["issue"][0]["code"] == "too-costly"
    assert "some are left out" in outcome["issue"][0]["diagnostics"]
    assert len(client.get(path).json["entry"]) == 4


def test_a_conditional_update_needs_if_match_like_any_other(
    clean: None, client: Client, strict: Client
) -> None:
    patient = {"resourceType": "Patient", "identifier": [{"value": "7"}]}
    assert client.post("Patient", patient).status == 201
    refused = strict.put("Patient?identifier=7", patient)
    assert refused.status == 412
    assert refused.json["issue"][0]["expression"] == ["http.If-Match"]
    changed = {**patient, "active": True}
    assert strict.put("Patient?identifier=7", changed, if_match='W/"9"').status == 412
    assert strict.put("Patient?identifier=7", changed, if_match='W/"1"').status == 200
