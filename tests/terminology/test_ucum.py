"""UCUM: codes, canonical form, conversion.

Spec: https://ucum.org/ucum
"""

import re
from decimal import Decimal
from importlib.util import find_spec
from pathlib import Path

import pytest
from fhirserver_terminology.ucum import (
    UcumError,
    canonical,
    commensurable,
    convert,
    explain,
    falls,
    validate,
)
from fhirserver_terminology.ucum_compile import compile_table
from fhirserver_terminology.ucum_table import ucum_table
from hypothesis import given
from hypothesis import strategies as st


def vendor_file(name: str) -> Path:
    """A file of the UCUM organization, as the package ucumvert carries it; never imported."""
    spec = find_spec("ucumvert")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("ucumvert, which carries UCUM's own files, is not installed")
    return Path(spec.submodule_search_locations[0]) / "vendor" / name


@pytest.mark.parametrize(
    ("value", "code", "expected"),
    [
        pytest.param("120", "mm[Hg]", ("15998640", "g.m-1.s-2"), id="pressure"),
        pytest.param("16", "kPa", ("16000000", "g.m-1.s-2"), id="pressure-si"),
        pytest.param("98.6", "[degF]", ("310.15", "K"), id="special/fahrenheit"),
        pytest.param("37.0", "Cel", ("310.15", "K"), id="special/celsius"),
        pytest.param("8", "[degRe]", ("283.15", "K"), id="special/reaumur"),
        pytest.param("3", "10.Cel", ("303.15", "K"), id="special/with-number"),
        pytest.param("30", "dB", ("1000", "1"), id="special/prefix-scales-the-argument"),
        pytest.param("7", "[pH]", ("60221407600000000000", "m-3"), id="special/pH"),
        pytest.param("3", "[hp'_X]", ("0.001", "1"), id="special/homeopathic"),
        pytest.param("4", "bit_s", ("16", "1"), id="special/bits"),
        pytest.param("3", "[m/s2/Hz^(1/2)]", ("9", "m2.s-3"), id="special/square-root"),
        pytest.param("5.5", "mmol/L", ("3312177418000000000000000", "m-3"), id="mol-is-a-number"),
        pytest.param("7", "10*3/uL", ("7000000000000", "m-3"), id="power-of-ten"),
        pytest.param("7", "10^3/uL", ("7000000000000", "m-3"), id="power-of-ten/caret"),
        pytest.param("1", "10*-6.m", ("0.000001", "m"), id="power-of-ten/negative"),
        pytest.param("100", "mg/dL", ("1000", "g.m-3"), id="concentration"),
        pytest.param("132", "[lb_av]", ("59874.19284", "g"), id="pound-exact"),
        pytest.param("1", "[in_i]", ("0.0254", "m"), id="inch-exact"),
        pytest.param("2", "kg/m2", ("2000", "g.m-2"), id="body-mass-index"),
        pytest.param("1", "[iU]/L", ("1000", "[iU].m-3"), id="arbitrary"),
        pytest.param("1", "[IU]/L", ("1000", "[iU].m-3"), id="arbitrary/alias"),
        pytest.param("1", "{score}", ("1", "1"), id="annotation-alone"),
        pytest.param("60", "/min", ("1", "s-1"), id="leading-slash"),
        pytest.param("3600", "/min/{1.73_m2}", ("60", "s-1"), id="annotation-in-denominator"),
        pytest.param("5", "%", ("0.05", "1"), id="percent"),
        pytest.param("1", "m/s/s", ("1", "m.s-2"), id="left-to-right"),
        pytest.param("1", "m/s.s", ("1", "m"), id="left-to-right/product-after-quotient"),
        pytest.param("1", "m/(s.s)", ("1", "m.s-2"), id="parentheses"),
        pytest.param("47.52", "g/(24.h.s)", ("0.00055", "g.s-2"), id="factor-in-parentheses"),
        pytest.param("1", "cd", ("1", "cd"), id="code-before-prefix/candela"),
        pytest.param("1", "min", ("60", "s"), id="code-before-prefix/minute"),
        pytest.param("1", "dam", ("10", "m"), id="prefix-of-two-letters"),
        pytest.param("1", "Mibit", ("1048576", "1"), id="binary-prefix"),
        pytest.param("1", "PA", ("1E15", "C.s-1"), id="case-sensitive/petaampere"),
    ],
)
def test_canonical(value: str, code: str, expected: tuple[str, str]) -> None:
    """A quantity in canonical units, exactly."""
    result = canonical(Decimal(value), code)
    assert result is not None
    assert result == (Decimal(expected[0]), expected[1])


