"""A web server of a client that publishes its keys, over TLS, and misbehaves as told."""

from __future__ import annotations

import datetime as dt
import ipaddress
import ssl
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec


@dataclass
class JwksHost:
    """One server on this machine; a context manager.

    Attributes:
        folder: for its certificate, `cert.pem`, which it signs itself, and the key, `key.pem`.
        tls: False for plain HTTP.
        body: what is answered.
        status: likewise.
        headers: likewise.
        drips: sends a byte now and then instead of the body, for as long as somebody listens.
        asked: the Accept header of every request.
    """

    folder: Path
    tls: bool = True
    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    drips: bool = False
    asked: list[str | None] = field(default_factory=list)

    def __enter__(self) -> Self:
        self.closing = threading.Event()
        handler = type("Handler", (_Handler,), {"host": self})
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        if self.tls:
            write_certificate(self.folder)
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self.folder / "cert.pem", self.folder / "key.pem")
            self._http.socket = context.wrap_socket(self._http.socket, server_side=True)
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,))
        self._thread.start()
        self.port = self._http.server_address[1]
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.closing.set()
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    def url(self, host: str = "127.0.0.1") -> str:
        """Give the address of the key set."""
        return f"{'https' if self.tls else 'http'}://{host}:{self.port}/jwks.json"


class _Handler(BaseHTTPRequestHandler):
    host: JwksHost

    def do_GET(self) -> None:
        self.host.asked.append(self.headers["Accept"])
        self.send_response(self.host.status)
        for name, value in self.host.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(self.host.body)))
        self.end_headers()
        if self.host.drips:
            with suppress(OSError):
                while not self.host.closing.wait(0.02):
                    self.wfile.write(b" ")
        else:
            self.wfile.write(self.host.body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def write_certificate(folder: Path, name: str = "localhost") -> None:
    """Write a certificate for this machine and its key, in PEM; valid for a day."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    names = [x509.DNSName(name), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "cert.pem").write_bytes(certificate.public_bytes(pem))
    (folder / "key.pem").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
