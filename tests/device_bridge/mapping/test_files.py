"""Mapping files: what they change, and what is refused with the line at fault."""

from dataclasses import replace
from pathlib import Path

import pytest
from fhirserver_terminology import ucum

from fhirserver_device_bridge.config.document import ConfigError
from fhirserver_device_bridge.mapping.files import mapping_named
from fhirserver_device_bridge.mapping.table import standard
from tests.device_bridge.messages import WARD, converted, obx, oru

OWN = """\
name: ward-7
version: "2026-05"
metrics:
  "149530":
    refid: MDC_PULS_OXIM_PULS_RATE
    loinc:
      - {code: 8867-4, display: Heart rate}
    ucum: /min
    vital: true
    possible: ["20", "60"]
  "160001": {refid: MDC_OWN_A, ucum: "1"}
  "160002": {refid: MDC_OWN_B}
  "160003": {refid: MDC_OWN_PANEL}
units:
  "262144": {refid: MDC_DIM_OWN, ucum: "{step}"}
groups:
  - {panel: "160003", members: ["160001", "160002"]}
"""


def written(tmp_path: Path, text: str) -> str:
    file = tmp_path / "own.yaml"
    file.write_text(text, "utf-8")
    return str(file)


def test_own_rows_come_before_those_that_are_shipped(tmp_path: Path) -> None:
    source = replace(WARD, mapping=written(tmp_path, OWN))
    rows = (
        obx(value="61"),
        obx("160002^MDC_OWN_B^MDC", "1.1.1.2", unit="262144^x^MDC"),
        obx("160001^MDC_OWN_A^MDC", "1.1.1.3", unit=""),
        obx("150456^MDC_PULS_OXIM_SAT_O2^MDC", "1.1.1.4", "97", unit="262688^x^MDC"),
    )
    conversion = converted(oru(*rows), source)
    assert "within 20 to 60 /min" in conversion.quarantined[0].reason
    assert conversion.bundle is not None
    made = [entry["resource"] for entry in conversion.bundle["entry"]]
    compound, saturation = (each for each in made if each["resourceType"] == "Observation")
    assert [part["code"]["coding"][0]["code"] for part in compound["component"]] == [
        "160001",
        "160002",
    ]
    assert compound["component"][1]["valueQuantity"]["code"] == "{step}"
    assert saturation["code"]["coding"][0]["code"] == "2708-6"
    told = next(each for each in made if each["resourceType"] == "Provenance")
    assert told["entity"][1]["what"]["identifier"]["value"] == "ward-7|2026-05"


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        pytest.param("name: ward-7\n", "", ":1: 'name' is a required", id="no-name"),
        pytest.param("8867-4", "heart", r":7: .*'heart' does not match", id="no-LOINC-code"),
        pytest.param("vital: true", "vitel: true", r":9: .*vitel", id="misspelt"),
        pytest.param("vital: true", "vital: maybe", r":9: .*'maybe' is not of type", id="type"),
        pytest.param('"20", "60"', '"70", "60"', r":10: .*lower limit comes first", id="limits"),
        pytest.param("{step}", "steps", r":15: .*'steps' is no unit of UCUM", id="unit"),
        pytest.param("ucum: /min", "ucum: per minute", r":8: .*no unit of UCUM", id="metric-unit"),
        pytest.param('["160001"', '["160009"', r":17: .*'160009' has no row", id="member"),
        pytest.param('"160001": {', '"149530": {', ":11: key '149530' is given twice", id="twice"),
        pytest.param('"160003": {', "160003: {", "160003 is not of type", id="a-number-as-key"),
        pytest.param("groups:", "\tgroups:", "no YAML", id="no-YAML"),
    ],
)
def test_a_fault_is_told_with_its_line(tmp_path: Path, old: str, new: str, fault: str) -> None:
    assert old in OWN
    with pytest.raises(ConfigError, match=fault):
        mapping_named(written(tmp_path, OWN.replace(old, new, 1)))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        mapping_named(str(tmp_path / "none.yaml"))


def test_the_shipped_table_is_sound() -> None:
    table = standard()
    for row in table.metrics.values():
        assert row.ucum is None or ucum.validate(row.ucum)
        assert row.possible is None or row.possible[0] < row.possible[1]
        assert not row.vital or row.loinc, row.code
    assert all(ucum.validate(unit) for unit in table.units.values())
    # Shipped groups name rows, or making the table would have failed.
    assert {"150021", "150301", "150037"} <= set(table.panels)
