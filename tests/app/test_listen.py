"""Listening sockets: a group for the workers, and nobody else on the address."""

from __future__ import annotations

import socket
import threading

import pytest

from fhirserver.supervisor_listen import open_listeners


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fhirserver.supervisor_listen._WAIT_S", 0.2)


def close(listeners: list[socket.socket]) -> None:
    for listener in listeners:
        listener.close()


@pytest.mark.parametrize("count", [1, 3])
def test_two_servers_never_share_an_address(count: int) -> None:
    listeners = open_listeners("127.0.0.1", 0, count)
    port = listeners[0].getsockname()[1]
    try:
        with pytest.raises(OSError, match="choose another with --port"):
            open_listeners("127.0.0.1", port, count)
    finally:
        close(listeners)
    close(open_listeners("127.0.0.1", port, count))


def test_every_socket_of_the_group_listens_there() -> None:
    listeners = open_listeners("127.0.0.1", 0, 3)
    assert len({listener.getsockname() for listener in listeners}) == 1
    close(listeners[1:])
    with socket.create_connection(listeners[0].getsockname(), 5):
        listeners[0].accept()[0].close()
    close(listeners)


def test_an_address_that_becomes_free_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """The workers of a killed server hold it until they notice."""
    monkeypatch.setattr("fhirserver.supervisor_listen._WAIT_S", 30)
    before = open_listeners("127.0.0.1", 0, 2)
    found: list[socket.socket] = []
    port = before[0].getsockname()[1]
    waiting = threading.Thread(target=lambda: found.extend(open_listeners("127.0.0.1", port, 2)))
    waiting.start()
    close(before)
    waiting.join(30)
    assert len(found) == 2
    close(found)
