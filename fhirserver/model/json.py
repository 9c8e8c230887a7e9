"""JSON as FHIR needs it: decimals keep their digits, duplicate keys are refused.

Spec: https://hl7.org/fhir/R4/json.html

Numbers with a fraction or an exponent become `Decimal`, so `1.00` goes out as `1.00`; where a
Decimal would be written in another way, as `1e-7` would, it remembers how it was. Objects keep the
order of their keys. One module reads and writes JSON; nothing else imports a JSON library.

Duplicate keys cost nothing to look for in the usual body: a parsed body that is written again has
as many quotation marks as its source unless a key was dropped. Only where the counts differ, or
where the source escapes quotation marks as code points, is the source read again pair by pair.
"""

import json
import re
from decimal import Decimal
from typing import Any

import msgspec

from fhirserver.errors import MalformedBodyError, TooLargeError

JsonValue = Any
JsonObject = dict[str, Any]

MAX_DEPTH = 100

_PLAIN_LENGTH = 8
"""So many characters without an exponent are written by Decimal as they were read."""


class WrittenDecimal(Decimal):
    """A decimal that goes out as it came in, e.g. `1e-7` or `0.00000010`."""

    text: str

    def __str__(self) -> str:
        return self.text


def parse_decimal(text: str) -> Decimal:
    """Give the number of a JSON text; it is written again as it stands there.

    Raises:
        ArithmeticError: too large for any Decimal.
    """
    number = Decimal(text)
    if (len(text) <= _PLAIN_LENGTH and "e" not in text and "E" not in text) or str(number) == text:
        return number
    written = WrittenDecimal(number)
    written.text = text
    return written


def _encode_other(value: object) -> object:
    if isinstance(value, WrittenDecimal):
        return msgspec.Raw(str(value).encode())
    raise TypeError(f"{type(value).__name__} is not JSON")


_HALF_PAIR = re.compile(rb"(?<!\\)(?:\\\\)*(\\u[dD][89abAB][0-9a-fA-F]{2})(?!\\u[dD][c-fC-F])")
"""The first half of an escaped pair that no second half follows."""

_decoder = msgspec.json.Decoder(float_hook=parse_decimal)
_encoder = msgspec.json.Encoder(decimal_format="number", enc_hook=_encode_other)


def parse_json(raw: bytes) -> JsonValue:
    """Parse a JSON body.

    Args:
        raw: UTF-8, with or without a byte order mark.

    Returns:
        dict, list, str, int, bool, None, and Decimal for a number with a fraction or exponent.

    Raises:
        MalformedBodyError: not JSON (with line and column), not UTF-8, or a key stands twice.
        TooLargeError: nested deeper than `MAX_DEPTH`.
    """
    raw = raw.removeprefix(b"\xef\xbb\xbf")
    try:
        value = _decoder.decode(raw)
    except RecursionError:
        raise _too_deep() from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _malformed(raw, str(error)) from None
    except ArithmeticError:
        raise MalformedBodyError("A number is too large to keep; write it shorter.") from None
    # As many levels need as many brackets; most resources have fewer, in their texts too.
    if raw.count(b"{") + raw.count(b"[") > MAX_DEPTH and _depth_exceeds(value, MAX_DEPTH):
        raise _too_deep()
    if b"\\u0022" in raw or _quotes(raw) != _quotes(write_json(value)):
        _refuse_duplicate_keys(raw)
    return value


def write_json(value: JsonValue) -> bytes:
    """Write compact JSON in UTF-8; Decimals keep their digits."""
    return _encoder.encode(value)


def write_json_pretty(value: JsonValue) -> bytes:
    """Write JSON indented by two blanks, for people."""
    return msgspec.json.format(write_json(value), indent=2)


def copy_json(value: JsonValue) -> JsonValue:
    """Copy a JSON value deeply; leaves are immutable and shared."""
    if value.__class__ is dict:
        return {key: copy_json(item) for key, item in value.items()}
    if value.__class__ is list:
        return [copy_json(item) for item in value]
    return value


def _quotes(raw: bytes) -> int:
    return raw.count(b'"')


def _depth_exceeds(value: JsonValue, limit: int) -> bool:
    level = [value] if value.__class__ in (dict, list) else []
    for _ in range(limit + 1):
        level = [
            item
            for container in level
            for item in (container.values() if container.__class__ is dict else container)
            if item.__class__ is dict or item.__class__ is list
        ]
        if not level:
            return False
    return True


def _too_deep() -> TooLargeError:
    return TooLargeError(f"The body nests deeper than {MAX_DEPTH} levels; flatten it.")


def _malformed(raw: bytes, message: str) -> MalformedBodyError:
    """Name line and column; the parser's own words carry a byte offset at most."""
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line, column = _place(raw, error.start)
        return MalformedBodyError(
            f"The body is not UTF-8 at line {line}, column {column}; send it in UTF-8."
        )
    try:
        json.loads(raw)
    except json.JSONDecodeError as error:
        return MalformedBodyError(
            f"The body is not JSON at line {error.lineno}, column {error.colno}: {error.msg}."
        )
    except (RecursionError, ValueError):
        pass
    half = _HALF_PAIR.search(raw)
    if half is not None:
        line, column = _place(raw, half.start(1))
        return MalformedBodyError(
            f"The body is not JSON at line {line}, column {column}: half of a surrogate pair."
        )
    offset = re.search(r"byte (\d+)", message)
    if offset is None:
        return MalformedBodyError(f"The body is not JSON: {message}.")
    line, column = _place(raw, int(offset[1]))
    said = message.split(" (byte", 1)[0].removeprefix("JSON is malformed: ")
    return MalformedBodyError(f"The body is not JSON at line {line}, column {column}: {said}.")


def _place(raw: bytes, offset: int) -> tuple[int, int]:
    before = raw[:offset]
    return before.count(b"\n") + 1, offset - (before.rfind(b"\n") + 1) + 1


def _refuse_duplicate_keys(raw: bytes) -> None:
    def pairs(items: list[tuple[str, JsonValue]]) -> JsonObject:
        found: JsonObject = {}
        for key, value in items:
            if key in found:
                raise MalformedBodyError(
                    f"The key {key!r} stands twice in one JSON object; keep one of them."
                )
            found[key] = value
        return found

    json.loads(raw, object_pairs_hook=pairs)
