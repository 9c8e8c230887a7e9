"""A progress bar with a rate on standard error; silent where nobody watches."""

import sys
import time
from typing import TextIO

_WIDTH = 30


class Progress:
    """Counts what is done and draws it, ten times a second at most.

    Args:
        label: what is being done, e.g. "load".
        total: how much there is, in the unit of `at`; 0 where it is not known.
        unit: what is counted, e.g. "resources".
        stream: where to draw; a stream that is no terminal gets one line at the end.
    """

    def __init__(
        self, label: str, total: int, unit: str = "resources", stream: TextIO | None = None
    ) -> None:
        self._label = label
        self._total = total
        self._unit = unit
        self._stream = sys.stderr if stream is None else stream
        self._started = time.monotonic()
        self._drawn = 0.0
        self.count = 0

    def advance(self, count: int, at: int) -> None:
        """Count `count` more, with `at` of the total reached."""
        self.count += count
        now = time.monotonic()
        if self._stream.isatty() and now - self._drawn > 0.1:
            self._drawn = now
            self._draw(at)

    def finish(self) -> None:
        """Draw the last state and end the line."""
        if self._stream.isatty():
            self._draw(self._total)
            self._stream.write("\n")
        else:
            self._stream.write(f"{self._label}: {self._figures()}\n")
        self._stream.flush()

    def _draw(self, at: int) -> None:
        share = min(at / self._total, 1.0) if self._total else 0.0
        filled = int(share * _WIDTH)
        bar = "█" * filled + "░" * (_WIDTH - filled)
        percent = f"{share:4.0%} " if self._total else ""
        self._stream.write(f"\r{self._label} {bar} {percent}{self._figures()}\x1b[K")
        self._stream.flush()

    def _figures(self) -> str:
        seconds = max(time.monotonic() - self._started, 1e-6)
        return f"{self.count:,} {self._unit}, {self.count / seconds:,.0f}/s"
