"""A commit of the journal wakes whom it concerns. DEV-25."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from fhirserver_device_bridge.config.read import read_config
from fhirserver_device_bridge.config.settings import Bridge
from fhirserver_device_bridge.journal.alarms import Look, note_look
from fhirserver_device_bridge.journal.changes import Arrival, Change, append, release_held, settle
from fhirserver_device_bridge.running.bridge import RunningBridge
from fhirserver_device_bridge.running.watch import Watch
from fhirserver_device_bridge.sender.worker import Worker

NOW = datetime(2026, 5, 4, 10, tzinfo=UTC)
CONFIG = """\
server: {base: "http://127.0.0.1:9/fhir"}
journal: {folder: journal}
sources:
  a: {protocol: mllp, listen: "127.0.0.1:0"}
  b: {protocol: mllp, listen: "127.0.0.1:0"}
"""


@pytest.fixture
def bridge(tmp_path: Path) -> Bridge:
    (tmp_path / "bridge.yaml").write_text(CONFIG, "utf-8")
    return read_config(tmp_path / "bridge.yaml")


@pytest.fixture
def running(bridge: Bridge) -> Iterator[RunningBridge]:
    """A bridge whose threads are there, and do nothing."""
    made = RunningBridge(bridge)
    senders = [Worker(source, made._sending) for source in bridge.sources]
    made._workers = [*senders, Watch(bridge, made._journal, made._metrics)]
    yield made
    for sender in senders:
        sender._lanes.close()
    made._workers = []
    made.close()


def frame(source: str) -> Change[object]:
    return append(Arrival(source, "p", NOW, "1", b"MSH|"))


def held(*_: object) -> int:
    return 2


@pytest.mark.parametrize(
    ("change", "woken"),
    [
        pytest.param(frame("a"), [True, False, True], id="a frame: its sender, and the watch"),
        pytest.param(settle(1, "done", None, NOW), [False] * 3, id="what was settled: nobody"),
        pytest.param(note_look(Look(7), (), NOW), [False] * 3, id="a look that found nothing"),
        pytest.param(release_held("a", NOW), [False] * 3, id="nothing was held"),
        pytest.param(held, [True] * 3, id="what may concern all"),
    ],
)
def test_who_is_woken(running: RunningBridge, change: Change[object], woken: list[bool]) -> None:
    running._journal.ask(change).result()
    running._journal.close()
    assert [each._bell.is_set() for each in running._workers] == woken
