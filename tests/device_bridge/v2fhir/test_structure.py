"""Segments in a row become groups within groups. DEV-31."""

import pytest

from fhirserver_device_bridge.protocols.hl7v2.message import parse
from fhirserver_device_bridge.v2fhir.pieces import path_of
from fhirserver_device_bridge.v2fhir.structure import Group, GroupRule, structure
from tests.device_bridge.v2fhir.feed import message

RULES = (
    GroupRule("patient", ("PID",), frozenset({"PV1"})),
    GroupRule("order", ("ORC", "OBR"), frozenset({"NTE"}), "patient"),
    GroupRule("result", ("OBX",), frozenset({"NTE"}), "order"),
    GroupRule("specimen", ("SPM",), frozenset(), "order"),
    GroupRule("specimen-result", ("OBX",), frozenset(), "specimen"),
)


def tree(*names: str) -> Group:
    raw = message("ORU^R01", *(f"{name}|{number}" for number, name in enumerate(names)))
    return structure(parse(raw), RULES, frozenset({"MSH"}))


def shown(group: Group) -> str:
    """Show a group as its segments and, in brackets, the groups inside it."""
    own = " ".join(each.name for each in group.segments)
    return own + "".join(f" [{shown(each)}]" for each in group.groups)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        pytest.param("PID PV1", "MSH [PID PV1]", id="held"),
        pytest.param("PID ORC OBR OBX", "MSH [PID [ORC OBR [OBX]]]", id="OBR-goes-to-its-ORC"),
        pytest.param("PID OBR OBR", "MSH [PID [OBR] [OBR]]", id="a-second-OBR-begins-another"),
        pytest.param("PID OBR ORC OBR", "MSH [PID [OBR] [ORC OBR]]", id="ORC-begins-another"),
        pytest.param("PID ORC OBX OBR", "MSH [PID [ORC OBR [OBX]]]", id="OBR-behind-an-OBX"),
        pytest.param(
            "PID OBR NTE OBX NTE OBX",
            "MSH [PID [OBR NTE [OBX NTE] [OBX]]]",
            id="NTE-belongs-to-what-is-before-it",
        ),
        pytest.param(
            "PID OBR OBX SPM OBX",
            "MSH [PID [OBR [OBX] [SPM [OBX]]]]",
            id="OBX-behind-SPM-is-the-specimen's",
        ),
        pytest.param("PID ZZ1 PV1 ZZ2", "MSH [PID PV1]", id="unknown-segments-are-passed-over"),
        pytest.param("OBX PID", "MSH [PID]", id="nothing-outside-of-its-group"),
        pytest.param("PID OBR PID OBR", "MSH [PID [OBR]] [PID [OBR]]", id="two-patients"),
        pytest.param("", "MSH", id="nothing"),
    ],
)
def test_groups(names: str, expected: str) -> None:
    assert shown(tree(*names.split())) == expected


def test_a_place_is_looked_for_from_inside_out() -> None:
    whole = tree("PID", "OBR", "NTE", "OBX")
    result = next(each for each in whole.inside() if each.rule.name == "result")
    found = [result.find(path_of(place)) for place in ("OBX-1", "NTE-1", "PID-1", "MSH-9.2")]
    assert [each[0].part(1) for each in found] == ["3", "2", "0", "R01"]
    assert whole.find(path_of("OBX-1")) == []
