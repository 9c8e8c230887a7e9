"""Mapping files of messages: those that are shipped are sound, faults of others name their line."""

import json
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from fhirserver_device_bridge.config.document import ConfigError
from fhirserver_device_bridge.source import MESSAGES
from fhirserver_device_bridge.v2fhir.files import faults, mapping_of, mappings_of
from tests.device_bridge.v2fhir.feed import PID, SOURCE, element, made, message, resources

PACKAGE = files("fhirserver_device_bridge.v2fhir")
OWN = """\
name: our-adt
version: "7"
messages:
  ADT: [A01]
groups:
  - {name: patient, begins: [PID]}
  - {name: kin, within: patient, begins: [NK1]}
resources:
  - name: patient
    group: patient
    write: update
    identity: [{from: PID-3, as: record}]
    resource:
      resourceType: Patient
      gender: {from: PID-8, as: code, table: "0001"}
      contact:
        - {in: kin, element: {name: {from: NK1-2, as: XPN}}}
tables:
  "0001": {codes: {W: female}}
"""


def own(tmp_path: Path, text: str = OWN) -> str:
    file = tmp_path / "own.yaml"
    file.write_text(text, "utf-8")
    return str(file)


def shipped(name: str) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(PACKAGE.joinpath(name).read_bytes())
    return data


@pytest.mark.parametrize("name", MESSAGES)
def test_the_shipped_mappings_are_sound(name: str) -> None:
    data = shipped(f"maps/{name.lower()}.json")
    Draft202012Validator(shipped("mapping.schema.json")).validate(data)
    assert list(faults(data)) == []


def test_a_file_of_ones_own_goes_before_those_that_are_shipped(tmp_path: Path) -> None:
    source = replace(SOURCE, messages=(own(tmp_path), "ADT"))
    raw = message("ADT^A01", PID.replace("|F", "|W"), "NK1|1|Doe^John")
    (patient,) = resources(made(raw, source), "Patient")
    assert (patient["gender"], element(patient, "contact.0.name.family")) == ("female", "Doe")
    (told,) = resources(made(raw, source), "Provenance")
    assert element(told, "entity.1.what.identifier.value") == "our-adt|7"
    other = resources(made(raw.replace(b"A01", b"A08"), source), "Provenance")
    assert element(other[0], "entity.1.what.identifier.value") == "v2-adt|1"


def test_a_source_reads_what_it_is_told_to_and_nothing_else() -> None:
    assert mapping_of(replace(SOURCE, messages=()), "ADT", "A01") is None
    assert mapping_of(replace(SOURCE, messages=("ORU",)), "ADT", "A01") is None
    assert mapping_of(SOURCE, "ADT", "A01") is not None


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        pytest.param("name: our-adt\n", "", ":1: 'name' is a required", id="no-name"),
        pytest.param("ADT: [A01]", "ADT: [admit]", ":4: .*'admit' does not match", id="event"),
        pytest.param("within: patient", "within: person", ":7: .*no group above", id="within"),
        pytest.param("group: patient", "group: person", ":10: .*no group has", id="group"),
        pytest.param("write: update", "write: merge", ":11: .*'merge' is not one of", id="write"),
        pytest.param("- name: patient", "- name: person", ":9: .*first is 'patient'", id="first"),
        pytest.param("from: PID-3,", "from: PID3,", r":12: .*'PID3' is no place", id="place"),
        pytest.param('table: "0001"', "table: sex", ":15: .*'sex' is not a name", id="table"),
        pytest.param("as: code", "as: coed", ":15: .*'coed' is no reader", id="reader"),
        pytest.param(", as: code", "", ":15: ", id="no-reader"),
        pytest.param("as: code", "ass: code, as: code", ":15: .*ass", id="misspelt"),
        pytest.param("in: kin", "in: kith", ":17: .*'kith' is not a name", id="in"),
        pytest.param("W: female", "W: 1", ":19: .*1 is not of type", id="code"),
        pytest.param("version:", "name: x\nversion:", ":2: key 'name' is given twice", id="twice"),
    ],
)
def test_a_fault_is_told_with_its_line(tmp_path: Path, old: str, new: str, fault: str) -> None:
    assert old in OWN
    with pytest.raises(ConfigError, match=fault):
        mappings_of(replace(SOURCE, messages=(own(tmp_path, OWN.replace(old, new, 1)),)))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        mappings_of(replace(SOURCE, messages=(str(tmp_path / "none.yaml"),)))
