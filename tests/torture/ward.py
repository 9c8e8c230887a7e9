"""Monitors that send until they are told that a message is kept, and can say what must be charted.

Each monitor has a device and a patient of its own. Every message holds a reading with a time of its
own, and every fifth corrects one and the same reading: its value counts up, so that its history
tells the order in which messages were charted.
"""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.client import Client
from tests.device_bridge.bridge_process import HOSPITAL
from tests.device_bridge.sender_by_hand import ByHand, heart_rate

START = datetime(2026, 1, 1, tzinfo=UTC)
_CORRECTS = 5
_TIMEOUT_S = 15.0


def message(monitor: int, number: int) -> bytes:
    """Write the message of a number, from 1 on."""
    at = f"{START + timedelta(seconds=number):%Y%m%d%H%M%S}+0000"
    rows = [heart_rate(str(value_of(number)))]
    if number % _CORRECTS == 0:
        rows.append(f"OBX|2|NM|7^COUNT^99TEST|1.1.1.2|{number}||||||C|||20260101000000+0000")
    lines = (
        f"MSH|^~\\&|M^{monitor:016X}^EUI-64||||{at}||ORU^R01^ORU_R01|{monitor}-{number}|P|2.6|||AL|NE",
        f"PID|||{monitor}^^^Hospital^MR",
        f"OBR|1|||182777000^monitoring of patient^SCT|||{at}",
        *rows,
    )
    return "".join(f"{line}\r" for line in lines).encode("ascii")


def value_of(number: int) -> int:
    """Give the heart rate of a message."""
    return 50 + number % 200


class Monitor(threading.Thread):
    """Sends until told to stop; a message is sent again until its acknowledgement is read.

    Attributes:
        told: messages that are acknowledged; all up to this number.
    """

    def __init__(
        self, number: int, address: tuple[str, int], pause_s: float, stop: threading.Event
    ) -> None:
        super().__init__(name=f"monitor-{number}", daemon=True)
        self.number = number
        self.told = 0
        self._address = address
        self._pause_s = pause_s
        self._stop_event = stop
        self._line: ByHand | None = None

    def run(self) -> None:
        """Send; the last message is sent until it is kept."""
        while not self._stop_event.is_set():
            while not self._is_kept(message(self.number, self.told + 1), self.told + 1):
                threading.Event().wait(0.1)
            self.told += 1
            self._stop_event.wait(self._pause_s)

    def _is_kept(self, raw: bytes, number: int) -> bool:
        try:
            if self._line is None:
                self._line = ByHand(self._address, timeout_s=_TIMEOUT_S)
            kept = self._line.ask(raw) == ("CA", f"{self.number}-{number}")
        except OSError:
            kept = False
        if not kept and self._line is not None:
            # A late acknowledgement must meet no other message.
            self._line.socket.close()
            self._line = None
        return kept


def admit(client: Client, monitor: int) -> None:
    """Create the patient of a monitor."""
    body = {"resourceType": "Patient", "identifier": [{"system": HOSPITAL, "value": str(monitor)}]}
    assert client.post("Patient", body).status == 201


def check(monitor: Monitor, client: Client) -> list[str]:
    """Hold what is charted against what a monitor was told; a line for each fault."""
    patient = f"patient.identifier={HOSPITAL}|{monitor.number}&_count=1000"
    charted = client.search(f"Observation?{patient}&code=8867-4")
    sent = {
        (START + timedelta(seconds=number)).isoformat(): value_of(number)
        for number in range(1, monitor.told + 1)
    }
    wrong = []
    if len(charted) != len(sent):
        wrong.append(f"monitor {monitor.number}: {len(charted)} charted of {len(sent)} readings")
    values = {each["effectiveDateTime"]: each["valueQuantity"]["value"] for each in charted}
    if values != sent:
        wrong.append(f"monitor {monitor.number}: other values at other times than sent")
    return wrong + _order(monitor, client.search(f"Observation?{patient}&code=7"), client)


def _order(monitor: Monitor, counted: list[Any], client: Client) -> list[str]:
    """Tell whether the corrected reading went up with every version, to the last value."""
    last = monitor.told // _CORRECTS * _CORRECTS
    if len(counted) != min(1, last):
        return [f"monitor {monitor.number}: the corrected reading is there {len(counted)} times"]
    for each in counted:
        entries = client.get(f"Observation/{each['id']}/_history?_count=10000").json["entry"]
        values = [entry["resource"]["valueQuantity"]["value"] for entry in reversed(entries)]
        if values != sorted(set(values)) or values[-1] != last:
            return [f"monitor {monitor.number}: corrections out of order: {values} for {last}"]
    return []


def devices(client: Client) -> int:
    """Count devices with a EUI-64: as many as monitors, if none is there twice."""
    return len(client.search("Device?identifier=urn:oid:1.2.840.10004.1.1.1.0.0.1.0.0.1.2680|"))
