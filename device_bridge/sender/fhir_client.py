"""HTTP to the FHIR server, on one connection that is kept.

Spec: https://hl7.org/fhir/R4/http.html
"""

import http.client
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

from fhirserver_device_bridge.config.settings import Server
from fhirserver_device_bridge.fhir.json_text import decode
from fhirserver_device_bridge.sender.authorization import UnauthorizedError, authorization_of

FHIR_JSON = "application/fhir+json"
_FORM = "application/x-www-form-urlencoded"
_BODY_LIMIT_BYTES = 256 * 1024 * 1024


class UnreachableError(Exception):
    """The server gave no whole answer in time, or there is no token to ask it with."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server answered; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def resource(self) -> dict[str, Any]:
        """Give the resource in it, decimals with their digits; {} for anything else."""
        try:
            value = decode(self.body)
        except ValueError:
            return {}
        return value if isinstance(value, dict) else {}


class RefusedError(Exception):
    """The server did not answer a question.

    Attributes:
        answer: what it said instead.
    """

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


class FhirClient:
    """One connection to one server, for one thread."""

    def __init__(self, server: Server) -> None:
        self._authorization = authorization_of(server)
        self._takes_ids: frozenset[str] | None = None
        parts = urlsplit(server.base)
        self._path = parts.path
        if parts.scheme == "https":
            context = ssl.create_default_context(cafile=server.ca_file)
            self._connection: http.client.HTTPConnection = http.client.HTTPSConnection(
                parts.hostname or "", parts.port, timeout=server.timeout_s, context=context
            )
        else:
            self._connection = http.client.HTTPConnection(
                parts.hostname or "", parts.port, timeout=server.timeout_s
            )

    def close(self) -> None:
        """Close the connection; the next request opens another."""
        self._connection.close()

    def transaction(self, bundle: bytes) -> Answer:
        """Post a Bundle, once: whether it was done is not known where this raises.

        Raises:
            UnreachableError: no whole answer.
        """
        return self._once(
            "POST", "", bundle, {"Content-Type": FHIR_JSON, "Prefer": "return=minimal"}
        )

    def search(self, resource_type: str, parameters: Mapping[str, str | Sequence[str]]) -> Answer:
        """Search; parameters travel in the body, for they may name patients.

        Raises:
            UnreachableError: no whole answer, on a new connection either.
        """
        body = urlencode(parameters, doseq=True).encode("ascii")
        return self._safely("POST", f"/{resource_type}/_search", body, {"Content-Type": _FORM})

    def takes_ids(self, resource_type: str) -> bool:
        """Tell whether the server lets clients choose the ids of a type; asked once.

        Raises:
            RefusedError: it does not say what it does.
            UnreachableError: no answer.
        """
        if self._takes_ids is None:
            answer = self._safely("GET", "/metadata", b"", {})
            statement = answer.resource()
            if statement.get("resourceType") != "CapabilityStatement":
                raise RefusedError(answer)
            self._takes_ids = frozenset(
                each["type"]
                for rest in statement.get("rest", ())
                for each in rest.get("resource", ())
                if each.get("updateCreate")
            )
        return resource_type in self._takes_ids

    def _safely(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Ask what may be repeated: the server may have closed an idle connection."""
        kept = self._connection.sock is not None
        try:
            return self._once(method, path, body, headers)
        except UnreachableError:
            if not kept:
                raise
        return self._once(method, path, body, headers)

    def _once(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        try:
            headers = {"Accept": FHIR_JSON, **headers, **self._authorization.headers()}
            self._connection.request(method, f"{self._path}{path}" or "/", body, headers)
            response = self._connection.getresponse()
            content = response.read(_BODY_LIMIT_BYTES)
        except UnauthorizedError as error:
            raise UnreachableError(str(error)) from None
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise UnreachableError(f"no answer from the server: {_said(error)}") from None
        if response.status == 401:
            self._authorization.refused()
        received = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, received, content)


def _said(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or type(error).__name__
