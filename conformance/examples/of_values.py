"""What to store and what to ask, by type of parameter and datatype.

Spec: https://hl7.org/fhir/R4/search.html#table

Every example stores a value under "hit" and others beside it, and asks questions whose answers
follow from the standard. `NOTHING_TO_FIND` lists what a modifier cannot find in a datatype: there
the question is asked all the same, and nothing may come.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from fhirserver.definitions import r4
from fhirserver.definitions.elements import Element
from fhirserver_conformance.examples.minimal import codes
from fhirserver_conformance.examples.places import Place
from fhirserver_conformance.examples.values import BETWEEN, EARLIER, LATER, UCUM, Json

PREFIXES = ("eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap")
MODIFIERS = {
    "composite": (),
    "date": (),
    "number": (),
    "quantity": (),
    "reference": ("identifier", "text", "below", "above"),
    "special": (),
    "string": ("exact", "contains"),
    "token": ("not", "text", "of-type", "in", "not-in", "below", "above"),
    "uri": ("below", "above"),
}
"""What the server offers on each type of parameter besides `:missing` and `:[type]`."""

FLAVORS = "http://terminology.hl7.org/ValueSet/v3-NullFlavor"
FLAVOR = "http://terminology.hl7.org/CodeSystem/v3-NullFlavor"
"""A code system of R4's own, of several levels, and the value set of its codes."""

TEXTLESS = ("ContactPoint", "boolean", "code", "id", "string", "uri")
NOTHING_TO_FIND = {
    **{("text", datatype): "it has no text" for datatype in TEXTLESS},
    **{("of-type", datatype): "it has no type" for datatype in (*TEXTLESS, "Coding")},
    ("of-type", "CodeableConcept"): "it has no type",
    ("identifier", "canonical"): "it is a URL alone",
    ("identifier", "uri"): "it is a URL alone",
    ("text", "canonical"): "it is a URL alone",
    **{
        (modifier, datatype): "its values have no code system of which all is known"
        for modifier in ("in", "below", "above")
        for datatype in (*TEXTLESS, "Identifier")
    },
}
"""(modifier, datatype) with the reason why no value of it can be found."""

NOTHING_TO_LEAVE_OUT = {
    ("not-in", datatype): "its values are in no value set" for datatype in (*TEXTLESS, "Identifier")
}
"""(modifier, datatype) with the reason why every value of it is found."""

NOT_SEARCHED = {
    ("date", "Age"): "a date relative to the birth",
    ("date", "Range"): "a date relative to the birth",
    ("date", "string"): "a date in words",
    ("quantity", "SampledData"): "many quantities, none of which stands alone",
    ("reference", "Attachment"): "the choice that is no reference",
}
"""(type of parameter, datatype) that a parameter reaches and docs/search.md leaves out."""

CURRENCY = "urn:iso:std:iso:4217"
SYSTEM, ELSEWHERE = "http://claims.test/system", "http://claims.test/elsewhere"


@dataclass(frozen=True, slots=True)
class Ask:
    """One question.

    Attributes:
        claim: what it shows: "" for the plain parameter, a modifier, a prefix, "missing".
        value: of the query, not escaped for URLs.
        found: labels of the values that must come, `absent` of those that must not.
    """

    claim: str
    value: str
    found: tuple[str, ...]
    absent: tuple[str, ...]

    def query(self, code: str) -> tuple[str, str]:
        """Give name and value of the query's parameter."""
        if not self.claim or self.claim in PREFIXES:
            return code, self.value
        return f"{code}:{self.claim}", self.value


@dataclass(frozen=True, slots=True)
class Example:
    """Values by label, and what to ask of them."""

    values: dict[str, Json]
    asks: tuple[Ask, ...]


def example(kind: str, place: Place) -> Example | None:
    """Make the example of a place; None for a datatype that nothing is known of."""
    if kind == "token":
        return _token(place)
    maker = _MAKERS.get((kind, place.datatype))
    return None if maker is None else maker()


def _string(wrap: Callable[[str], Json]) -> Example:
    values = {"hit": wrap("Zephyrine"), "near": wrap("zephyrine"), "miss": wrap("Oblong")}
    return Example(
        values,
        (
            Ask("", "zephyr", ("hit", "near"), ("miss",)),
            Ask("", "phyrine", (), ("hit", "near", "miss")),
            Ask("exact", "Zephyrine", ("hit",), ("near", "miss")),
            Ask("contains", "PHYRINE", ("hit", "near"), ("miss",)),
        ),
    )


def _date(wrap: Callable[[str], Json]) -> Example:
    return Example(
        {"hit": wrap(LATER), "miss": wrap(EARLIER)}, tuple(_ordered(EARLIER, BETWEEN, LATER))
    )


def _number(wrap: Callable[[int], Json]) -> Example:
    return Example({"hit": wrap(50), "miss": wrap(2)}, tuple(_ordered("2", "10", "50")))


