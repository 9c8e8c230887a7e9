"""Chromium without a window, spoken to over pipes.

Protocol: https://chromedevtools.github.io/devtools-protocol/ (messages end with a zero byte)
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.waiting import wait_for

PROGRAM = shutil.which("chromium") or shutil.which("google-chrome")

_OPTIONS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-component-update"
    " --disable-background-networking --disable-sync --remote-debugging-pipe"
)

_ON_3_AND_4 = """
import fcntl, os, sys
given, taken = (fcntl.fcntl(int(each), fcntl.F_DUPFD, 10) for each in sys.argv[1:3])
os.dup2(given, 3)
os.dup2(taken, 4)
os.execv(sys.argv[3], sys.argv[3:])
"""
"""Chromium reads and writes these two."""


class Browser:
    """One browser with one page; a context manager.

    Args:
        folder: for its profile.

    Attributes:
        requests: addresses that pages asked for, the pages' own among them.
        dialogs: what alert and its like were to show.
    """

    def __init__(self, folder: Path) -> None:
        self.requests: list[str] = []
        self.dialogs: list[str] = []
        self._folder = folder
        self._number = 0
        self._session: str | None = None

    def __enter__(self) -> Self:
        given, self._out = os.pipe()
        self._in, taken = os.pipe()
        words = [str(PROGRAM), *_OPTIONS.split(), f"--user-data-dir={self._folder}", "about:blank"]
        self._process = subprocess.Popen(
            [sys.executable, "-c", _ON_3_AND_4, str(given), str(taken), *words],
            pass_fds=(given, taken),
            stderr=subprocess.DEVNULL,
            env={**os.environ, "HOME": str(self._folder)},
        )
        os.close(given)
        os.close(taken)
        self._answers = os.fdopen(self._in, "rb")
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        attached = self._call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Network", "Runtime"):
            self._call(f"{domain}.enable")
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._out)
        self._answers.close()

    def open(self, address: str) -> None:
        """Open an address, and wait until the page has drawn its list."""
        self._call("Page.navigate", url="about:blank")
        self._call("Page.navigate", url=address)
        drawn = "document.forms.filter?.elements.found?.value"
        self.run(
            f"(async () => {{ while (!({drawn})) await new Promise(requestAnimationFrame); }})()"
        )

    def visit(self, address: str) -> None:
        """Open an address, and wait until the page is there."""
        self._call("Page.navigate", url=address)
        self.reach("true")

    def reach(self, condition: str) -> None:
        """Wait until an expression is true of a page that is there, over any number of pages."""
        wait_for(lambda: self._holds(f"document.readyState == 'complete' && !!({condition})"))

    def resize(self, width: int) -> None:
        """Give the page the width of some screen, in pixels."""
        self._call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=800,
            deviceScaleFactor=1,
            mobile=False,
        )

    def run(self, script: str) -> Any:
        """Run a script in the page and give its value, awaited."""
        answer = self._call(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def wait_for(self, condition: str) -> None:
        """Wait until an expression is true of the page."""
        frame = "await new Promise(requestAnimationFrame)"
        self.run(f"(async () => {{ while (!({condition})) {frame}; }})()")

    def press(self, key: str) -> None:
        """Press a key that writes a character, as a person would."""
        self._call("Input.dispatchKeyEvent", type="keyDown", key=key, text=key)
        self._call("Input.dispatchKeyEvent", type="keyUp", key=key)

    def _holds(self, expression: str) -> bool:
        """Evaluate at once; false where one page goes and the next has not come."""
        try:
            return bool(self.run(expression))
        except AssertionError:
            return False

    def _call(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        while True:
            came = self._next()
            if came.get("id") == self._number:
                assert "error" not in came, came
                result: dict[str, Any] = came["result"]
                return result

    def _next(self) -> dict[str, Any]:
        raw = bytearray()
        while (byte := self._answers.read(1)) != b"\0":
            assert byte, "the browser has ended"
            raw += byte
        came: dict[str, Any] = json.loads(raw)
        if came.get("method") == "Network.requestWillBeSent":
            self.requests.append(came["params"]["request"]["url"])
        if came.get("method") == "Page.javascriptDialogOpening":
            self.dialogs.append(came["params"]["message"])
        return came
