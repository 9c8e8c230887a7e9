"""Wait for what other processes do: ask until the answer is true, with a bound."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

PATIENCE_S = 30.0
_PAUSE_S = 0.05
T = TypeVar("T")


def wait_for(what: Callable[[], T], patience_s: float = PATIENCE_S) -> T:
    """Ask until the answer is true, and give it."""
    deadline = time.monotonic() + patience_s
    while not (answer := what()):
        assert time.monotonic() < deadline, "it did not happen in time"
        threading.Event().wait(_PAUSE_S)
    return answer
