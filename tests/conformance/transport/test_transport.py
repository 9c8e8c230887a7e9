"""Every request ends in time with what happened, whatever the server does."""

from __future__ import annotations

import contextlib
import gzip
import socket
import ssl
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from fhirserver_conformance.transport import Request, Transport
from tests.conformance.lying_server import Received, Wire, answer, lying_server

PATIENCE_S = 20.0
WAITS_S = 0.6
"""Where no answer comes; where its beginning has to come first, more of it."""
LIMIT_BYTES = 100_000

WHOLE = answer(200, b'{"resourceType":"Patient"}')
CHUNKED = {"Transfer-Encoding": "chunked"}
GZIP = {"Content-Encoding": "gzip"}

Say = Callable[[Wire], None]


def _send(data: bytes) -> Say:
    return lambda wire: wire.send(data)


def _send_and_close(data: bytes) -> Say:
    def say(wire: Wire) -> None:
        wire.send(data)
        raise ConnectionAbortedError

    return say


def _send_and_hang(data: bytes) -> Say:
    def say(wire: Wire) -> None:
        wire.send(data)
        wire.hang()

    return say


SILENCES = [
    pytest.param(lambda wire: wire.hang(), None, "no answer within", WAITS_S, id="hangs"),
    pytest.param(
        lambda wire: wire.drip(b"HTTP/1.1 2"), None, "no answer within", WAITS_S, id="drips-status"
    ),
    pytest.param(
        lambda wire: wire.drip(answer(200, b"", {"X": "y"})[:-4]),
        None,
        "no answer within",
        WAITS_S,
        id="drips-headers",
    ),
    pytest.param(
        lambda wire: (wire.send(answer(200, b"", {"Content-Length": "9999"})), wire.drip(b"x")),
        200,
        "not whole in time",
        5 * WAITS_S,
        id="drips-body",
    ),
    pytest.param(
        _send_and_hang(answer(200, b"abc", {"Content-Length": "10"})),
        200,
        "not whole in time",
        5 * WAITS_S,
        id="body-stops",
    ),
]
LIES = [
    pytest.param(lambda wire: wire.reset(), None, "Connection reset", id="resets"),
    pytest.param(_send_and_close(b""), None, "closed", id="closes-without-a-word"),
    pytest.param(
        _send_and_close(answer(200, b"abc", {"Content-Length": "10"})),
        200,
        "7 bytes of the Content-Length did not come",
        id="content-length-too-long",
    ),
    pytest.param(
        _send(answer(200, b"abc", {"Content-Length": "ten"})),
        200,
        "no number",
        id="length-no-number",
    ),
    pytest.param(
        _send(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd"),
        200,
        "several lengths",
        id="two-lengths",
    ),
    pytest.param(
        _send(answer(200, b"zz\r\nabc\r\n0\r\n\r\n", CHUNKED)),
        200,
        "broke off",
        id="chunk-size-no-hex",
    ),
    pytest.param(
        _send_and_close(answer(200, b"a\r\nabc", CHUNKED)), 200, "broke off", id="chunk-breaks-off"
    ),
    pytest.param(
        _send_and_close(answer(200, b"3\r\nabc\r\n", CHUNKED)), 200, "broke off", id="no-last-chunk"
    ),
    pytest.param(_send(b"SSH-2.0-OpenSSH_9.7\r\n\r\n"), None, "no HTTP", id="not-http"),
    pytest.param(
        _send(b"\x16\x03\x01\x02\x00\x01\r\n\r\n"), None, "no HTTP", id="tls-on-plain-port"
    ),
    pytest.param(_send(b"HTTP/1.1 abc\r\n\r\n"), None, "no HTTP", id="status-no-number"),
    pytest.param(
        _send(answer(200, b"", {"X": "y" * 70_000})), None, "LineTooLong", id="header-too-long"
    ),
    pytest.param(
        _send(answer(200, b"", {f"X-{n}": "y" for n in range(200)})),
        None,
        "more than 100 headers",
        id="too-many-headers",
    ),
    pytest.param(_send(answer(200, b"no gzip", GZIP)), 200, "broke off", id="gzip-is-none"),
    pytest.param(
        _send(answer(200, gzip.compress(b"x" * 500)[:-9], GZIP)),
        200,
        "compressed body breaks off",
        id="gzip-cut-short",
    ),
    pytest.param(
        _send(answer(200, gzip.compress(bytes(50_000_000), 1), GZIP)),
        200,
        f"longer than {LIMIT_BYTES} bytes",
        id="zip-bomb",
    ),
    pytest.param(
        _send(answer(200, b"x" * (LIMIT_BYTES + 1))),
        200,
        f"longer than {LIMIT_BYTES} bytes",
        id="body-beyond-limit",
    ),
    pytest.param(
        _send(answer(200, b"x", {"Content-Encoding": "rot13"})),
        200,
        "rot13 was not asked for",
        id="unknown-encoding",
    ),
]


@pytest.mark.parametrize(("say", "status", "failure", "timeout_s"), SILENCES)
def test_a_silence_ends_in_time(
    say: Say, status: int | None, failure: str, timeout_s: float
) -> None:
    assert_failure(say, status, failure, timeout_s)


@pytest.mark.parametrize(("say", "status", "failure"), LIES)
def test_a_lie_is_a_failure_that_says_what_is_wrong(
    say: Say, status: int | None, failure: str
) -> None:
    assert_failure(say, status, failure, PATIENCE_S)


def assert_failure(say: Say, status: int | None, failure: str, timeout_s: float) -> None:
    with lying_server(lambda _request, wire: say(wire)) as server:
        transport = Transport(timeout_s=timeout_s, body_limit_bytes=LIMIT_BYTES)
        exchange = transport.send(Request("GET", f"{server.origin}/fhir/Patient/1"))
        transport.close()
    assert exchange.failure is not None
    assert failure in exchange.failure
    assert exchange.status == status
    assert len(exchange.response_body) <= LIMIT_BYTES


TRUTHS = [
    pytest.param(_send(WHOLE), 200, b'{"resourceType":"Patient"}', id="content-length"),
    pytest.param(_send(answer(200, b"3\r\nabc\r\n0\r\n\r\n", CHUNKED)), 200, b"abc", id="chunks"),
    pytest.param(
        _send_and_close(answer(200, b"to the end", length=False)),
        200,
        b"to the end",
        id="until-close",
    ),
    pytest.param(_send(answer(204)), 204, b"", id="no-content"),
    pytest.param(
        _send(answer(304, b"", {"Content-Length": "10"})), 304, b"", id="not-modified-has-no-body"
    ),
    pytest.param(
        _send(answer(200, gzip.compress(b"ab") + gzip.compress(b"cd"), GZIP)),
        200,
        b"abcd",
        id="gzip",
    ),
    pytest.param(
        _send(answer(302, b"", {"Location": "/elsewhere"})), 302, b"", id="redirect-not-followed"
    ),
    pytest.param(_send(answer(100, length=False) + WHOLE), 200, WHOLE[-26:], id="continue-first"),
]


@pytest.mark.parametrize(("say", "status", "body"), TRUTHS)
def test_a_whole_answer_comes_as_it_was_sent(say: Say, status: int, body: bytes) -> None:
    with lying_server(lambda _request, wire: say(wire)) as server:
        transport = Transport(timeout_s=PATIENCE_S)
        exchange = transport.send(Request("GET", f"{server.origin}/fhir/Patient/1"))
        transport.close()
    assert (exchange.failure, exchange.status, exchange.response_body) == (None, status, body)
    assert len(server.received) == 1


def test_the_length_of_an_answer_to_head_is_that_of_what_get_would_give() -> None:
    say = _send(answer(200, b"", {"Content-Length": "10"}))
    with lying_server(lambda _request, wire: say(wire)) as server:
        exchange = Transport(timeout_s=PATIENCE_S).send(Request("HEAD", server.origin))
    assert (exchange.failure, exchange.status, exchange.response_body) == (None, 200, b"")


def test_an_answer_that_comes_before_the_body_was_read_is_the_answer() -> None:
    body = bytes(8_000_000)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]

        def refuse() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(answer(413, b"too large", {"Connection": "close"}))
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(1_000_000):
                    pass

        thread = threading.Thread(target=refuse)
        thread.start()
        exchange = Transport(timeout_s=PATIENCE_S).send(
            Request("POST", f"http://127.0.0.1:{port}/", (), body)
        )
        thread.join()
    assert (exchange.status, exchange.response_body) == (413, b"too large")