def _quantity(unit: str, wrap: Callable[[int, str], Json]) -> Example:
    system, other = (CURRENCY, "EUR") if unit == "USD" else (UCUM, "kg")
    both = ("hit", "miss")
    return Example(
        {"hit": wrap(50, unit), "miss": wrap(2, unit)},
        (
            *_ordered("2", "10", "50"),
            *_ordered(*(f"{number}|{system}|{unit}" for number in (2, 10, 50))),
            Ask("", f"50||{unit}", ("hit",), ("miss",)),
            Ask("", f"50||{other}", (), both),
            Ask("", f"50|{system}|{other}", (), both),
        ),
    )


def _ordered(low: str, middle: str, high: str) -> Iterator[Ask]:
    """Ask with every prefix where "hit" is the high value and "miss" the low one."""
    yield Ask("", high, ("hit",), ("miss",))
    for prefix in ("eq", "ap", "ge"):
        yield Ask(prefix, f"{prefix}{high}", ("hit",), ("miss",))
    for prefix in ("gt", "sa"):
        yield Ask(prefix, f"{prefix}{middle}", ("hit",), ("miss",))
    for prefix in ("lt", "eb"):
        yield Ask(prefix, f"{prefix}{middle}", ("miss",), ("hit",))
    yield Ask("ne", f"ne{high}", ("miss",), ("hit",))
    yield Ask("le", f"le{low}", ("miss",), ("hit",))


def _uri() -> Example:
    tree = "http://claims.test/tree"
    values = {"hit": f"{tree}/branch", "miss": "http://claims.test/shrub"}
    return Example(
        values,
        (
            Ask("", f"{tree}/branch", ("hit",), ("miss",)),
            Ask("", tree, (), ("hit", "miss")),
            Ask("below", f"{tree}/", ("hit",), ("miss",)),
            Ask("above", f"{tree}/branch/leaf", ("hit",), ("miss",)),
        ),
    )


def _token(place: Place) -> Example | None:
    makers: dict[str, Callable[[], Example]] = {
        "CodeableConcept": lambda: _coded(place, lambda coding: {"coding": [coding]}, "text"),
        "Coding": lambda: _coded(place, lambda coding: coding, "display"),
        "ContactPoint": lambda: _plain("claims-1", "claims-2", _contact),
        "Identifier": _identifier,
        "boolean": lambda: _plain("true", "false", lambda text: text == "true"),
        "code": lambda: _code(place.element),
        "id": lambda: _plain("claims-1", "claims-2"),
        "string": lambda: _plain(*_texts(place)),
        "uri": lambda: _plain("http://claims.test/1", "http://claims.test/2"),
    }
    maker = makers.get(place.datatype)
    return None if maker is None else maker()


def _texts(place: Place) -> tuple[str, str]:
    """Choose two texts; paths in a definition begin with its type."""
    return ("Some.one", "Some.two") if place.type == "StructureDefinition" else ("one", "two")


def _contact(text: str) -> Json:
    return {"system": "other", "value": text}


def _coded(place: Place, wrap: Callable[[Json], Json], text: str) -> Example:
    allowed = _required_codes(place)
    if allowed:
        (system, code), (other_system, other_code) = allowed[0], allowed[-1]
        beside = {}
    else:
        system, code, other_system, other_code = FLAVOR, "ASKU", FLAVOR, "OTH"
        beside = {"other": wrap({"system": ELSEWHERE, "code": "ASKU"})}
    hit = wrap({"system": system, "code": code})
    hit[text] = "Zephyrine"
    miss = wrap({"system": other_system, "code": other_code})
    miss[text] = "Oblong"
    values = {"hit": hit, "miss": miss, **beside}
    asks = [
        Ask("", code, ("hit", *beside), ("miss",)),
        Ask("", f"{system}|{code}", ("hit",), ("miss", *beside)),
        Ask("", f"|{code}", (), ("hit", "miss", *beside)),
        Ask("not", code, ("miss",), ("hit", *beside)),
        Ask("text", "zephyr", ("hit",), ("miss", *beside)),
        Ask("of-type", f"{system}|{code}|{code}", (), ("hit", "miss", *beside)),
    ]
    if beside:
        asks.append(Ask("", f"{system}|", ("hit", "miss"), ("other",)))
        asks += _members(FLAVORS, ("hit", "miss"), ("other",))
        asks += _subsumed(f"{FLAVOR}|UNK", f"{FLAVOR}|NAV")
    else:
        asks += _members(place.element.binding_url or "", ("hit", "miss"), ())
        asks += _members(FLAVORS, (), ("hit", "miss"))
        asks += _subsumed(f"{system}|{code}", f"{system}|{code}")
    return Example(values, tuple(asks))


def _members(value_set: str, inside: tuple[str, ...], outside: tuple[str, ...]) -> Iterator[Ask]:
    """Ask for codes of a value set, and of none of it."""
    yield Ask("in", value_set, inside, outside)
    yield Ask("not-in", value_set, outside, inside)


