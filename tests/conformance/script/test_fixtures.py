"""Where fixtures come from, and what is said where they cannot be had."""

import json
from pathlib import Path
from typing import Any

import pytest

from fhirserver.definitions import r4
from fhirserver.model.json import parse_json
from fhirserver.validation import validate
from fhirserver_conformance.script.discover import read_script, read_suite
from fhirserver_conformance.script.model import Fixture, Script

Json = dict[str, Any]
_FAKE = "http://ignixa.io/testscript/fhirfakes"
FILES = {
    "suite/deep/er/beside.json": b' {"resourceType": "Patient", "active": ${v}}\n',
    "suite/deep/above.xml": b'\xef\xbb\xbf<Patient xmlns="http://hl7.org/fhir"/>',
    "suite/_reference/resources/patient-example.json": b'{"a": 1}',
    "suite/fixtures/Observation/o.xml": b"<b/>",
    "suite/deep/Group/g.json": b'{"c": 1}',
    "outside.json": b"{}",
}


def read(root: Path, resource: object, contained: list[Json] | None = None) -> Fixture:
    for name, content in FILES.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (root / "suite/link.json").symlink_to(root / "outside.json")
    script = {
        "resourceType": "TestScript",
        "contained": contained or [],
        "fixture": [{"id": "f", "autocreate": True, "autodelete": True, "resource": resource}],
        "test": [{"action": [{"operation": {"type": {"code": "create"}, "sourceId": "f"}}]}],
    }
    place = root / "suite/deep/er/script.json"
    place.write_text(json.dumps(script))
    (found,) = [
        each for each in read_suite(root / "suite").scripts if each.source.endswith("script.json")
    ]
    assert isinstance(found, Script)
    return found.fixtures[0]


@pytest.mark.parametrize(
    ("resource", "file"),
    [
        pytest.param("beside.json", "suite/deep/er/beside.json", id="beside-the-script"),
        pytest.param("../above.xml", "suite/deep/above.xml", id="up-and-back"),
        pytest.param("above.xml", "suite/deep/above.xml", id="in-a-folder-above"),
        pytest.param("/deep/above.xml", "suite/deep/above.xml", id="from-the-suite's-folder"),
        pytest.param(
            "Patient/example", "suite/_reference/resources/patient-example.json", id="Type/id"
        ),
        pytest.param(
            "Observation/o", "suite/fixtures/Observation/o.xml", id="Type/id-among-fixtures"
        ),
        pytest.param("Group/g", "suite/deep/Group/g.json", id="Type/id-in-a-folder-of-the-type"),
    ],
)
def test_a_file_as_it_is(tmp_path: Path, resource: str, file: str) -> None:
    fixture = read(tmp_path, {"reference": resource})

    assert fixture.problem is None
    assert fixture.body == FILES[file]
    assert fixture.format == ("xml" if b"<" in FILES[file] else "json")
    assert (fixture.id, fixture.autocreate, fixture.autodelete) == ("f", True, True)


def test_a_resource_in_the_script(tmp_path: Path) -> None:
    patient = {"resourceType": "Patient", "id": "p"}

    contained = read(tmp_path / "a", {"reference": "#p"}, [patient])
    inline = read(tmp_path / "b", patient)

    for fixture in (contained, inline):
        assert (parse_json(fixture.body), fixture.format) == (patient, "json")


@pytest.mark.parametrize(
    ("resource", "said"),
    [
        pytest.param({"reference": "absent.json"}, "there is no file 'absent.json'", id="absent"),
        pytest.param({"reference": "Patient/absent"}, "there is no file", id="no-such-id"),
        pytest.param({"reference": "er"}, "there is no file", id="a-folder"),
        pytest.param({"reference": "a\0b"}, "is no name of a file", id="no-name"),
        pytest.param({"reference": "a" * 5000}, "", id="name-that-is-too-long"),
        pytest.param(
            {"reference": "../../../outside.json"},
            "lies outside the suite's folder 'suite'; run the folder that holds both",
            id="outside",
        ),
        pytest.param({"reference": "link.json"}, "lies outside", id="outside-by-a-link"),
        pytest.param({"reference": "/etc/hostname"}, "there is no file", id="absolute"),
        pytest.param({"reference": "file:///etc/hostname"}, "is not fetched", id="file-URL"),
        pytest.param({"reference": "http://a.test/Patient/1"}, "is not fetched", id="URL"),
        pytest.param(
            {"reference": "#q"}, "contains no resource with the id 'q'", id="no-contained"
        ),
        pytest.param({"display": "some"}, "neither a reference nor a resource", id="display-only"),
        pytest.param(None, "it has no resource", id="nothing"),
        pytest.param(
            {"extension": [{"url": _FAKE, "valueCode": "Person1"}]},
            "a resource of type 'Person1' is to be made up",
            id="made-up-of-no-type",
        ),
    ],
)
def test_a_fixture_that_cannot_be_had_says_why(tmp_path: Path, resource: object, said: str) -> None:
    fixture = read(tmp_path, resource)

    assert fixture.body == b""
    assert fixture.problem is not None
    assert said in fixture.problem


def test_a_script_that_came_alone_has_no_files() -> None:
    script = read_script(
        {
            "resourceType": "TestScript",
            "fixture": [{"resource": {"reference": "/etc/hostname"}}],
            "test": [{"action": [{"operation": {"type": {"code": "read"}}}]}],
        },
        suite="some",
        source="some.json",
        folder=None,
    )

    assert isinstance(script, Script)
    (fixture,) = script.fixtures
    assert fixture.id == "TestScript.fixture[0]"
    assert "this script came without files" in (fixture.problem or "")


@pytest.mark.parametrize("name", sorted(r4().resource_types))
def test_made_up_resources_are_valid_and_point_at_nothing(name: str) -> None:
    fixture = _made_up(name)

    assert [
        issue for issue in validate(parse_json(fixture.body)) if issue.severity == "error"
    ] == []
    assert b'"reference"' not in fixture.body


def test_a_made_up_patient_is_plausible_and_the_same_every_time() -> None:
    patient = parse_json(_made_up("Patient").body)

    assert patient["name"][0]["family"]
    assert patient["gender"] == "female"
    assert patient["birthDate"] < "2000"
    assert _made_up("Patient") == _made_up("Patient")


def _made_up(name: str) -> Fixture:
    script = read_script(
        {
            "resourceType": "TestScript",
            "fixture": [
                {"id": "f", "resource": {"extension": [{"url": _FAKE, "valueCode": name}]}}
            ],
            "test": [{"action": [{"operation": {"type": {"code": "create"}}}]}],
        },
        suite="some",
        source="some.json",
        folder=None,
    )
    assert isinstance(script, Script)
    return script.fixtures[0]
