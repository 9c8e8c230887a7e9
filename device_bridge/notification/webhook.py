"""One signed POST.

Spec: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md

    webhook-id           the same when a post is repeated
    webhook-timestamp    seconds since 1970
    webhook-signature    v1,BASE64 of HMAC-SHA256 over "id.timestamp.body"

The secret is what the file holds: `whsec_` and Base64, or any text of 24 bytes or more.
"""

import base64
import binascii
import hashlib
import hmac
import http.client
import ssl
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

from fhirserver_device_bridge.config.alarm_settings import Channel

_PREFIX = "whsec_"
_SHORTEST_BYTES = 24
_ANSWER_LIMIT_BYTES = 64 * 1024


class UndeliveredError(Exception):
    """The channel did not take it; the message says why, without what was sent.

    Attributes:
        refused: it answered that it does not want it (4xx), so that a repetition may not help.
    """

    def __init__(self, message: str, *, refused: bool = False) -> None:
        super().__init__(message)
        self.refused = refused


_LATER = frozenset({401, 403, 404, 408, 410, 425, 429})
"""Answers that blame the receiver, its address or the hour, not what was sent."""


def post(channel: Channel, webhook_id: str, body: bytes, now: datetime) -> None:
    """Post once.

    Raises:
        UndeliveredError: no answer of 2xx.
    """
    headers = {"Content-Type": "application/json", "User-Agent": "fhir-bridge"}
    headers |= signature(_secret(channel.secret_file), webhook_id, now, body)
    address = urlsplit(channel.webhook)
    target = address.path or "/"
    connection = _connection(channel)
    try:
        connection.request("POST", f"{target}?{address.query}".rstrip("?"), body, headers)
        answer = connection.getresponse()
        answer.read(_ANSWER_LIMIT_BYTES)
    except (OSError, http.client.HTTPException) as error:
        raise UndeliveredError(f"no answer: {type(error).__name__}") from None
    finally:
        connection.close()
    if not 200 <= answer.status < 300:
        refused = 400 <= answer.status < 500 and answer.status not in _LATER
        raise UndeliveredError(f"HTTP {answer.status}", refused=refused)


def signature(secret: bytes, webhook_id: str, now: datetime, body: bytes) -> dict[str, str]:
    """Give the headers that sign a post."""
    seconds = str(int(now.timestamp()))
    signed = b".".join((webhook_id.encode("ascii"), seconds.encode("ascii"), body))
    made = base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode("ascii")
    return {
        "webhook-id": webhook_id,
        "webhook-timestamp": seconds,
        "webhook-signature": f"v1,{made}",
    }


def _secret(file: Path) -> bytes:
    try:
        text = file.read_text("utf-8").strip()
        secret = text.encode("utf-8")
        if text.startswith(_PREFIX):
            secret = base64.b64decode(text.removeprefix(_PREFIX), validate=True)
    except (OSError, UnicodeDecodeError, binascii.Error) as error:
        raise UndeliveredError(f"secret_file cannot be used: {type(error).__name__}") from None
    if len(secret) < _SHORTEST_BYTES:
        raise UndeliveredError(f"secret_file holds less than {_SHORTEST_BYTES} bytes")
    return secret


def _connection(channel: Channel) -> http.client.HTTPConnection:
    address = urlsplit(channel.webhook)
    host, timeout_s = address.hostname or "", channel.timeout_s
    if address.scheme == "http":
        return http.client.HTTPConnection(host, address.port, timeout=timeout_s)
    try:
        context = ssl.create_default_context(cafile=channel.ca_file)
    except OSError as error:
        raise UndeliveredError(f"ca_file cannot be used: {type(error).__name__}") from None
    return http.client.HTTPSConnection(host, address.port, timeout=timeout_s, context=context)