def test_equal_quantities_have_equal_canonical_values() -> None:
    """Two spellings of one amount agree to the last digit, also where it does not end."""
    pairs = [
        ("1", "/min", "60", "/h"),
        ("1", "[lb_av]", "16", "[oz_av]"),
        ("5", "mmol/L", "5000", "umol/L"),
        ("1", "mg/dL", "0.01", "g/L"),
        ("98.6", "[degF]", "37", "Cel"),
        ("1", "mL/min", "60", "mL/h"),
    ]
    for value, code, other_value, other_code in pairs:
        one = canonical(Decimal(value), code)
        other = canonical(Decimal(other_value), other_code)
        assert one == other, (code, other_code)


@pytest.mark.parametrize(
    "code",
    [
        pytest.param("", id="empty"),
        pytest.param("foo", id="unknown"),
        pytest.param("MG/DL", id="upper-case"),
        pytest.param("mmHg", id="brackets-missing"),
        pytest.param("mg dL", id="blank"),
        pytest.param("mg/", id="operator-last"),
        pytest.param(".mg", id="dot-first"),
        pytest.param("m..s", id="two-operators"),
        pytest.param("(m", id="parenthesis-open"),
        pytest.param("m)", id="parenthesis-closed"),
        pytest.param("()", id="parentheses-empty"),
        pytest.param("(m)2", id="exponent-after-parenthesis"),
        pytest.param("m{a", id="annotation-open"),
        pytest.param("m{a{b}}", id="annotation-nested"),
        pytest.param("m{ä}", id="annotation-not-ascii"),
        pytest.param("m{a b}", id="annotation-blank"),
        pytest.param("{a}m", id="unit-after-annotation"),
        pytest.param("µg", id="micro-sign"),
        pytest.param("0.m", id="zero"),
        pytest.param("1,5", id="fraction"),
        pytest.param("kCels", id="unit-of-rubbish"),
        pytest.param("k[in_i]", id="prefix-on-non-metric"),
        pytest.param("kmin", id="prefix-on-minute"),
        pytest.param("mkg", id="two-prefixes"),
        pytest.param("m+", id="exponent-without-digits"),
        pytest.param("m1000", id="exponent-too-large"),
        pytest.param("/".join(["Ym99"] * 40), id="factor-too-large"),
        pytest.param("(" * 30 + "m" + ")" * 30, id="nested-too-deep"),
        pytest.param("m" + ".m" * 200, id="too-long"),
        pytest.param("m\x00", id="control-character"),
        pytest.param("m٣", id="digit-not-ascii"),
    ],
)
def test_refused(code: str) -> None:
    """What is not UCUM is refused, and the reason is given."""
    assert not validate(code)
    assert explain(code)
    assert canonical(Decimal(1), code) is None
    with pytest.raises(UcumError):
        convert(Decimal(1), code, "m")


@pytest.mark.parametrize(
    ("value", "source", "target", "expected"),
    [
        pytest.param("98.6", "[degF]", "Cel", "37", id="fahrenheit-celsius"),
        pytest.param("37", "Cel", "[degF]", "98.6", id="celsius-fahrenheit"),
        pytest.param("-40", "Cel", "[degF]", "-40", id="celsius-fahrenheit/below-zero"),
        pytest.param("300", "K", "Cel", "26.85", id="kelvin-celsius"),
        pytest.param("0.0000001", "mol/L", "[pH]", "7", id="to-pH"),
        pytest.param("1000", "1", "dB", "30", id="to-decibel"),
        pytest.param("70", "[in_i]", "cm", "177.8", id="inch-centimetre"),
        pytest.param("1", "[lb_av]", "kg", "0.45359237", id="pound-kilogram"),
        pytest.param("5.5", "mmol/L", "umol/L", "5500", id="mol-cancels"),
        pytest.param("100", "%[slope]", "deg", "45", id="slope-angle"),
        pytest.param("1", "a", "d", "365.25", id="julian-year"),
        pytest.param("90", "min", "h", "1.5", id="minute-hour"),
    ],
)
def test_convert(value: str, source: str, target: str, expected: str) -> None:
    """A value in another unit; exact but for tangents."""
    result = convert(Decimal(value), source, target)
    assert abs(result - Decimal(expected)) < Decimal("1E-12")
    if "slope" not in source:
        assert result == Decimal(expected)


