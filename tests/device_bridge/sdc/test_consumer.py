"""DEV-19: the consumer against the library's own provider, each in a process of its own."""

from __future__ import annotations

import contextlib
import socket
import ssl
import subprocess
import sys
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import IO

import pytest

from fhirserver_device_bridge.cli import main
from fhirserver_device_bridge.config.settings import Credentials, Provider
from tests.client import Client
from tests.device_bridge.bridge_process import COMMAND, BridgeProcess
from tests.device_bridge.certificates import made
from tests.server import ServerProcess
from tests.waiting import wait_for

pytest.importorskip("sdc11073", reason="the extra sdc is not installed")
from fhirserver_device_bridge.sdc.consumer import follow

ROOT = Path(__file__).resolve().parents[3]
PATH = "8f9c7f3a2f3c4d0b9a630d6c9b1f7e10"
CONFIG = """\
server: {{base: "{base}"}}
journal: {{folder: journal}}
delivery: {{longest_pause_s: 0.2, held_retry_s: 0.1}}
sources:
  theatre:
    protocol: sdc
    listen: "{listen}"
    provider: {{address: "{address}"{credentials}}}
"""
CREDENTIALS = ", certificate: consumer.pem, key: consumer.key, ca_file: ca.pem"


def configured(folder: Path, base: str, address: str, credentials: str = CREDENTIALS) -> Path:
    config = folder / "bridge.yaml"
    text = CONFIG.format(base=base, listen="127.0.0.1:0", address=address, credentials=credentials)
    config.write_text(text, "utf-8")
    return config


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Process:
    """A process that is killed at the end, with the first words of its lines."""

    def __init__(self, log: Path, *words: object) -> None:
        with log.open("ab") as errors:
            self.process = subprocess.Popen(
                [*map(str, words)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                cwd=ROOT,
            )

    def wait_for(self, word: str) -> None:
        """Wait for a line that begins with a word."""
        assert self.process.stdout is not None
        assert any(line.startswith(word) for line in self.process.stdout), "it has ended"

    def tell(self, line: str) -> None:
        """Write a line to it."""
        told: IO[str] | None = self.process.stdin
        assert told is not None
        told.write(f"{line}\n")
        told.flush()

    def kill(self) -> None:
        """End it at once."""
        self.process.kill()
        self.process.communicate()


def test_dev_19_a_provider_is_followed_and_found_again_after_a_kill(
    tmp_path: Path, server: ServerProcess, client: Client, clean: None
) -> None:
    """By mutual TLS; what the metrics are is told anew by the consumer that is built again."""
    for name, signer in (("ca", None), ("monitor", "ca"), ("consumer", "ca")):
        made(tmp_path, name, signer)
    port = free_port()
    config = configured(tmp_path, server.base, f"https://127.0.0.1:{port}/{PATH}")
    patient = {
        "resourceType": "Patient",
        "identifier": [{"system": "urn:oid:1.2.3", "value": "12345"}],
    }
    identity = client.post("Patient", patient).json["id"]

    def monitor() -> Process:
        files = (tmp_path / name for name in ("monitor.key", "monitor.pem", "ca.pem"))
        module = "tests.device_bridge.sdc_provider"
        started = Process(tmp_path / "monitor.log", sys.executable, "-m", module, port, *files)
        stack.callback(started.kill)
        started.wait_for("ready")
        return started

    log = tmp_path / "consumer.log"
    with ExitStack() as stack, BridgeProcess(config) as bridge:
        host, number = bridge.addresses["theatre"]
        told = ("sdc", "--config", config, "--to", f"{host}:{number}")
        consumer = Process(log, *COMMAND, *told)
        stack.callback(consumer.kill)
        first = monitor()
        consumer.wait_for("connected")
        first.tell("sat 98.5")
        first.tell("sys 120, dia 80")
        wait_for(lambda: len(client.search("Observation")) == 2)
        first.kill()
        monitor().tell("sat 97, sys - NA")  # before the consumer is there again
        consumer.wait_for("connected")
        wait_for(lambda: len(client.search("Observation")) == 4)
    logged = log.read_text("utf-8")
    assert "connecting anew" in logged
    assert not any(word in logged for word in ("98.5", "12345", "urn:oid:1.2.3")), (
        "no patient's data"
    )
    found = client.search("Observation")
    assert {each["subject"]["reference"] for each in found} == {f"Patient/{identity}"}
    saturations = [
        each["valueQuantity"]["value"] for each in found if "2708-6" in str(each["code"])
    ]
    assert sorted(map(str, saturations)) == ["97", "98.5"]
    (panel,) = (each for each in found if "component" in each)
    assert [each["valueQuantity"]["code"] for each in panel["component"]] == ["mm[Hg]"] * 2


class Answering(threading.Thread):
    """Something that listens where the provider should, and notes how each caller began.

    Args:
        tls: what it shows; None for something that answers in plain text.
    """

    def __init__(self, tls: ssl.SSLContext | None) -> None:
        super().__init__(daemon=True)
        self._tls = tls
        self._port = socket.create_server(("127.0.0.1", 0))
        self.address = f"https://127.0.0.1:{self._port.getsockname()[1]}/{PATH}"
        self.seen: list[str] = []

    def run(self) -> None:
        """Answer until the port is closed."""
        with contextlib.suppress(OSError):
            while True:
                caller, _ = self._port.accept()
                with caller:
                    self.seen.append(self._began(caller))

    def _began(self, caller: socket.socket) -> str:
        if self._tls is None:
            began = caller.recv(1)
            caller.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            return "refused" if began == b"\x16" else "spoken with"
        try:
            self._tls.wrap_socket(caller, server_side=True).close()
        except OSError:
            return "refused"
        return "spoken with"

    def close(self) -> None:
        """Listen no more."""
        self._port.shutdown(socket.SHUT_RDWR)
        self._port.close()


@pytest.mark.parametrize("kind", ["without TLS", "of another authority"])
def test_dev_19_who_cannot_prove_itself_is_not_spoken_with(tmp_path: Path, kind: str) -> None:
    """Nor is TLS given up where it fails, as the library would do by itself."""
    for name, signer in (("ca", None), ("consumer", "ca"), ("other", None), ("stranger", "other")):
        made(tmp_path, name, signer)
    tls = None
    if kind == "of another authority":
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(tmp_path / "stranger.pem", tmp_path / "stranger.key")
    files = (tmp_path / name for name in ("consumer.pem", "consumer.key", "ca.pem"))
    credentials, announced, stop = Credentials(*files), list[str](), threading.Event()
    before = {*threading.enumerate()}
    answering = Answering(tls)
    answering.start()
    provider = Provider("theatre", answering.address, "127.0.0.1", 9, credentials)
    following = threading.Thread(
        target=follow, args=(provider, lambda _: None, announced.append, stop)
    )
    following.start()
    try:
        wait_for(lambda: len(answering.seen) >= 2)
    finally:
        stop.set()
        following.join()
        answering.close()
        answering.join()
    assert {*threading.enumerate()} == before, "an attempt that failed leaves nothing behind"
    assert (set(answering.seen), announced) == ({"refused"}, [])


@pytest.mark.parametrize(
    ("address", "credentials", "words", "fault"),
    [
        pytest.param("https://10.0.0.7:6000/x", "", [], "needs certificate", id="no-certificate"),
        pytest.param(
            "http://10.0.0.7:6000/x", "", ["--insecure"], "on this machine", id="insecure"
        ),
        pytest.param(
            "http://127.0.0.1:1/x", "", ["--source", "icu"], "no such source", id="source"
        ),
        pytest.param(
            "http://127.0.0.1:1/x", "", ["--insecure", "--to", "10.0.0.7:1"], "--to must", id="to"
        ),
        pytest.param("http://127.0.0.1:1/x", CREDENTIALS, [], "without https", id="no-https"),
        pytest.param("https://127.0.0.1:1/x", CREDENTIALS, [], "cannot be used", id="no-files"),
        pytest.param(
            "https://127.0.0.1:1/x", ", key: k.pem", [], "is a dependency of 'key'", id="one-file"
        ),
    ],
)
def test_dev_19_what_is_refused(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    address: str,
    credentials: str,
    words: list[str],
    fault: str,
) -> None:
    config = configured(tmp_path, "http://127.0.0.1:9/fhir", address, credentials)
    assert main(["sdc", "--config", str(config), *words]) == 2
    assert fault in capsys.readouterr().err
