r"""Does a resource match a query? Parameters, modifiers, AND and OR, as R4 words them.

Spec: https://hl7.org/fhir/R4/search.html

A query is a list of (name with modifier, value). All parameters must hold; of the values that
commas separate, one. `\,` `\|` `\$` and `\\` stand for the characters themselves.
"""

from fractions import Fraction
from typing import Any

from tests.search.oracle import amounts, hierarchies, intervals, places, texts
from tests.search.oracle.elements import Typed, kind_of, values_of

NOW = "2024-06-01T12:00:00Z"
"""The instant at which queries are asked; `ap` depends on it."""
BASE = "http://here/fhir"
PREFIXES = ("eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap")


def matches(resource: dict[str, Any], type_name: str, query: list[tuple[str, str]]) -> bool:
    """Tell whether a search of a type for a query finds a resource."""
    return resource["resourceType"] == type_name and all(
        _parameter_matches(resource, type_name, name, value) for name, value in query
    )


def _parameter_matches(resource: dict[str, Any], type_name: str, name: str, value: str) -> bool:
    code, _, modifier = name.partition(":")
    stored = values_of(resource, type_name, code)
    if modifier == "missing":
        return (value == "true") == (not stored)
    kind = kind_of(type_name, code)
    alternatives = split(value, ",")
    if modifier in ("not", "not-in"):
        positive = modifier.removeprefix("not").removeprefix("-")
        return not any(any_matches(kind, stored, each, positive) for each in alternatives)
    return any(any_matches(kind, stored, each, modifier) for each in alternatives)


def any_matches(kind: str, stored: list[Typed], value: str, modifier: str) -> bool:
    """Tell whether one of the values of a kind of parameter fulfils one value of a query."""
    test = {
        "composite": _composite,
        "string": _string,
        "token": _token,
        "date": _date,
        "number": _number,
        "quantity": _quantity,
        "reference": _reference,
        "uri": _uri,
        "special": _near,
    }[kind]
    return any(test(each, value, modifier) for each in stored)


def split(text: str, separator: str) -> list[str]:
    """Split at a character that no backslash stands before; the parts keep their backslashes."""
    found, part, escaped = [], "", False
    for character in text:
        if character == separator and not escaped:
            found.append(part)
            part = ""
        else:
            part += character
        escaped = character == "\\" and not escaped
    return [*found, part]


def plain(text: str) -> str:
    """Take the backslashes away."""
    found, escaped = "", False
    for character in text:
        escaped = character == "\\" and not escaped
        found += "" if escaped else character
    return found


def _composite(stored: Typed, value: str, _modifier: str) -> bool:
    """All parts hold on the values of one element."""
    wanted = split(value, "$")
    return all(
        any_matches(kind, values, each, "")
        for (kind, values), each in zip(stored.value, wanted, strict=True)
    )


def _string(stored: Typed, value: str, modifier: str) -> bool:
    test = {"": texts.starts, "contains": texts.contains, "exact": texts.exactly}[modifier]
    return any(test(text, plain(value)) for text in texts.parts(stored.value, stored.datatype))


def _token(stored: Typed, value: str, modifier: str) -> bool:
    if modifier == "text":
        return any(texts.starts(text, plain(value)) for text in labels(stored))
    if modifier == "in":
        return any(pair in hierarchies.MEMBERS[plain(value)] for pair in tokens(stored))
    parts = [plain(part) for part in split(value, "|")]
    if modifier in ("below", "above"):
        reach = hierarchies.REACH[modifier, parts[1]]
        return any(system == parts[0] and code in reach for system, code in tokens(stored))
    if modifier == "of-type":
        return _is_of_type(stored.value, parts)
    return any(_token_is(system, code, parts) for system, code in tokens(stored))


def _token_is(system: str | None, code: str | None, parts: list[str]) -> bool:
    if len(parts) == 1:
        return code == parts[0]
    wanted_system, wanted_code = parts
    if not wanted_code:
        return system == wanted_system
    return code == wanted_code and (system or "") == wanted_system


def tokens(stored: Typed) -> list[tuple[str | None, str | None]]:
    """Give (system, code) pairs of a value, by the table of datatypes."""
    value = stored.value
    match stored.datatype:
        case "CodeableConcept":
            return [pair for each in value.get("coding", []) for pair in tokens(_coding(each))]
        case "Coding":
            return [(value.get("system"), value.get("code"))]
        case "Identifier":
            return [(value.get("system"), value.get("value"))]
        case "ContactPoint":
            return [(None, value.get("value"))]
        case "boolean":
            return [(None, "true" if value else "false")]
    return [(stored.system, value)]