def test_bytes_after_an_answer_never_become_the_next_one() -> None:
    def say(request: Received, wire: Wire) -> None:
        name = request.target.rpartition("/")[2].encode()
        wire.send(answer(200, name) + answer(500, b"nobody asked for this"))

    with lying_server(say) as server:
        transport = Transport(timeout_s=PATIENCE_S)
        found = [
            transport.send(Request("GET", f"{server.origin}/{name}")).response_body
            for name in ("a", "b", "c")
        ]
        transport.close()
    assert found == [b"a", b"b", b"c"]


def test_a_request_goes_out_as_it_was_made_but_credentials_are_hidden_in_reports() -> None:
    headers = (("Authorization", "Bearer secret"), ("If-None-Exist", "name=Jürgen"))
    with lying_server(lambda _request, wire: wire.send(answer(201))) as server:
        transport = Transport(timeout_s=PATIENCE_S)
        url = f"{server.origin}/fhir/Patient?name=Jürgen a|b"
        exchange = transport.send(Request("POST", url, headers, b"{}"))
        transport.close()
    received = server.received[0]
    assert received.target == "/fhir/Patient?name=J%C3%BCrgen%20a|b"
    assert received.headers["authorization"] == "Bearer secret"
    assert received.headers["if-none-exist"].encode("latin-1").decode("utf-8") == "name=Jürgen"
    assert received.body == b"{}"
    assert exchange.request_header("Authorization") == "(hidden)"


