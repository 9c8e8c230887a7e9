"""What the sample app asks its server, over HTTP: JSON in answer to a GET or a form."""

from __future__ import annotations

import http.client
import json
from typing import Any
from urllib.parse import urlencode, urlsplit

TIMEOUT_S = 10
_FORM = "application/x-www-form-urlencoded"


class CallError(Exception):
    """Why there is no answer, in the server's words."""


def call(url: str, *, token: str = "", form: dict[str, str] | None = None) -> dict[str, Any]:
    """Ask once.

    Args:
        url: absolute.
        token: access token; "" for none.
        form: to post; None for a GET.

    Raises:
        CallError: no answer, or one that is no success.
    """
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.netloc, timeout=TIMEOUT_S)
    headers = {"Accept": "application/json" if form else "application/fhir+json"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    if form:
        headers["Content-Type"] = _FORM
    path = f"{parts.path}?{parts.query}" if parts.query else parts.path
    try:
        body = urlencode(form) if form else None
        connection.request("POST" if form else "GET", path, body, headers)
        answer = connection.getresponse()
        found: dict[str, Any] = json.loads(answer.read())
    except (OSError, http.client.HTTPException, ValueError):
        raise CallError("the server does not answer") from None
    finally:
        connection.close()
    if not 200 <= answer.status < 300:
        raise CallError(_reason(found, answer.status))
    return found


def _reason(found: dict[str, Any], status: int) -> str:
    if "error" in found:
        return str(found.get("error_description", found["error"]))
    issues = found.get("issue") or [{}]
    return str(issues[0].get("diagnostics", f"status {status}"))