def labels(stored: Typed) -> list[str]:
    """Give "CodeableConcept.text, Coding.display, or Identifier.type.text"."""
    value = stored.value
    match stored.datatype:
        case "CodeableConcept":
            displays = [each.get("display") for each in value.get("coding", [])]
            found = [value.get("text"), *displays]
        case "Coding":
            found = [value.get("display")]
        case "Identifier":
            found = [value.get("type", {}).get("text")]
        case _:
            found = []
    return [text for text in found if text]


def _coding(value: Any) -> Typed:
    return Typed(value, "Coding")


def _is_of_type(identifier: Any, parts: list[str]) -> bool:
    system, code, value = parts
    kinds = identifier.get("type", {}).get("coding", [])
    return identifier.get("value") == value and any(
        each.get("system") == system and each.get("code") == code for each in kinds
    )


def _prefixed(value: str, more: tuple[str, ...] = ()) -> tuple[str, str]:
    return (value[:2], value[2:]) if value[:2] in (*PREFIXES, *more) else ("eq", value)


def _date(stored: Typed, value: str, _modifier: str) -> bool:
    prefix, text = _prefixed(value, ("po", "co"))
    now: Fraction = intervals.range_of(NOW)[0]
    query = intervals.range_of(text)
    targets = intervals.ranges(stored.value, stored.datatype)
    return any(intervals.compare(prefix, query, target, now) for target in targets)


def _number(stored: Typed, value: str, _modifier: str) -> bool:
    prefix, text = _prefixed(value)
    spans = amounts.numbers(stored.value, stored.datatype)
    return any(amounts.compare(prefix, text, span) for span in spans)


def _quantity(stored: Typed, value: str, _modifier: str) -> bool:
    prefix, text = _prefixed(value)
    found = amounts.amounts(stored.value, stored.datatype)
    return any(amounts.compare_quantity(prefix, plain(text), each) for each in found)


def _near(stored: Typed, value: str, _modifier: str) -> bool:
    return places.is_near(stored.value, [plain(part) for part in split(value, "|")])


def _uri(stored: Typed, value: str, modifier: str) -> bool:
    """Compare a URI; a canonical is found with its version and without."""
    wanted = plain(value)
    found = {stored.value}
    if stored.datatype == "canonical":
        found.add(stored.value.split("|")[0])
    if wanted.startswith("urn:") or not modifier:
        return wanted in found
    if modifier == "below":
        return any(uri.startswith(wanted) for uri in found)
    return any(wanted.startswith(uri) for uri in found)


def _reference(stored: Typed, value: str, modifier: str) -> bool:
    if modifier == "identifier":
        identifier = stored.value.get("identifier")
        return identifier is not None and _token(Typed(identifier, "Identifier"), value, "")
    if modifier == "text":
        return texts.starts(stored.value.get("display", ""), plain(value))
    literal = stored.value if stored.datatype == "canonical" else stored.value.get("reference")
    if literal is None or literal.startswith("#"):
        return False
    parts = [plain(part) for part in split(value, "|")]
    target, wanted = _relative(literal), _relative(parts[0])
    if modifier in ("below", "above"):
        reach = hierarchies.ORGANIZATIONS[modifier, wanted.removeprefix("Organization/")]
        return any(_names(target, "Organization", each) for each in reach)
    if "/" not in wanted and ":" not in wanted:
        return _names(target, modifier, wanted)
    if ":" not in wanted:
        wanted_type, wanted_id = wanted.split("/")
        return modifier in ("", wanted_type) and _names(target, wanted_type, wanted_id)
    address, _, version = target.partition("|")
    return address == wanted and (len(parts) == 1 or version == parts[1])


def _relative(literal: str) -> str:
    """Take our own base off a reference."""
    return literal.removeprefix(f"{BASE}/")


def _names(target: str, type_name: str, wanted_id: str) -> bool:
    """Test a relative reference, maybe to one version, for a type ("" means any) and an id."""
    parts = target.split("/")
    return ":" not in target and parts[1] == wanted_id and (not type_name or parts[0] == type_name)
