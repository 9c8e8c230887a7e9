"""The two processes of a bridge: neither outlives the other, and nothing is lost with them.

DEV-02, DEV-27.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path

from tests.device_bridge.bridge_process import BridgeProcess, command, configured
from tests.device_bridge.sender_by_hand import ByHand, heart_rate, oru
from tests.waiting import wait_for

AWAY = "http://127.0.0.1:9/fhir"


def is_there(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def test_killed_behind_the_ports_the_bridge_ends_and_says_so(tmp_path: Path) -> None:
    config = configured(tmp_path, AWAY)
    with BridgeProcess(config) as bridge, ByHand(bridge.address) as by_hand:
        assert by_hand.ask(oru("c1", heart_rate("70", "F"))) == ("CA", "c1")
        os.kill(bridge.behind, signal.SIGKILL)
        assert bridge.process.wait(20) == 70
        assert "is gone" in bridge.log.read_text("utf-8")
    with BridgeProcess(config) as bridge:
        bridge.wait_for(received=1)
        assert bridge.stop() == 0
        assert "defect" not in bridge.log.read_text("utf-8")


def test_killed_at_the_ports_nothing_of_the_bridge_is_left(tmp_path: Path) -> None:
    with BridgeProcess(configured(tmp_path, AWAY)) as bridge:
        behind = bridge.behind
        bridge.kill()
        wait_for(lambda: not is_there(behind))


def test_a_second_bridge_on_a_journal_says_so_and_ends(tmp_path: Path) -> None:
    config = configured(tmp_path, AWAY)
    with BridgeProcess(config) as bridge:
        second = command("run", "--config", config)
        assert second.returncode == 1
        assert "another bridge runs" in second.stderr.decode("utf-8")
        assert is_there(bridge.behind)
