"""Settings: what fits, what does not, and that they do what they say."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from fhirserver.config import RANGES, Settings, read_settings
from tests.app.test_serve import serve
from tests.client import Client
from tests.server import ServerProcess


@pytest.mark.parametrize("name", sorted(RANGES))
def test_a_number_out_of_range_is_refused_by_name(name: str) -> None:
    least, most = RANGES[name]
    variable = f"FHIRSERVER_{name.upper()}"
    others = {"FHIRSERVER_PAGE_SIZE": "1", "FHIRSERVER_PAGE_SIZE_MAX": "10000"}
    for value in (least, most):
        assert getattr(read_settings({**others, variable: str(value)}), name) == value
    for value in (least - 1, most + 1):
        with pytest.raises(ValueError, match=f"{variable}=.*use {least} to {most}"):
            read_settings({**others, variable: str(value)})


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
        pytest.param("FHIRSERVER_SECOND_FACTOR", "some", id="nobody-known"),
        pytest.param("FHIRSERVER_SECOND_FACTOR", "roles:", id="no-roles"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_by_name(variable: str, value: str) -> None:
    with pytest.raises(ValueError, match=f"{variable}='?{value}'?: use"):
        read_settings({variable: value})


@pytest.mark.parametrize(
    ("environ", "says"),
    [
        pytest.param({"FHIRSERVER_PAGE_SIZE": "1001"}, "PAGE_SIZE=1001: use at most", id="default"),
        pytest.param(
            {"FHIRSERVER_PAGE_SIZE": "50", "FHIRSERVER_PAGE_SIZE_MAX": "49"},
            "FHIRSERVER_PAGE_SIZE_MAX, which is 49", id="both set",
        ),
        pytest.param({"FHIRSERVER_PAGE_SIZE_MAX": "19"}, "PAGE_SIZE=20: use at most", id="lowered"),
    ],
)  # fmt: skip
def test_a_page_is_not_larger_than_the_largest(environ: dict[str, str], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        read_settings(environ)
    assert read_settings({**environ, "FHIRSERVER_PAGE_SIZE": "19"}).page_size == 19


def test_a_part_of_a_second_is_not_rounded() -> None:
    with pytest.raises(ValueError, match=r"FHIRSERVER_BODY_DEADLINE_S='1.5': use a whole number"):
        read_settings({"FHIRSERVER_BODY_DEADLINE_S": "1.5"})


def test_a_server_does_not_start_with_a_wrong_setting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FHIRSERVER_POOL_SIZE", "0")
    answer = serve("--open", "--data-dir", str(tmp_path / "data"))
    assert answer.returncode == 2
    assert "FHIRSERVER_POOL_SIZE=0: use 1 to 1000" in answer.stderr


@pytest.fixture(scope="module")
def strict(server_database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A server that wants If-Match, includes or deletes two at most, warns of lost references."""
    folder = tmp_path_factory.mktemp("strict")
    arguments = ("--database-url", server_database_url, "--data-dir", str(folder / "data"))
    settings = {
        "FHIRSERVER_CONDITIONAL_DELETE_LIMIT": "2",
        "FHIRSERVER_INCLUDE_LIMIT": "2",
        "FHIRSERVER_IF_MATCH_REQUIRED": "true",
        "FHIRSERVER_REFERENTIAL_INTEGRITY": "warn",
    }
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


OUTCOME = "return=OperationOutcome"


@pytest.mark.parametrize("type_", [None, "batch", "transaction"])
def test_a_condition_deletes_as_many_as_are_allowed_or_none(
    clean: None, client: Client, strict: Client, type_: str | None
) -> None:
    """Also as an entry; the answer names each, and one of several is no version of anything."""

    def delete(family: str) -> tuple[str, Any]:
        path = f"Patient?family={family}"
        if type_ is None:
            answer = strict.delete(path, prefer=OUTCOME)
            return str(answer.status), answer.json
        asked = [{"request": {"method": "DELETE", "url": path}}]
        bundle = {"resourceType": "Bundle", "type": type_, "entry": asked}
        answer = strict.post("", bundle, prefer=OUTCOME)
        if answer.status != 200:
            return str(answer.status), answer.json
        response = answer.json["entry"][0]["response"]
        assert "etag" not in response
        return response["status"][:3], response["outcome"]

    for number, family in enumerate(("two", "two", "three", "three", "three")):
        body = {"resourceType": "Patient", "id": f"p{number}", "name": [{"family": family}]}
        assert client.put(f"Patient/p{number}", body).status == 201
    status, outcome = delete("three")
    assert status == "412"
    assert "more than 2" in outcome["issue"][0]["diagnostics"]
    status, outcome = delete("two")
    assert status == "200"
    told = sorted(issue["diagnostics"] for issue in outcome["issue"])
    assert told == ["Patient/p0 is deleted.", "Patient/p1 is deleted."]
    assert {each["id"] for each in client.search("Patient")} == {"p2", "p3", "p4"}
    claimed = {
        each["conditionalDelete"] for each in strict.get("metadata").json["rest"][0]["resource"]
    }
    assert claimed == {"multiple"}


