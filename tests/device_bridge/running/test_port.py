"""What a port takes, refuses, and says. DEV-01, 02, 04, 05, 27; no server is needed for it."""

from __future__ import annotations

import asyncio
import http.client
import itertools
import socket
import ssl
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from fhirserver_device_bridge.config.settings import JournalSettings
from fhirserver_device_bridge.framing.mllp import block
from fhirserver_device_bridge.running.capacity import Capacity
from tests.device_bridge.bridge_process import BridgeProcess, configured, journal
from tests.device_bridge.certificates import made
from tests.device_bridge.sender_by_hand import ByHand, oru
from tests.waiting import wait_for

NOWHERE = "http://127.0.0.1:9/fhir"


@pytest.fixture(scope="module")
def bridge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BridgeProcess]:
    """A bridge whose server is not there."""
    folder = tmp_path_factory.mktemp("bridge")
    config = configured(folder, NOWHERE, source="    size_limit_bytes: 4096")
    with BridgeProcess(config) as running:
        yield running


def entries(running: BridgeProcess, control_id: str) -> list[tuple[str, str | None]]:
    """Give state and reason of the entries with a control id."""
    with journal(running.config) as connection:
        return list(
            connection.execute(
                "SELECT p.state, p.reason FROM entry e JOIN progress p USING (id)"
                " WHERE e.control_id = ? ORDER BY e.id",
                (control_id,),
            )
        )


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        pytest.param("", ["AA"], id="original mode"),
        pytest.param("|||AL|NE", ["CA"], id="AL NE"),
        pytest.param("|||NE|AL", ["AA"], id="NE AL"),
        pytest.param("|||AL|AL", ["CA", "AA"], id="AL AL: commit, then application"),
        pytest.param("|||SU|ER", ["CA"], id="SU ER of a success"),
    ],
)
def test_a_message_is_acknowledged_as_it_asks(
    bridge: BridgeProcess, header: str, expected: list[str]
) -> None:
    control_id = f"m{header}".replace("|", "-")
    with ByHand(bridge.address) as by_hand:
        by_hand.send(oru(control_id, header=header))
        for code in expected:
            assert by_hand.acknowledgement() == (code, control_id)
    assert [state for state, _ in entries(bridge, control_id)] == ["received"]


@pytest.mark.parametrize(
    ("bad", "answer", "words"),
    [
        pytest.param(
            oru("bad-1").replace(b"F\r", b"F\xff\r"), "CR", "is not utf-8", id="undecodable"
        ),
        pytest.param(
            oru("bad-2", header="|||AL|NE||KLINGON"), "CR", "character set", id="unknown set"
        ),
        pytest.param(oru("bad-3") + b"x" * 5000, "CR", "size_limit_bytes", id="too long"),
        pytest.param(b"no HL7 at all", None, "no MSH", id="no HL7"),
        pytest.param(b"", None, "no MSH", id="an empty block"),
    ],
)
def test_what_can_never_be_read_is_kept_refused_and_ends_no_connection(
    bridge: BridgeProcess, bad: bytes, answer: str | None, words: str
) -> None:
    control_id = bad.split(b"|")[9].decode() if answer else ""
    with ByHand(bridge.address) as by_hand:
        by_hand.send(bad)
        if answer:
            assert by_hand.acknowledgement() == (answer, control_id)
        good = f"after-{len(bad)}"
        assert by_hand.ask(oru(good)) == ("CA", good)
    assert any(
        state == "dead" and words in (why or "") for state, why in entries(bridge, control_id)
    )


def test_frames_in_any_pieces_with_noise_between_are_acknowledged_in_order(
    bridge: BridgeProcess,
) -> None:
    framed = [block(oru(f"f{number}")) for number in range(5)]
    stream = (
        b"GET / HTTP/1.1\r\n\r\n" + b"\x00\xfe".join(framed) + b"\x0bMSH|cut" + block(oru("f5"))
    )
    with ByHand(bridge.address) as by_hand:
        for start in range(0, len(stream), 7):
            by_hand.socket.sendall(stream[start : start + 7])
        told = [by_hand.acknowledgement() for _ in range(6)]
    assert told == [("CA", f"f{number}") for number in range(6)]


@pytest.mark.parametrize(
    ("second", "count"),
    [
        pytest.param(oru("d", at="20260101000000+0000"), 1, id="byte-identical: once"),
        pytest.param(oru("d", at="20260101000001+0000"), 2, id="the same control id: kept"),
    ],
)
def test_duplicates(bridge: BridgeProcess, second: bytes, count: int) -> None:
    with ByHand(bridge.address) as by_hand:
        for message in (oru("d", at="20260101000000+0000"), second):
            assert by_hand.ask(message) == ("CA", "d")
    assert len(entries(bridge, "d")) == count


