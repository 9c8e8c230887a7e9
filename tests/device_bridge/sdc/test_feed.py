"""DEV-19: an update waits until the bridge has it; beyond the limit the oldest goes."""

from __future__ import annotations

import socket

from fhirserver_device_bridge.sdc.feed import Feed


def heard(port: socket.socket, answers: list[bytes]) -> list[bytes]:
    """Take a connection and answer its lines; gives them."""
    caller, _ = port.accept()
    with caller, caller.makefile("rb") as lines:
        told = []
        for answer in answers:
            told.append(lines.readline())
            caller.sendall(answer)
        return told


def test_dev_19_what_the_bridge_does_not_keep_is_told_again() -> None:
    kept, refused = b'{"kept": true}\n', b'{"kept": false, "fault": "no room"}\n'
    with socket.create_server(("127.0.0.1", 0)) as port:
        port.settimeout(30)
        feed = Feed(port.getsockname()[:2], limit=2)
        for line in (b"1", b"2", b"3"):
            feed.tell(line)
        feed.start()
        assert heard(port, [refused]) == [b"2\n"]
        assert heard(port, [b"what?\n"]) == [b"2\n"]
        assert heard(port, [kept, b'{"kept": true, "fault": "x"}\n']) == [b"2\n", b"3\n"]
        feed.end()
        feed.join()
    assert feed.lost == 1
