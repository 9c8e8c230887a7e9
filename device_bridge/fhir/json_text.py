"""JSON of FHIR: decimals keep their digits on the way out and on the way in."""

from decimal import Decimal
from typing import Any

import msgspec

JsonObject = dict[str, Any]

_encoder = msgspec.json.Encoder(decimal_format="number")
_decoder = msgspec.json.Decoder(float_hook=Decimal)


def encode(value: JsonObject) -> bytes:
    """Write a resource; a Decimal becomes a number with the digits it has."""
    return _encoder.encode(value)


def decode(text: bytes) -> Any:
    """Read JSON; numbers with a point or an exponent become Decimal.

    Raises:
        ValueError: it is no JSON.
    """
    return _decoder.decode(text)
