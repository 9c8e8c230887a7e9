"""`fhirserver fhirpath`: what it prints, and how it ends."""

import json
from pathlib import Path

import pytest

from tests.commands.test_load import command

PATIENT = {
    "resourceType": "Patient",
    "name": [{"use": "official", "given": ["Ann", "Bea"]}, {"family": "X"}],
    "birthDate": "2020-01",
    "contact": [{"gender": "male"}],
}


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("p.json").write_text(json.dumps(PATIENT, indent=2))
    Path("p.xml").write_text(
        '<Patient xmlns="http://hl7.org/fhir"><gender value="male"/></Patient>'
    )
    Path("all.ndjson").write_text('{"resourceType": "Patient", "id": "a"}\n{"name": 5}\n')
    Path("wrong.json").write_text('{"resourceType": "Patient", "name": 5}')


@pytest.mark.parametrize(
    ("words", "code", "out", "err"),
    [
        pytest.param(["name.given", "p.json"], 0, "Ann\nBea\n", "", id="json"),
        pytest.param(["gender", "p.xml"], 0, "male\n", "", id="xml"),
        pytest.param(["gender", "p.json"], 0, "", "", id="nothing-found"),
        pytest.param(
            ["birthDate | contact | 5 'mg' | 1 year | @T10:30 | 1.type() | %x", "p.json",
             "--var", "x=1"],
            0,
            "2020-01\n{\"gender\":\"male\"}\n5 'mg'\n1 year\n10:30\n"
            '{"namespace":"System","name":"Integer"}\n1\n',
            "",
            id="values-of-every-kind",
        ),
        pytest.param(
            ["given.first()", "p.json", "--context", "name", "--json"],
            0,
            '{"place":"p.json","context":"name[0]","type":"string","value":"Ann"}\n',
            "",
            id="context-and-json",
        ),
        pytest.param(
            ["name.given.trace('t', length()).count()", "p.json", "--trace"],
            0,
            "2\n",
            "p.json: t: 3, 3",
            id="trace",
        ),
        pytest.param(
            ["id", "all.ndjson"], 1, "a\n", "all.ndjson:2: Resource: resourceType", id="goes-on"
        ),
        pytest.param(
            ["name.where(use == 'a')", "p.json"], 2, "", "line 1, column 17: expected", id="syntax"
        ),
        pytest.param(
            ["1", "p.json", "--context", "name("], 2, "", "--context: line 1", id="context-syntax"
        ),
        pytest.param(["name.given + 'a'", "p.json"], 1, "", "column 12: expected one", id="unfit"),
        pytest.param(["name", "wrong.json"], 1, "", "Patient.name: name repeats", id="shape"),
        pytest.param(["name", "none.json"], 2, "", "none.json: No such file", id="no-file"),
        pytest.param(["name", "p.json", "--var", "x"], 2, "", "use NAME=TEXT", id="variable"),
        pytest.param(
            ["1", "p.json", "--var", "context=x"], 2, "", "FHIRPath's own", id="own-variable"
        ),
        pytest.param(
            ["%resource.descendants().select(" * 9 + "1" + ")" * 9, "p.json"],
            1,
            "",
            "more than 500000 steps",
            id="limit",
        ),
    ],
)  # fmt: skip
def test_it_evaluates(words: list[str], code: int, out: str, err: str) -> None:
    done = command("fhirpath", *words)
    assert (done.returncode, done.stdout.decode()) == (code, out), done.stderr
    assert err in done.stderr.decode()
    assert b"Traceback" not in done.stderr
    assert bool(done.stderr) is bool(err)


@pytest.mark.parametrize(
    ("name", "code", "out"),
    [
        pytest.param("p.json", 0, b"2020-01\n", id="json-of-many-lines"),
        pytest.param("p.xml", 0, b"", id="xml"),
        pytest.param("/dev/null", 1, b"", id="nothing"),
    ],
)
def test_standard_input_is_one_resource(name: str, code: int, out: bytes) -> None:
    done = command("fhirpath", "birthDate", "-", stdin=Path(name).read_bytes())
    assert (done.returncode, done.stdout) == (code, out), done.stderr
