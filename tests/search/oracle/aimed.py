"""Queries aimed at a resource: made of its own values, so that many of them find something."""

from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from tests.search.oracle import amounts, hierarchies, pools, texts
from tests.search.oracle.elements import Typed, codes_of, kind_of, values_of
from tests.search.oracle.matcher import BASE, PREFIXES, labels, tokens
from tests.search.oracle.queries import Pair, escape

Criterion = tuple[str, str]
"""Modifier, "" for none, and value."""


@st.composite
def aimed_at(draw: st.DrawFn, type_name: str, resource: dict[str, Any]) -> Pair | None:
    """Draw a parameter with a value that the resource has, or nearly has."""
    codes = [code for code in codes_of(type_name) if values_of(resource, type_name, code)]
    codes = [code for code in codes if code != "_id"]
    if not codes:
        return None
    code = draw(st.sampled_from(codes))
    stored = draw(st.sampled_from(values_of(resource, type_name, code)))
    if kind_of(type_name, code) == "composite":
        stored = draw(_mixed(values_of(resource, type_name, code)))
    criterion = draw(_AIMED[kind_of(type_name, code)](stored))
    if criterion is None:
        return None
    modifier, value = criterion
    return (f"{code}:{modifier}" if modifier else code), value


@st.composite
def _string(draw: st.DrawFn, stored: Typed) -> Criterion | None:
    found = texts.parts(stored.value, stored.datatype)
    if not found:
        return None
    text = draw(st.sampled_from(found))[:300]
    start = draw(st.integers(0, len(text) - 1))
    piece = text[start : draw(st.integers(start + 1, len(text)))]
    beginning = text[: draw(st.integers(1, len(text)))]
    modifier, value = draw(
        st.sampled_from(
            [("", beginning), ("", beginning.upper()), ("contains", piece), ("exact", text),
             ("exact", beginning)]
        )
    )  # fmt: skip
    return (modifier, escape(value)) if value.strip() else None


_TREE_CODES = {(hierarchies.TREE, code) for _, code in hierarchies.REACH}


def _token(stored: Typed) -> SearchStrategy[Criterion | None]:
    return _one(list(_token_forms(stored)))


def _token_forms(stored: Typed) -> Iterator[Criterion]:
    for system, code in tokens(stored):
        key = escape(code or "")
        forms = [key, f"|{key}", f"{system or ''}|{key}", f"{system or ''}|", f"http://no|{key}"]
        if (system, code) in _TREE_CODES:
            yield from ((modifier, f"{system}|{key}") for modifier in ("below", "above"))
        for url, members in hierarchies.MEMBERS.items():
            if (system, code) in members:
                yield from (("in", url), ("not-in", url))
        for form in forms:
            if form not in ("", "|", "http://no|"):
                yield "", form
                yield "not", form
    for label in labels(stored):
        yield "text", escape(label)
        yield "text", escape(label[:4].upper())
    if stored.datatype == "Identifier" and "value" in stored.value:
        for each in stored.value.get("type", {}).get("coding", []):
            yield "of-type", f"{each['system']}|{each['code']}|{escape(stored.value['value'])}"


def _date(stored: Typed) -> SearchStrategy[Criterion | None]:
    days = [day[:length] for day in _texts_in(stored.value) for length in (4, 7, 10, len(day))]
    near = [*days, *days, *pools.DAYS, *pools.MINUTES]
    return _prefixed(near)


def _number(stored: Typed) -> SearchStrategy[Criterion | None]:
    return _prefixed([str(each) for each in _numbers_in(stored.value)])


def _quantity(stored: Typed) -> SearchStrategy[Criterion | None]:
    ends = [stored.value, *(stored.value.get(end, {}) for end in ("low", "high"))]
    forms: list[str] = []
    for end in ends:
        if "value" in end:
            system, code = end.get("system", ""), end.get("code", "")
            number = str(end["value"])
            forms += [number, f"{number}|{system}|{code}", f"{number}||{end.get('unit', code)}"]
            forms += [f"{other}|{system}|{unit}" for other, unit in _converted(end)]
            forms += [f"{near}|{system}|{code}" for near in pools.SEARCHED_NUMBERS]
    return _prefixed(forms)