@pytest.mark.parametrize(
    ("url", "failure"),
    [
        pytest.param("http://127.0.0.1:1/fhir/Patient", "refused", id="allowed"),
        pytest.param("http://127.0.0.1:1/fhir?_type=Patient", "refused", id="allowed-query"),
        pytest.param("http://127.0.0.1:1/admin", "outside", id="other-path"),
        pytest.param("http://127.0.0.1:1/fhirish", "outside", id="same-beginning"),
        pytest.param("http://127.0.0.1:1/fhir/../admin", "outside", id="dots"),
        pytest.param("http://127.0.0.1:1/fhir/%2e%2e/admin", "outside", id="encoded-dots"),
        pytest.param("http://127.0.0.1:1/fhir@evil.example/", "outside", id="userinfo"),
        pytest.param("file:///etc/passwd", "no URL", id="file"),
        pytest.param("http://[::1", "no URL", id="broken"),
        pytest.param("http:///fhir", "no URL", id="no-host"),
    ],
)
def test_a_confined_transport_reaches_its_server_only(url: str, failure: str) -> None:
    transport = Transport(timeout_s=PATIENCE_S, confine=("http://127.0.0.1:1/fhir",))
    assert failure in (transport.send(Request("GET", url)).failure or "")


def test_headers_cannot_be_smuggled_in() -> None:
    request = Request("GET", "http://127.0.0.1:1/", (("X", "a\r\nY: b"),))
    with lying_server(lambda _request, wire: wire.send(answer(200))) as server:
        request = Request("GET", f"{server.origin}/\r\nZ: c", (("X", "a\r\nY: b"),))
        exchange = Transport(timeout_s=PATIENCE_S).send(request)
    assert "Invalid header value" in (exchange.failure or "")
    assert server.received == []


@pytest.mark.parametrize("trusted", [True, False])
def test_a_certificate_counts_where_its_authority_is_trusted(tmp_path: Path, trusted: bool) -> None:
    certificate, key = _certificate(tmp_path)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=_serve_tls, args=(listening, tls))
        thread.start()
        transport = Transport(timeout_s=PATIENCE_S, ca_file=str(certificate) if trusted else None)
        url = f"https://127.0.0.1:{listening.getsockname()[1]}/fhir"
        exchange = transport.send(Request("GET", url))
        transport.close()
        thread.join()
    assert exchange.status == (200 if trusted else None)
    assert trusted or "CERTIFICATE_VERIFY_FAILED" in (exchange.failure or "")


def _serve_tls(listening: socket.socket, tls: ssl.SSLContext) -> None:
    connection, _ = listening.accept()
    with (
        connection,
        contextlib.suppress(OSError),
        tls.wrap_socket(connection, server_side=True) as secure,
    ):
        secure.recv(10_000)
        secure.sendall(WHOLE)


def _certificate(folder: Path) -> tuple[Path, Path]:
    """Write a certificate for 127.0.0.1 that nobody vouches for, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    today = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), 1)
        .not_valid_before(today - timedelta(days=1))
        .not_valid_after(today + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    paths = folder / "certificate.pem", folder / "key.pem"
    paths[0].write_bytes(certificate.public_bytes(Encoding.PEM))
    paths[1].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return paths


def test_marks_go_to_their_server_and_replace_what_a_request_says() -> None:
    with lying_server(lambda _request, wire: wire.send(answer(200))) as server:
        base = f"{server.origin}/fhir"
        transport = Transport(timeout_s=PATIENCE_S, marks=(("X-Mark", "secret"),), marked=base)
        asked = (("x-mark", "other"), ("Accept", "a/b"))
        for url in (f"{base}/Patient", f"{server.origin}/elsewhere"):
            exchange = transport.send(Request("GET", url, asked))
            assert exchange.status == 200
            assert "secret" not in str(exchange)
    assert [each.headers["x-mark"] for each in server.received] == ["secret", "other"]


def test_hurrying_ends_what_is_under_way_long_before_its_time() -> None:
    asked = threading.Event()

    def say(_request: Received, wire: Wire) -> None:
        asked.set()
        wire.hang()

    with lying_server(say) as server:
        transport = Transport(timeout_s=3600)
        exchanges = []
        thread = threading.Thread(
            target=lambda: exchanges.append(transport.send(Request("GET", server.origin)))
        )
        thread.start()
        assert asked.wait(20)
        transport.hurry()
        thread.join()
    assert "no answer within" in (exchanges[0].failure or "")