@pytest.mark.parametrize(
    ("value", "source", "target"),
    [
        pytest.param("1", "kg", "m", id="mass-length"),
        pytest.param("1", "[iU]", "U", id="arbitrary-units-relate-to-nothing"),
        pytest.param("1", "[arb'U]", "1", id="arbitrary-is-not-a-number"),
        pytest.param("1", "Cel/min", "K/min", id="special-unit-among-others"),
        pytest.param("0", "1", "B", id="logarithm-of-nothing"),
        pytest.param("1E+9", "B", "1", id="beyond-the-range"),
    ],
)
def test_convert_refuses(value: str, source: str, target: str) -> None:
    """No number is given where there is none."""
    with pytest.raises(UcumError):
        convert(Decimal(value), source, target)


def test_special_unit_among_others_is_valid_and_has_no_canonical_form() -> None:
    """`Cel/min` is UCUM, but an offset cannot be taken a minute."""
    for code in ("Cel/min", "m.Cel", "Cel2", "/Cel", "B.B"):
        assert validate(code)
        assert canonical(Decimal(1), code) is None
        assert not commensurable(code, code)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        pytest.param("[pH]", True, id="pH"),
        pytest.param("[hp'_C]", True, id="homeopathic"),
        pytest.param("Cel", False, id="offset"),
        pytest.param("dB", False, id="logarithm"),
        pytest.param("mol/L", False, id="ratio"),
        pytest.param("nothing", False, id="not-UCUM"),
    ],
)
def test_falling_scales(code: str, expected: bool) -> None:
    assert falls(code) is expected


def test_out_of_range_is_no_wrong_number() -> None:
    """What overflows or underflows has no canonical form."""
    assert canonical(Decimal("1E+990"), "Ym") is None
    assert canonical(Decimal("1E-1040"), "ym") is None
    assert canonical(Decimal("1E+5"), "[pH]") is None


def test_official_examples() -> None:
    """At least 99 % of UCUM's table of example codes is accepted; what is not is named."""
    lines = vendor_file("ucum_examples.tsv").read_text(encoding="utf-8").splitlines()
    codes = [line.split("\t")[1] for line in lines if re.match(r"\d", line)]
    refused = [code for code in codes if not validate(code)]
    assert len(codes) > 800
    assert refused == ["Torr"], "the table of units itself has no Torr"


def test_every_unit_of_the_table() -> None:
    """Every unit, and every metric unit with a prefix, parses and has a canonical form."""
    for code, atom in ucum_table().units.items():
        assert canonical(Decimal(1), code) is not None, code
        if atom.metric:
            assert canonical(Decimal(1), "m" + code) is not None, code
            assert validate("da" + code), code


def test_table_is_compiled_from_its_source() -> None:
    """The committed table is what the compiler makes of UCUM's file."""
    essence = vendor_file("ucum-essence.xml").read_bytes()
    committed = Path(__file__).parents[2] / "terminology" / "ucum.json.gz"
    assert compile_table(essence) == committed.read_bytes()


@given(st.text(max_size=40))
def test_any_text_is_answered(code: str) -> None:
    """No text makes the parser fail other than by refusing it."""
    assert validate(code) == (explain(code) is None)


_CODES = st.sampled_from(["m", "km", "[in_i]", "g", "mg", "h", "min", "mm[Hg]", "mmol", "[lb_av]"])


@given(_CODES, _CODES, st.decimals("-1E9", "1E9", places=6, allow_nan=False))
def test_there_and_back(one: str, other: str, value: Decimal) -> None:
    """Converting there and back gives the value, and agrees with the canonical form."""
    if not commensurable(one, other):
        return
    there = convert(value, one, other)
    assert abs(convert(there, other, one) - value) < Decimal("1E-30")
    a, b = canonical(value, one), canonical(there, other)
    assert a is not None
    assert b is not None
    assert a[1] == b[1]
    assert abs(a[0] - b[0]) < Decimal("1E-20")
