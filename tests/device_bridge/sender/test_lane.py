"""Messages that are sent together: one transaction, and a poison stops nobody. DEV-24, DEV-25."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from fhirserver_device_bridge.config.settings import Server
from fhirserver_device_bridge.convert import Conversion
from fhirserver_device_bridge.sender.lane import Lane
from fhirserver_device_bridge.sender.merge import Window
from tests.client import Client
from tests.device_bridge.messages import HOSPITAL, converted, obx, oru
from tests.device_bridge.v2fhir.feed import PID, made, message
from tests.device_bridge.v2fhir.samples import LAB, OTHERS
from tests.server import ServerProcess


@pytest.fixture
def lane(server: ServerProcess) -> Iterator[Lane]:
    opened = Lane(Server(server.base))
    yield opened
    opened.close()


@pytest.fixture
def empty(client: Client, clean: None) -> Client:
    body = {"resourceType": "Patient", "identifier": [{"system": HOSPITAL, "value": "P-7"}]}
    assert client.post("Patient", body).status == 201
    return client


def ward(count: int) -> list[Conversion]:
    return [
        converted(oru(obx(value=str(60 + each), f14=f"202605041000{each:02}+0000")), sequence=each)
        for each in range(count)
    ]


def values(client: Client) -> list[int]:
    found = client.search("Observation?_count=1000")
    return sorted(int(each["valueQuantity"]["value"]) for each in found)


def test_what_is_sent_together_is_one_transaction(empty: Client, lane: Lane) -> None:
    assert {each.verdict for each in lane.deliver(ward(12))} == {"done"}
    found = empty.search("Observation?_count=1000")
    assert len(found) == 12
    assert len({each["meta"]["lastUpdated"] for each in found}) == 1
    assert len({each["device"]["reference"] for each in found}) == 1


def spoiled(conversion: Conversion) -> Conversion:
    """Make what the server never takes."""
    assert conversion.bundle is not None
    bundle: dict[str, Any] = json.loads(json.dumps(conversion.bundle, default=float))
    next(
        each["resource"]
        for each in bundle["entry"]
        if each["resource"]["resourceType"] == "Observation"
    )["status"] = "no such status"
    return replace(conversion, bundle=bundle)


def unknown(conversion: Conversion) -> Conversion:
    """Name a patient whom the server does not have."""
    return converted(oru(obx(), patient="P-8^^^HOSP^MR"))


def unreadable(_: Conversion) -> Conversion:
    return Conversion(rejected="no MSH")


def silent(_: Conversion) -> Conversion:
    return Conversion()


@pytest.mark.parametrize(
    ("change", "verdict"),
    [
        pytest.param(spoiled, "dead", id="refused by the server"),
        pytest.param(unknown, "held", id="patient unknown"),
        pytest.param(unreadable, "dead", id="never sent"),
        pytest.param(silent, "done", id="nothing to send"),
    ],
)
@pytest.mark.parametrize("place", [0, 4, 8])
def test_one_among_others_has_its_own_fate(
    empty: Client, lane: Lane, change: Callable[[Conversion], Conversion], verdict: str, place: int
) -> None:
    conversions = ward(9)
    conversions[place] = change(conversions[place])
    expected = ["done"] * 9
    expected[place] = verdict
    assert [each.verdict for each in lane.deliver(conversions)] == expected
    assert values(empty) == [60 + each for each in range(9) if each != place]


def test_nothing_follows_a_message_that_has_to_be_tried_again(empty: Client, lane: Lane) -> None:
    """Two Observations have the identifier that the third updates: 412, whatever is tried."""
    conversions = ward(6)
    lane.deliver(conversions[2:3])
    (found,) = empty.search("Observation?_count=10")
    assert empty.post("Observation", {**found, "id": "copy"}).status == 201
    correction = oru(
        obx(value="99", f11="C", f14="20260504100002+0000"), sent="20260504110000+0000"
    )
    conversions[2] = converted(correction, sequence=9)
    judged = lane.deliver(conversions)
    assert [each.verdict for each in judged] == ["done", "done", "again"]
    assert values(empty) == [60, 61, 62, 62]


@pytest.mark.parametrize(
    ("rows", "taken"),
    [
        pytest.param(("1.1.1.1", "1.1.1.2", "1.1.1.3"), 3, id="each writes its own"),
        pytest.param(("1.1.1.1", "1.1.1.2", "1.1.1.1"), 2, id="a correction waits for its turn"),
    ],
)
def test_which_messages_are_sent_at_once(rows: tuple[str, ...], taken: int) -> None:
    window = Window()
    bundles = [converted(oru(obx(place=each))).bundle for each in rows]
    assert [window.takes(each) for each in bundles] == [n < taken for n in range(len(rows))]


ADT = message("ADT^A01", PID)
ORU = message("ORU^R01", *LAB)
ORM = message("ORM^O01", *OTHERS["ORM^O01"])


@pytest.mark.parametrize(
    ("messages", "taken"),
    [
        pytest.param((ADT, ORU), 1, id="results wait for the patient that is made before them"),
        pytest.param((ORU, ADT), 2, id="a patient does not wait for results"),
        pytest.param((ORU, ORM), 1, id="an order waits where results name it first"),
        pytest.param((ORM, ORU), 2, id="results do not wait for their order"),
    ],
)
def test_which_mapped_messages_are_sent_at_once(messages: tuple[bytes, ...], taken: int) -> None:
    window = Window()
    said = [made(each) for each in messages]
    found = [window.takes(each.bundle, each.patients) for each in said]
    assert found == [n < taken for n in range(len(messages))]


def test_a_window_has_an_end_and_takes_a_large_message_alone() -> None:
    large = converted(oru(*(obx(place=f"1.1.1.{number}") for number in range(1, 601)))).bundle
    small = converted(oru(obx(place="1.1.2.1"))).bundle
    window = Window()
    assert (window.takes(large), window.takes(small)) == (True, False)
    window = Window()
    assert (window.takes(small), window.takes(large)) == (True, False)
