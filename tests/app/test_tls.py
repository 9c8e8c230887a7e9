"""TLS: what is served, which versions, what is refused instead of served in the clear."""

from __future__ import annotations

import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from http.client import HTTPSConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from fhirserver.config import split_networks
from fhirserver.http.forwarded import client_address
from tests.conftest import new_database
from tests.server import ServerProcess
from tests.smart.jwks_host import write_certificate


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("tls")
    write_certificate(made)
    return made


@pytest.fixture(scope="module")
def tls_server(postgres: str, folder: Path) -> Iterator[ServerProcess]:
    arguments = (
        *("--database-url", new_database(postgres), "--data-dir", str(folder / "data")),
        *("--tls-certificate", str(folder / "cert.pem"), "--tls-key", str(folder / "key.pem")),
        *("--workers", "1"),
    )
    proxies = {"FHIRSERVER_TRUSTED_PROXIES": "127.0.0.0/8"}
    with ServerProcess(folder / "log", arguments, proxies, open=False) as running:
        yield running


def client_context(folder: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(folder / "cert.pem"))


@pytest.mark.parametrize("path", ["/fhir/metadata", "/health/live", "/fhir/Patient/x", "/nowhere"])
def test_every_answer_asks_for_tls_from_now_on(
    tls_server: ServerProcess, folder: Path, path: str
) -> None:
    """SEC-X1: Strict-Transport-Security, on errors too."""
    assert tls_server.base.startswith("https://")
    place = urlsplit(tls_server.base).netloc
    connection = HTTPSConnection(place, context=client_context(folder), timeout=30)
    connection.request("GET", path)
    answer = connection.getresponse()
    connection.close()
    assert answer.headers.get_all("Strict-Transport-Security") == ["max-age=31536000"]


def test_a_trusted_proxy_says_who_asks(tls_server: ServerProcess, folder: Path) -> None:
    place = urlsplit(tls_server.base).netloc
    connection = HTTPSConnection(place, context=client_context(folder), timeout=30)
    headers = {"X-Forwarded-For": "203.0.113.7", "X-Request-Id": "behind-a-proxy"}
    connection.request("GET", "/fhir/metadata", headers=headers)
    connection.getresponse()
    connection.close()
    lines = tls_server.log.read_text("utf-8").splitlines()
    assert any("behind-a-proxy" in line and "203.0.113.7" in line for line in lines)


@pytest.mark.parametrize(
    ("version", "served"),
    [
        pytest.param(ssl.TLSVersion.TLSv1, False, id="SEC-X1-1.0"),
        pytest.param(ssl.TLSVersion.TLSv1_1, False, id="SEC-X1-1.1"),
        pytest.param(ssl.TLSVersion.TLSv1_2, True, id="SEC-X1-1.2"),
        pytest.param(ssl.TLSVersion.TLSv1_3, True, id="SEC-X1-1.3"),
    ],
)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_versions(
    tls_server: ServerProcess, folder: Path, version: ssl.TLSVersion, served: bool
) -> None:
    context = client_context(folder)
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = version
    parts = urlsplit(tls_server.base)
    address = (parts.hostname or "", parts.port or 0)
    with socket.create_connection(address, 30) as plain:
        if served:
            with context.wrap_socket(plain, server_hostname="localhost") as secured:
                assert secured.version() == version.name.replace("_", ".")
        else:
            with pytest.raises(ssl.SSLError):
                context.wrap_socket(plain, server_hostname="localhost")


def test_plain_http_gets_no_answer_there(tls_server: ServerProcess) -> None:
    parts = urlsplit(tls_server.base)
    with socket.create_connection((parts.hostname or "", parts.port or 0), 30) as plain:
        plain.sendall(b"GET /fhir/metadata HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert not plain.recv(4096).startswith(b"HTTP")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        pytest.param(("--host", "0.0.0.0"), "in the clear", id="SEC-X1-no-tls"),
        pytest.param(
            ("--host", "0.0.0.0", "--tls-certificate", "{}/cert.pem"), "go together", id="no-key"
        ),
        pytest.param(
            ("--tls-certificate", "{}/none.pem", "--tls-key", "{}/key.pem"),
            "none.pem",
            id="no-such-file",
        ),
        pytest.param(
            ("--tls-certificate", "{}/key.pem", "--tls-key", "{}/cert.pem"),
            "cannot be served",
            id="exchanged",
        ),
    ],
)
def test_what_does_not_start(folder: Path, arguments: tuple[str, ...], says: str) -> None:
    given = [each.format(folder) for each in arguments]
    ended = subprocess.run(
        [sys.executable, "-m", "fhirserver", "serve", "--data-dir", str(folder / "new"), *given],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 2
    assert says in ended.stderr
    assert not (folder / "new").exists()


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        pytest.param("10.0.0.1", "203.0.113.7", "203.0.113.7", id="by-the-proxy"),
        pytest.param("10.0.0.1", "203.0.113.7, 10.0.0.2", "203.0.113.7", id="by-two"),
        pytest.param("10.0.0.1", "1.2.3.4, 203.0.113.7", "203.0.113.7", id="invented-before"),
        pytest.param("203.0.113.9", "1.2.3.4", "203.0.113.9", id="not-by-a-proxy"),
        pytest.param("10.0.0.1", "", "10.0.0.1", id="not-said"),
        pytest.param("10.0.0.1", "unknown", "10.0.0.1", id="no-address"),
        pytest.param("10.0.0.1", "2001:db8::7", "2001:db8::7", id="ipv6"),
    ],
)
def test_who_asks_behind_a_proxy(peer: str, forwarded: str, address: str) -> None:
    assert client_address(peer, forwarded, split_networks("10.0.0.0/8")) == address
