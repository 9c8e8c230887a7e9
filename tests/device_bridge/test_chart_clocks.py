"""DEV-18: coincident time stamps on a real server, beside what was timed by them."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from fhirserver_device_bridge.convert import convert
from fhirserver_device_bridge.protocols.x20601.recording import Received, write
from fhirserver_device_bridge.sender.judgement import Judgement
from fhirserver_device_bridge.sender.lane import Lane
from fhirserver_device_bridge.source import DEVICE_USER, Source
from tests.client import Client
from tests.device_bridge.messages import HOSPITAL, WARD, obx, oru
from tests.device_bridge.running.test_agents import ASSOCIATE, DESCRIBE_CLOCK, REPORT
from tests.device_bridge.test_chart import chart, everything, faults

pytestmark = pytest.mark.usefixtures("patients")

REFERENCE = "http://hl7.org/fhir/uv/phd/StructureDefinition/CoincidentTimeStampReference"
HOME = Source("home", zone=ZoneInfo("Europe/Berlin"), systems=((DEVICE_USER, HOSPITAL),))
READ = datetime(2007, 6, 12, 10, 21, tzinfo=UTC)
USER = "11-22-33-44-55-66-77-07"


def recording(read: datetime, clock: str, *, stamps: str = "2007061212100000") -> bytes:
    """An agent of a blood pressure monitor whose clock shows `clock` when it is read."""
    apdus = [ASSOCIATE, DESCRIBE_CLOCK.replace("2007020112050000", clock), REPORT]
    octets = [
        bytes.fromhex(each.replace("{id}", "0054").replace("2007061212100000", stamps))
        for each in apdus
    ]
    return write(Received(read, each) for each in octets)


def linked(client: Client, made: dict[str, Any]) -> dict[str, Any]:
    """Give the Observation of the clock by which another was timed."""
    (to,) = [each for each in made["extension"] if each["url"] == REFERENCE]
    found: dict[str, Any] = client.get(to["valueReference"]["reference"]).json
    return found


def identifier(client: Client, reference: dict[str, Any]) -> str:
    found: str = client.get(reference["reference"]).json["identifier"][0]["value"]
    return found


@pytest.fixture
def user(client: Client) -> None:
    """Whoever uses the device."""
    body = {"resourceType": "Patient", "identifier": [{"system": HOSPITAL, "value": USER}]}
    found = f"identifier={HOSPITAL}|{USER}"
    assert client.post("Patient", body, if_none_exist=found).status in (200, 201)


@pytest.mark.usefixtures("user")
def test_dev_18_a_clock_that_is_off_is_charted_once(client: Client, lane: Lane) -> None:
    """The clock is five minutes behind: 12:16 where it is 12:21."""
    raw = recording(READ, "2007061212160000")
    assert faults(client, raw, HOME) == []
    assert chart(lane, raw, HOME) == Judgement("done")
    (pulse,) = client.search("Observation?code=149546&subject.identifier=" + USER)
    assert pulse["effectiveDateTime"] == "2007-06-12T12:15:00+02:00"
    clock = linked(client, pulse)
    assert clock["code"]["coding"] == [
        {"system": "urn:iso:std:iso:11073:10101", "code": "67975", "display": "MDC_ATTR_TIME_ABS"}
    ]
    assert (clock["status"], clock["effectiveDateTime"], clock["valueDateTime"]) == (
        "final",
        "2007-06-12T12:21:00+02:00",
        "2007-06-12T12:16:00+02:00",
    )
    assert identifier(client, clock["subject"]) == USER
    assert identifier(client, clock["device"]) == "home"
    assert client.get(f"Provenance?target=Observation/{clock['id']}").json["total"] == 1
    (pressure,) = client.search("Observation?code=150020&subject.identifier=" + USER)
    assert linked(client, pressure)["id"] == clock["id"]

    before = everything(client)
    assert chart(lane, raw, HOME, 2) == Judgement("done")
    assert everything(client) == before

    # It associates again, and sends again what it has: its clock is read anew, and nothing else.
    later = recording(READ + timedelta(minutes=1), "2007061212170000")
    assert chart(lane, later, HOME, 3) == Judgement("done")
    new = everything(client) - before
    assert {(kind, version) for kind, _, version in new} == {
        ("Observation", "1"),
        ("Provenance", "1"),
    }
    assert len(new) == 2


@pytest.mark.usefixtures("user")
def test_dev_18_many_reports_of_an_association_have_one_clock(client: Client, lane: Lane) -> None:
    """They are sent at once, and name the same clock."""
    clock = "2007061218160000"
    at = READ + timedelta(hours=6)
    conversions = [
        convert(recording(at, clock, stamps=f"20070612181{minute}0000"), HOME, at, minute)
        for minute in range(3)
    ]
    assert lane.deliver(conversions) == [Judgement("done")] * 3
    found = client.search(
        "Observation?code=149546&date=ge2007-06-12T18:00:00%2B02:00&subject.identifier=" + USER
    )
    assert len(found) == 3
    assert len({linked(client, each)["id"] for each in found}) == 1


def test_dev_18_a_gateway_s_clock_in_a_message(client: Client, lane: Lane) -> None:
    counter = obx(
        "67983^MDC_ATTR_TIME_REL^MDC", "1.0.0.1", "3723456000", unit="264339^x^MDC",
        f14="20260504100000+0000",
    )  # fmt: skip
    system = "OBX|1||528399^MDC_DEV_SPEC_PROFILE_SCALE^MDC|1.0.0.0|||||||X|||||||SCALE-7^^^"
    raw = oru(system, counter, obx("188736^MDC_MASS_BODY_ACTUAL^MDC", "1.0.0.2", "61.2"))
    assert faults(client, raw, WARD) == []
    assert chart(lane, raw) == Judgement("done")
    (mass,) = client.search("Observation?code=188736")
    clock = linked(client, mass)
    quantity = clock["valueQuantity"]
    assert (str(quantity["value"]), quantity["code"]) == ("3723456000", "us")
    assert clock["effectiveDateTime"] == "2026-05-04T10:00:00+00:00"
    assert identifier(client, clock["subject"]) == "SCALE-7"
    assert identifier(client, clock["device"]) == "00-11-22-33-44-55-66-77"
    before = everything(client)
    assert chart(lane, raw, sequence=2) == Judgement("done")
    assert everything(client) == before
