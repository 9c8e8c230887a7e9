"""What happens to alarms, as server-sent events.

Spec: https://html.spec.whatwg.org/multipage/server-sent-events.html

    open          an alarm that is open when the stream begins; no id
    ready         these were all; its id is that of the last notice
    started, changed, ended, acknowledged, told
                  what happened, in order; the id is that of the notice

Data is the alarm as it was then, as JSON. Whoever sends the last id it saw (Last-Event-ID) gets
what came after it, and no `open`.
"""

import sqlite3
import threading
from collections.abc import Iterator

from fhirserver_device_bridge.alarms import recording
from fhirserver_device_bridge.journal.alarms import alarms, last_notice, notices_after

_AT_ONCE = 100
_LOOK_AGAIN_S = 1.0
_SILENT_S = 15
"""A comment is sent after so many seconds without an event: who is gone is noticed."""

_COMMENT = b":\n\n"


class Bell:
    """Wakes all that wait for it."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._rings = 0

    def ring(self) -> None:
        """Wake them."""
        with self._condition:
            self._rings += 1
            self._condition.notify_all()

    def wait(self, rings: int, timeout_s: float) -> int:
        """Wait until it has rung more often than that; tells how often it has."""
        with self._condition:
            self._condition.wait_for(lambda: self._rings > rings, timeout_s)
            return self._rings


def events(
    reader: sqlite3.Connection, last: int | None, bell: Bell, stopping: threading.Event
) -> Iterator[bytes]:
    """Give the stream, piece by piece, until it is to stop.

    `last` is the number of the notice that was seen last; None begins with what is open.
    """
    rings = bell.wait(-1, 0)
    if last is None:
        open_, last = _open_now(reader)
        yield from open_
    quiet_s = 0.0
    while not stopping.is_set():
        for number, what, content in notices_after(reader, last, _AT_ONCE):
            yield event(what, content, number)
            last, quiet_s = number, 0.0
        before, rings = rings, bell.wait(rings, _LOOK_AGAIN_S)
        quiet_s += _LOOK_AGAIN_S if rings == before else 0.0
        if quiet_s >= _SILENT_S:
            yield _COMMENT
            quiet_s = 0.0


def event(name: str, data: bytes, number: int | None = None) -> bytes:
    """Write one event; JSON of the journal has no line breaks."""
    head = b"" if number is None else b"id: %d\n" % number
    return head + b"event: " + name.encode("ascii") + b"\ndata: " + data + b"\n\n"


def _open_now(reader: sqlite3.Connection) -> tuple[list[bytes], int]:
    """Give what is open, and the number of the last notice: of one moment."""
    reader.execute("BEGIN")
    try:
        last = last_notice(reader)
        open_ = [event("open", recording.encode(each)) for each in alarms(reader)]
    finally:
        reader.execute("COMMIT")
    return [*open_, event("ready", b"{}", last)], last
