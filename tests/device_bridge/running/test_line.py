"""Lines of devices that are asked, and share them. DEV-20."""

from __future__ import annotations

import asyncio
import os
import pty
from pathlib import Path

import pytest

from fhirserver_device_bridge.config.settings import SerialLine
from fhirserver_device_bridge.running.line import open_line
from fhirserver_device_bridge.running.poller import longest_pause_s


def test_dev_20_what_came_before_a_request_is_no_answer_to_it() -> None:
    """An answer that a device sent twice would else be taken for that to the next request."""
    far, near = pty.openpty()

    async def scenario() -> bytes:
        line = await open_line(SerialLine(Path(os.ttyname(near)), 115200))
        try:
            os.write(far, b"once more")
            await line.settle()
            os.write(far, b"the answer")
            return await line.receive()
        finally:
            line.close()

    try:
        assert asyncio.run(scenario()) == b"the answer"
    finally:
        os.close(far)
        os.close(near)


@pytest.mark.parametrize("timeout_s", [0.3, 2.0, 60.0])
@pytest.mark.parametrize("devices", [1, 2, 8, 32, 247])
def test_dev_20_those_that_are_silent_take_less_than_a_quarter_of_a_line(
    devices: int, timeout_s: float
) -> None:
    """All but one are; each has its time-out, and then rests."""
    pause_s = longest_pause_s(devices - 1, timeout_s)
    assert (devices - 1) * timeout_s / (timeout_s + pause_s) < 0.25
    assert devices > 1 or pause_s == 5.0
