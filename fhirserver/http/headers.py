"""Request headers that carry conditions and wishes, and the response headers of a version.

Spec: https://hl7.org/fhir/R4/http.html#versions, #cond-update, #cread and #return;
RFC 9110 section 13; RFC 7240; draft-ietf-httpapi-idempotency-key-header, RFC 8941 section 3.3.3

    If-Match             W/"3", "3", a list, or *       the versions an update or delete accepts
    If-None-Match        W/"3", "3", a list, or *       304 on read; * on PUT: only create
    If-Modified-Since    an HTTP date, ignored where it is none (RFC 9110 section 13.1.3)
    Prefer               return=minimal|representation|OperationOutcome, handling=strict|lenient,
                         respond-async
    Idempotency-Key      "a key", or the same without quotes

A tag that is well formed and no version number of ours is kept as version 0: it matches nothing.
"""

import re
import secrets
from collections.abc import Container
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Literal, NamedTuple, TypeVar

from fhirserver.errors import InvalidRequestError
from fhirserver.model.instant import to_us
from fhirserver.model.stored import ANY_VERSION

Return = Literal["minimal", "representation", "OperationOutcome"]
Handling = Literal["strict", "lenient"]
Choice = TypeVar("Choice", bound=str)

_ENTITY_TAG = re.compile(r'(?:W/)?"([\x21\x23-\x7e]*)"', re.ASCII)
_REQUEST_ID = re.compile(r"[A-Za-z0-9._~:@/+=\-]{1,128}", re.ASCII)
_IDEMPOTENCY_KEY = re.compile(
    r'"([ !\x23-\x5b\x5d-\x7e]{1,255})"|([!\x23-\x5b\x5d-\x7e]{1,255})', re.ASCII
)
_VERSION = re.compile(r"[1-9][0-9]{0,9}", re.ASCII)


class Tags(NamedTuple):
    """The entity tags of a condition; `any` stands for the asterisk."""

    any: bool
    versions: Container[int]

    def match(self, version: int) -> bool:
        """Whether a version satisfies the condition."""
        return version in self.versions


class Prefer(NamedTuple):
    """What the caller prefers; None, or False, where it did not say."""

    returns: Return | None
    handling: Handling | None
    respond_async: bool = False


NO_PREFERENCE = Prefer(None, None)


def parse_tags(name: str, value: str | None) -> Tags | None:
    """Read If-Match or If-None-Match.

    Args:
        name: of the header, for the error.
        value: of the header; None where absent.

    Raises:
        InvalidRequestError: neither an asterisk nor a list of entity tags.
    """
    if value is None:
        return None
    if value.strip() == "*":
        return Tags(any=True, versions=ANY_VERSION)
    versions = set()
    for part in value.split(","):
        match = _ENTITY_TAG.fullmatch(part.strip())
        if match is None:
            raise InvalidRequestError(
                f'{name} {value[:100]!r} is not an entity tag; write it as W/"1".',
                expression=(f"http.{name}",),
            )
        versions.add(int(match[1]) if _VERSION.fullmatch(match[1]) else 0)
    return Tags(any=False, versions=frozenset(versions))


def parse_http_date_us(value: str | None) -> int | None:
    """Read an HTTP date as epoch microseconds; None where absent or malformed."""
    if not value:
        return None
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return to_us(moment)


def parse_prefer(value: str | None) -> Prefer:
    """Read Prefer; preferences that FHIR does not define are ignored, as RFC 7240 says.

    Raises:
        InvalidRequestError: `return` or `handling` with a value that FHIR does not define.
    """
    if not value:
        return NO_PREFERENCE
    returns: Return | None = None
    handling: Handling | None = None
    respond_async = False
    for part in re.split("[,;]", value):
        name, _, given = (text.strip().strip('"') for text in part.partition("="))
        if name.lower() == "return":
            returns = _one_of("return", given, _RETURNS)
        elif name.lower() == "handling":
            handling = _one_of("handling", given, _HANDLINGS)
        elif name.lower() == "respond-async":
            respond_async = True
    return Prefer(returns, handling, respond_async)


def parse_idempotency_key(value: str | None) -> str | None:
    """Read Idempotency-Key; None where it is absent. Quotes around a key are no part of it.

    Raises:
        InvalidRequestError: not 1 to 255 characters of ASCII without quotes and backslashes.
    """
    if value is None:
        return None
    match = _IDEMPOTENCY_KEY.fullmatch(value.strip())
    if match is None:
        raise InvalidRequestError(
            f"Idempotency-Key {value[:100]!r} is not a key; send 1 to 255 characters of ASCII, "
            "without quotes and backslashes, such as a random UUID.",
            expression=("http.Idempotency-Key",),
        )
    return match[2] if match[1] is None else match[1]


def request_id(given: str | None) -> str:
    """Keep the caller's X-Request-Id where it is harmless; make one otherwise."""
    if given and _REQUEST_ID.fullmatch(given):
        return given
    return secrets.token_hex(12)


_RETURNS: dict[str, Return] = {
    "minimal": "minimal",
    "representation": "representation",
    "operationoutcome": "OperationOutcome",
}
_HANDLINGS: dict[str, Handling] = {"strict": "strict", "lenient": "lenient"}


def _one_of(name: str, given: str, choices: dict[str, Choice]) -> Choice:
    choice = choices.get(given.lower())
    if choice is None:
        known = ", ".join(choices.values())
        raise InvalidRequestError(
            f"Prefer {name}={given[:100]!r} does not exist; use one of {known}.",
            expression=("http.Prefer",),
        )
    return choice
