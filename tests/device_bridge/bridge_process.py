"""A real `fhir-bridge` for tests: its process, its commands, its journal."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from fhirserver_device_bridge.journal.entries import counts
from fhirserver_device_bridge.journal.layout import JournalError, State, open_journal
from tests.waiting import wait_for

COMMAND = (sys.executable, "-m", "fhirserver_device_bridge")
STOP_TIMEOUT_S = 30.0
HOSPITAL = "urn:oid:1.2.3"

_CONFIG = """\
server: {{base: "{base}", timeout_s: 20}}
journal: {{folder: journal{journal}}}
delivery: {{longest_pause_s: 0.2, held_retry_s: 0.1, attempts: 3}}
metrics: {{port: 0}}
sources:
  icu:
    protocol: mllp
    listen: "127.0.0.1:{port}"
    systems: {{Hospital: "{hospital}"}}
{source}
"""


def configured(
    folder: Path, base: str, *, port: int = 0, journal: str = "", source: str = ""
) -> Path:
    """Write a configuration with one source, `icu`.

    Args:
        folder: for it, the journal and the log.
        base: of the server.
        port: on which `icu` is heard; 0 chooses one.
        journal: more of its settings, e.g. ", backlog_limit: 1".
        source: more lines of the source, e.g. "    idle_s: 1".
    """
    folder.mkdir(exist_ok=True)
    file = folder / "bridge.yaml"
    text = _CONFIG.format(base=base, port=port, journal=journal, source=source, hospital=HOSPITAL)
    file.write_text(text, "utf-8")
    return file


def command(*words: object, input_: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
    """Run one command of `fhir-bridge` to its end."""
    return subprocess.run(
        [*COMMAND, *map(str, words)], input=input_, capture_output=True, check=False, timeout=120
    )


class BridgeProcess:
    """`fhir-bridge run`, from its start to its end.

    Args:
        config: its configuration.

    Attributes:
        addresses: host and port on which each source is heard.
        metrics: URL of its metrics.
    """

    def __init__(self, config: Path) -> None:
        self.config = config
        self.addresses: dict[str, tuple[str, int]] = {}
        self.metrics = ""
        self.log = config.parent / "bridge.log"
        with self.log.open("ab") as errors:
            self.process = subprocess.Popen(
                [*COMMAND, "run", "--config", str(config)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=os.environ,
            )

    def __enter__(self) -> Self:
        assert self.process.stdout is not None
        for line in iter(self.process.stdout.readline, b""):
            match line.decode("utf-8").split():
                case ["listening", name, _, address]:
                    host, _, port = address.rpartition(":")
                    self.addresses[name] = (host, int(port))
                case ["metrics", url]:
                    self.metrics = url
                case ["ready"]:
                    return self
        self.kill()
        raise AssertionError(self.log.read_text("utf-8"))

    @property
    def address(self) -> tuple[str, int]:
        """Host and port on which `icu` is heard."""
        return self.addresses["icu"]

    @property
    def behind(self) -> int:
        """The process that works behind the ports."""
        listed = subprocess.run(["ps", "-axo", "pid=,ppid="], capture_output=True, check=True)
        pairs = (map(int, line.split()) for line in listed.stdout.splitlines())
        (found,) = (own for own, parent in pairs if parent == self.process.pid)
        return found

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self.process.poll() is None:
            self.stop()
        self.kill()

    def stop(self) -> int:
        """Stop it in order, and give its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(STOP_TIMEOUT_S)

    def kill(self) -> None:
        """End it at once, wherever it is."""
        self.process.kill()
        self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()

    def states(self) -> dict[State, int]:
        """Count the entries of its journal by state."""
        with journal(self.config) as connection:
            found: Counter[State] = Counter()
            for (_, state), number in counts(connection).items():
                found[state] += number
            return dict(found)

    def wait_for(self, **wanted: int) -> None:
        """Wait until its entries are in these states, and in no others."""
        wait_for(lambda: self.states() == wanted)


@contextmanager
def journal(config: Path) -> Iterator[sqlite3.Connection]:
    """Open the journal beside the bridge."""
    with closing(open_journal(config.parent / "journal")) as connection:
        yield connection


def holds(config: Path, control_id: str) -> int:
    """Count the entries of a control id; 0 also where there is no journal yet."""
    try:
        with journal(config) as connection:
            found = connection.execute(
                "SELECT count(*) FROM entry WHERE control_id = ?", (control_id,)
            )
            return int(found.fetchone()[0])
    except JournalError:
        return 0