def _subsumed(above: str, below: str) -> Iterator[Ask]:
    """Ask for what stands below one code and above another, where "hit" does and "miss" not."""
    yield Ask("below", above, ("hit",), ("miss",))
    yield Ask("above", below, ("hit",), ("miss",))


def _not_coded(labels: tuple[str, ...]) -> Iterator[Ask]:
    """Ask by a code system that no value is of."""
    yield from _members(FLAVORS, (), labels)
    yield Ask("below", f"{FLAVOR}|UNK", (), labels)
    yield Ask("above", f"{FLAVOR}|NAV", (), labels)


def _required_codes(place: Place) -> list[tuple[str, str]]:
    """List (system, code) of a required binding, all of them."""
    if not place.steps or place.element.binding_strength != "required":
        return []
    found = r4().value_set(place.element.binding_url or "") or {}
    return [(system, code) for system in sorted(found) for code in sorted(found[system])]


def _identifier() -> Example:
    def made(system: str, value: str, kind: str, text: str) -> Json:
        coding = {"system": "http://claims.test/kinds", "code": kind}
        return {"system": system, "value": value, "type": {"coding": [coding], "text": text}}

    values = {
        "hit": made(SYSTEM, "one", "A", "Zephyrine"),
        "miss": made(SYSTEM, "two", "A", "Oblong"),
        "other": made(ELSEWHERE, "one", "B", "Oblong"),
    }
    return Example(
        values,
        (
            Ask("", "one", ("hit", "other"), ("miss",)),
            Ask("", f"{SYSTEM}|one", ("hit",), ("miss", "other")),
            Ask("", f"{SYSTEM}|", ("hit", "miss"), ("other",)),
            Ask("", "|one", (), ("hit", "miss", "other")),
            Ask("not", "one", ("miss",), ("hit", "other")),
            Ask("text", "zephyr", ("hit",), ("miss", "other")),
            Ask("of-type", "http://claims.test/kinds|A|one", ("hit",), ("miss", "other")),
            *_not_coded(tuple(values)),
        ),
    )


def _code(element: Element) -> Example:
    allowed = CODES.get(element.binding_url or "") or codes(element)
    found = _plain(allowed[0], allowed[-1])
    systems = r4().value_set(element.binding_url or "") or {}
    if element.binding_strength != "required" or len(systems) != 1:
        return found
    key = f"{next(iter(systems))}|{allowed[0]}"
    implied = [
        Ask("", key, ("hit",), ("miss",)),
        *_members(element.binding_url or "", tuple(found.values), ()),
        *_subsumed(key, key),
    ]
    return Example(found.values, (*found.asks, *implied))


CODES: dict[str, tuple[str, ...]] = {}
"""By required binding: codes that go with the rest of a minimal resource."""


def _plain(hit: str, miss: str, wrap: Callable[[str], Json] = lambda text: text) -> Example:
    both = ("hit", "miss")
    return Example(
        {"hit": wrap(hit), "miss": wrap(miss)},
        (
            Ask("", hit, ("hit",), ("miss",)),
            Ask("", f"{SYSTEM}|{hit}", (), both),
            Ask("not", hit, ("miss",), ("hit",)),
            Ask("text", hit, (), both),
            Ask("of-type", f"{SYSTEM}|{hit}|{hit}", (), both),
            *_not_coded(both),
        ),
    )


def _in_ucum(value: int, unit: str) -> Json:
    return {"value": value, "unit": unit, "system": UCUM, "code": unit}


def _range(value: int, unit: str) -> Json:
    end = _in_ucum(value, unit)
    return {"low": end, "high": end}


_MAKERS: dict[tuple[str, str], Callable[[], Example]] = {
    ("date", "Period"): lambda: _date(lambda day: {"start": day, "end": day}),
    ("date", "Timing"): lambda: _date(lambda day: {"event": [day]}),
    ("date", "date"): lambda: _date(lambda day: day),
    ("date", "dateTime"): lambda: _date(lambda day: day),
    ("date", "instant"): lambda: _date(lambda day: f"{day}T10:00:00Z"),
    ("number", "Range"): lambda: _number(lambda value: _range(value, "%")),
    ("number", "decimal"): lambda: _number(lambda value: value),
    ("number", "integer"): lambda: _number(lambda value: value),
    ("quantity", "Age"): lambda: _quantity("a", _in_ucum),
    ("quantity", "Duration"): lambda: _quantity("h", _in_ucum),
    ("quantity", "Money"): lambda: _quantity(
        "USD", lambda value, unit: {"value": value, "currency": unit}
    ),
    ("quantity", "Quantity"): lambda: _quantity("mg", _in_ucum),
    ("quantity", "Range"): lambda: _quantity("mg", _range),
    ("string", "Address"): lambda: _string(lambda text: {"city": text}),
    ("string", "HumanName"): lambda: _string(lambda text: {"family": text}),
    ("string", "markdown"): lambda: _string(lambda text: text),
    ("string", "string"): lambda: _string(lambda text: text),
    ("uri", "canonical"): _uri,
    ("uri", "uri"): _uri,
    ("uri", "url"): _uri,
}