def test_a_low_disk_is_told_and_nothing_is_kept(tmp_path: Path) -> None:
    config = configured(tmp_path, NOWHERE, journal=f", minimum_free_bytes: {10**18}")
    with BridgeProcess(config) as running, ByHand(running.address) as by_hand:
        assert by_hand.ask(oru("x")) == ("CE", "x")
        assert by_hand.ask(oru("y", header="")) == ("AE", "y")
        assert running.states() == {}


def test_a_full_backlog_stops_reading_until_there_is_room() -> None:
    async def stops_and_goes_on() -> None:
        capacity = Capacity(JournalSettings(Path(), backlog_limit=2))
        capacity.set_backlog(2)
        waiting = asyncio.create_task(capacity.until_it_may_be_read())
        await asyncio.sleep(0)
        assert not waiting.done()
        capacity.set_backlog(1)
        await waiting

    asyncio.run(stops_and_goes_on())


def test_a_sender_waits_while_the_backlog_is_full(tmp_path: Path) -> None:
    config = configured(tmp_path, NOWHERE, journal=", backlog_limit: 1")
    with BridgeProcess(config) as running, ByHand(running.address, timeout_s=5) as by_hand:
        numbers = itertools.count()
        wait_for(lambda: stops_answering(by_hand, f"w{next(numbers)}"))
        last = next(numbers) - 1
        assert entries(running, f"w{last - 1}")
        assert entries(running, f"w{last}") == []


def stops_answering(by_hand: ByHand, control_id: str) -> bool:
    try:
        return by_hand.ask(oru(control_id))[0] != "CA"
    except TimeoutError:
        return True


def test_a_silent_connection_is_closed(tmp_path: Path) -> None:
    config = configured(tmp_path, NOWHERE, source="    idle_s: 0.1")
    with BridgeProcess(config) as running, ByHand(running.address) as by_hand:
        assert by_hand.acknowledgement() == ("", "")


def test_connections_beyond_the_limit_are_closed(tmp_path: Path) -> None:
    config = configured(tmp_path, NOWHERE, source="    connection_limit: 1")
    with BridgeProcess(config) as running, ByHand(running.address) as first:
        assert first.ask(oru("1")) == ("CA", "1")
        with ByHand(running.address) as second:
            assert second.acknowledgement() == ("", "")
        assert first.ask(oru("2")) == ("CA", "2")


def test_mutual_tls(tmp_path: Path) -> None:
    authority, ours, theirs = (
        made(tmp_path, name, signer)
        for name, signer in (("ca", None), ("server", "ca"), ("client", "ca"))
    )
    tls = f"    tls: {{certificate: {ours}.pem, key: {ours}.key, client_ca: {authority}.pem}}"
    with BridgeProcess(configured(tmp_path, NOWHERE, source=tls)) as running:
        trusting = ssl.create_default_context(cafile=f"{tmp_path / authority}.pem")
        assert not answered(running, oru("nobody"), trusting)
        assert not answered(running, oru("plain"), None)
        trusting.load_cert_chain(f"{tmp_path / theirs}.pem", f"{tmp_path / theirs}.key")
        assert answered(running, oru("known"), trusting)
        assert entries(running, "nobody") + entries(running, "plain") == []


def test_tls_of_the_http_port(tmp_path: Path) -> None:
    """DEV-30. Alarms name patients: a token, over TLS; a handshake that hangs delays nobody."""
    ours = made(tmp_path, "front", None)
    (tmp_path / "token").write_text("of the front", "utf-8")
    config = configured(tmp_path, NOWHERE)
    tls = f"token_file: token, tls: {{certificate: {ours}.pem, key: {ours}.key}}"
    config.write_text(config.read_text("utf-8").replace("port: 0}", f"port: 0, {tls}}}"), "utf-8")
    with BridgeProcess(config) as running:
        address = urlsplit(running.metrics)
        trusting = ssl.create_default_context(cafile=f"{tmp_path / ours}.pem")

        def status(path: str, **headers: str) -> int:
            with closing(
                http.client.HTTPSConnection("127.0.0.1", address.port, timeout=20, context=trusting)
            ) as opened:
                opened.request("GET", path, headers=headers)
                return opened.getresponse().status

        assert address.scheme == "https"
        with socket.create_connection(("127.0.0.1", address.port or 0), 20):
            assert status("/health") == 200
            assert status("/alarms") == 401
            assert status("/alarms", Authorization="Bearer of the front") == 200
        with closing(http.client.HTTPConnection("127.0.0.1", address.port, timeout=20)) as plain:
            plain.request("GET", "/health")
            with pytest.raises((OSError, http.client.HTTPException)):
                plain.getresponse()


def answered(running: BridgeProcess, message: bytes, tls: ssl.SSLContext | None) -> bool:
    try:
        with ByHand(running.address, tls) as by_hand:
            return by_hand.ask(message) != ("", "")
    except OSError:
        return False