def _reference(stored: Typed) -> SearchStrategy[Criterion | None]:
    return _one(list(_reference_forms(stored)))


def _reference_forms(stored: Typed) -> Iterator[Criterion]:
    if stored.datatype == "canonical":
        yield "", stored.value
        yield "", stored.value.split("|")[0]
        return
    literal = stored.value.get("reference", "")
    relative = literal.removeprefix(f"{BASE}/").partition("/_history")[0]
    if ":" in relative:
        yield "", relative
    elif relative:
        kind, identity = relative.split("/")
        yield from (("", each) for each in (relative, f"{BASE}/{relative}", identity))
        if kind == "Patient":
            yield kind, identity
        if kind == "Organization":
            yield from ((modifier, relative) for modifier in ("below", "above"))
    if stored.value.get("display"):
        yield "text", escape(stored.value["display"][:4])
    if "identifier" in stored.value:
        for modifier, form in _token_forms(Typed(stored.value["identifier"], "Identifier")):
            if modifier == "":
                yield "identifier", form


def _uri(stored: Typed) -> SearchStrategy[Criterion | None]:
    uri = stored.value
    forms = [("", escape(uri)), ("", escape(uri.split("|")[0]))]
    forms += [("below", escape(uri[:length])) for length in range(1, len(uri) + 1, 4)]
    forms += [("above", escape(uri + more)) for more in ("", "/x", "x")]
    return _one(forms)


def _near(stored: Typed) -> SearchStrategy[Criterion | None]:
    place = f"{stored.value['latitude']}|{stored.value['longitude']}"
    return _one([("", place + distance) for distance in pools.DISTANCES])


@st.composite
def _mixed(draw: st.DrawFn, stored: list[Typed]) -> Typed:
    """Draw the parts of one element, or each of any."""
    whole = draw(st.sampled_from(stored))
    parts = [
        draw(st.sampled_from(each)) for each in zip(*(one.value for one in stored), strict=True)
    ]
    return draw(st.sampled_from([whole, Typed(parts, "parts")]))


@st.composite
def _composite(draw: st.DrawFn, stored: Typed) -> Criterion | None:
    parts = []
    for kind, values in stored.value:
        criterion = draw(_AIMED[kind](draw(st.sampled_from(values))))
        if criterion is None or criterion[0]:
            return None
        parts.append(criterion[1])
    return "", "$".join(parts)


_AIMED = {
    "composite": _composite,
    "string": _string,
    "token": _token,
    "date": _date,
    "number": _number,
    "quantity": _quantity,
    "reference": _reference,
    "uri": _uri,
    "special": _near,
}


def _one(criteria: list[Criterion]) -> SearchStrategy[Criterion | None]:
    """Draw a modifier first, so that those with few forms are drawn as often as others."""
    forms: dict[str, list[Criterion]] = {}
    for each in criteria:
        forms.setdefault(each[0], []).append(each)
    if not forms:
        return st.none()
    return st.sampled_from(list(forms.values())).flatmap(st.sampled_from)


def _prefixed(values: list[str]) -> SearchStrategy[Criterion | None]:
    if not values:
        return st.none()
    return st.builds(
        lambda prefix, value: ("", prefix + value),
        st.sampled_from(["", *PREFIXES]),
        st.sampled_from(values),
    )


def _texts_in(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    items = value.values() if isinstance(value, dict) else value
    return [text for item in items for text in _texts_in(item)]


def _numbers_in(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [end["value"] for end in value.values() if "value" in end]
    return [value]


def _converted(quantity: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Give a quantity in other units of its kind, where a decimal can say it."""
    kind, factor, offset = amounts.UNITS.get(
        quantity.get("code", ""), ("", Fraction(0), Fraction(0))
    )
    for unit, (other_kind, other_factor, other_offset) in amounts.UNITS.items():
        if kind == other_kind:
            number = (Fraction(quantity["value"]) * factor + offset - other_offset) / other_factor
            text = format(Decimal(number.numerator) / Decimal(number.denominator), "f")
            if Fraction(text) == number:
                yield text, unit