def warnings(outcome: Any) -> list[str]:
    return [each["diagnostics"] for each in outcome["issue"] if each["severity"] == "warning"]


def counted(client: Client) -> int:
    """The number of references to nothing that `/metrics` tells of."""
    text = client.get("/metrics").text
    (line,) = re.findall(r"^fhirserver_dangling_references_total (\d+)$", text, re.MULTILINE)
    return int(line)


def basic(id_: str, subject: str) -> dict[str, Any]:
    reference = {"reference": subject}
    return {"resourceType": "Basic", "id": id_, "code": {"text": "x"}, "subject": reference}


def test_a_reference_to_nothing_is_stored_with_a_warning(clean: None, strict: Client) -> None:
    before = counted(strict)
    answer = strict.put("Basic/b", basic("b", "Patient/none"), if_none_match="*", prefer=OUTCOME)
    assert answer.status == 201
    (words,) = warnings(answer.json)
    assert words.startswith("Basic/b refers to Patient/none, which is not stored here")
    assert answer.json["issue"][0]["expression"] == ["Basic.subject"]
    assert counted(strict) == before + 1
    assert [each["id"] for each in strict.search("Basic?subject=Patient/none")] == ["b"]
    again = strict.put("Basic/b", basic("b", "Patient/none"), if_match="*", prefer=OUTCOME)
    assert warnings(again.json) == [], "what was there before is not told again"
    plain = strict.put("Basic/c", basic("c", "Patient/none"), if_none_match="*")
    assert plain.json["resourceType"] == "Basic"


def test_a_delete_of_what_is_referred_to_is_done_with_a_warning(
    clean: None, strict: Client
) -> None:
    strict.put("Patient/a", {"resourceType": "Patient", "id": "a"}, if_none_match="*")
    answer = strict.put("Basic/b", basic("b", "Patient/a"), if_none_match="*", prefer=OUTCOME)
    assert warnings(answer.json) == []
    before = counted(strict)
    rehearsed = strict.get("Patient/a/$validate?mode=delete")
    assert warnings(rehearsed.json)[0].startswith("Basic/b refers to Patient/a")
    deleted = strict.delete("Patient/a", prefer=OUTCOME)
    assert (deleted.status, strict.get("Patient/a").status) == (200, 410)
    (words,) = warnings(deleted.json)
    assert words.startswith("Basic/b refers to Patient/a, which is deleted now")
    assert counted(strict) == before + 1, "a rehearsal does not count"


def test_warnings_stand_with_their_entries(clean: None, strict: Client) -> None:
    entries = [
        {
            "resource": basic(id_, subject),
            "request": {"method": "PUT", "url": f"Basic/{id_}", "ifNoneMatch": "*"},
        }
        for id_, subject in (("b", "Basic/c"), ("c", "Patient/none"))
    ]
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
    answer = strict.post("", bundle, prefer=OUTCOME)
    assert answer.status == 200, answer.text
    told = [warnings(each["response"]["outcome"]) for each in answer.json["entry"]]
    assert told[0] == []
    assert told[1][0].startswith("Basic/c refers to Patient/none")


def test_a_role_that_does_not_exist_is_refused_at_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SEC-U2: a slip of the pen would let everybody do without a second factor."""
    monkeypatch.setenv("FHIRSERVER_SECOND_FACTOR", "roles:nurse,nures")
    answer = serve("--data-dir", str(tmp_path / "data"))
    assert (answer.returncode, "'nures'" in answer.stderr) == (2, True)
    assert "administrator" in answer.stderr
