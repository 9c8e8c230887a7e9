"""Serial lines of devices that are asked. DEV-20."""

from __future__ import annotations

import asyncio
import os
import pty
from pathlib import Path

from fhirserver_device_bridge.config.settings import SerialLine
from fhirserver_device_bridge.running.line import open_line


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
