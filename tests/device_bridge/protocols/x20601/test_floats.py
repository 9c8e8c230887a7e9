"""DEV-12: FLOAT and SFLOAT keep the sender's precision; their five special values are no numbers.

The rows are those of https://hl7.org/fhir/uv/phd/FLOATS.html and of the recorded APDUs.
"""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhirserver_device_bridge.protocols.x20601.floats import (
    FLOAT,
    SFLOAT,
    Layout,
    Special,
    decode,
    encode,
)

NUMBERS = [
    (FLOAT, 0x00000002, "2"),
    (FLOAT, 0xFF000014, "2.0"),
    (FLOAT, 0xFE0000C8, "2.00"),
    (FLOAT, 0x01000002, "20"),
    (FLOAT, 0x02000002, "200"),
    (FLOAT, 0x000000C8, "200"),
    (FLOAT, 0x000004D2, "1234"),
    (FLOAT, 0x00FFFB2E, "-1234"),
    (FLOAT, 0xFF000270, "62.4"),
    (FLOAT, 0x0300069F, "1695000"),
    (FLOAT, 0xFE000000, "0.00"),
    (FLOAT, 0x007FFFFD, "8388605"),
    (FLOAT, 0x00800003, "-8388605"),
    (FLOAT, 0xFF7FFFFF, "838860.7"),
    (FLOAT, 0x80000001, "0." + "0" * 127 + "1"),
    (SFLOAT, 0x0002, "2"),
    (SFLOAT, 0xF014, "2.0"),
    (SFLOAT, 0xE0C8, "2.00"),
    (SFLOAT, 0x1002, "20"),
    (SFLOAT, 0x2002, "200"),
    (SFLOAT, 0x00C8, "200"),
    (SFLOAT, 0x04D2, "1234"),
    (SFLOAT, 0x0B2E, "-1234"),
    (SFLOAT, 0xF258, "60.0"),
    (SFLOAT, 0x07FD, "2045"),
    (SFLOAT, 0x0803, "-2045"),
    (SFLOAT, 0x8001, "0.00000001"),
    (SFLOAT, 0x7001, "10000000"),
]
SPECIALS = [
    (Special.NAN, 0x007FFFFF, 0x07FF, "not-a-number"),
    (Special.POSITIVE_INFINITY, 0x007FFFFE, 0x07FE, "positive-infinity"),
    (Special.NEGATIVE_INFINITY, 0x00800002, 0x0802, "negative-infinity"),
    (Special.NRES, 0x00800000, 0x0800, "error"),
    (Special.RESERVED, 0x00800001, 0x0801, "error"),
]


@pytest.mark.parametrize(
    ("layout", "raw", "text"), [pytest.param(*row, id=f"{row[1]:#x}") for row in NUMBERS]
)
def test_a_number_has_the_digits_that_were_sent(layout: Layout, raw: int, text: str) -> None:
    number = decode(raw, layout)
    assert isinstance(number, Decimal)
    assert format(number, "f") == text
    assert str(number.as_tuple()) == str(Decimal(text).as_tuple())


@pytest.mark.parametrize(
    ("special", "wide", "narrow", "reason"),
    [pytest.param(*row, id=row[0].name) for row in SPECIALS],
)
def test_a_special_value_is_no_number(
    special: Special, wide: int, narrow: int, reason: str
) -> None:
    assert decode(wide, FLOAT) is decode(narrow, SFLOAT) is special
    assert (encode(special, FLOAT), encode(special, SFLOAT)) == (wide, narrow)
    assert special.absent_reason == reason


@given(st.integers(0, 0xFFFF))
def test_every_sfloat_that_is_read_can_be_written(raw: int) -> None:
    assert decode_again(raw, SFLOAT) == str(decode(raw, SFLOAT))


@given(st.integers(0, 0xFFFFFFFF))
def test_every_float_that_is_read_can_be_written(raw: int) -> None:
    assert decode_again(raw, FLOAT) == str(decode(raw, FLOAT))


def decode_again(raw: int, layout: Layout) -> str:
    try:
        return str(decode(encode(decode(raw, layout), layout), layout))
    except ValueError:
        # Only mantissas that the standard leaves no room for: reserved ones beside an exponent.
        mantissa = raw & ((1 << layout.mantissa_bits) - 1)
        assert mantissa in {*layout.specials}
        return str(decode(raw, layout))


@pytest.mark.parametrize(
    ("text", "layout"),
    [
        pytest.param("2047", SFLOAT, id="a-reserved-mantissa"),
        pytest.param("123.45", SFLOAT, id="more-digits-than-an-sfloat-has"),
        pytest.param("1E-9", SFLOAT, id="a-smaller-exponent-than-it-has"),
        pytest.param("8388607", FLOAT, id="a-reserved-mantissa-of-a-float"),
    ],
)
def test_a_number_that_does_not_fit_is_refused_and_never_rounded(text: str, layout: Layout) -> None:
    with pytest.raises(ValueError, match="does not fit"):
        encode(Decimal(text), layout)
