"""Primitive values: JSON kind, syntax and range.

Spec: https://hl7.org/fhir/R4/datatypes.html#primitive and https://hl7.org/fhir/R4/json.html#primitive

A checker takes a JSON value and gives None, or (issue code, what is wrong). Usual values leave by
the first lines: most texts are printable, and such a text has neither control characters nor any
blank but the space.

    decimal    a JSON number between 1E-100 and 1E+100 of at most 100 digits, kept digit for digit
    string     not blank, at most 1,048,576 characters, no control characters but tab, CR and LF
    code       no blank at either end, single ones inside       uri, url, canonical   no blank
    base64Binary   four characters a group, padded; blanks between groups are allowed
"""

import binascii
import re
from collections.abc import Callable
from decimal import Decimal

from fhirserver.model.json import JsonValue
from fhirserver.model.reference import is_id
from fhirserver.validation.dates import check_date, check_date_time, check_instant, check_time
from fhirserver.validation.findings import Problem, quoted, wrong_kind

Checker = Callable[[JsonValue], Problem | None]

MAX_STRING_LENGTH = 1_048_576
_MAX_DECIMAL_DIGITS = 100
_MAX_DECIMAL_EXPONENT = 100
_SHORT_DECIMAL = 24
_INTEGER_MAX = 2_147_483_647

_NOT_TEXT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_UUID = re.compile(r"urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_OID = re.compile(r"urn:oid:[0-2](\.(0|[1-9][0-9]*))+", re.ASCII)


def check_boolean(value: JsonValue) -> Problem | None:
    """Check a boolean: true or false, not their names."""
    if value.__class__ is bool:
        return None
    return wrong_kind(value, "a JSON boolean (true or false without quotation marks)")


def _integer(type_name: str, lowest: int) -> Checker:
    def check(value: JsonValue) -> Problem | None:
        if value.__class__ is not int:
            return wrong_kind(value, f"a JSON integer ({type_name})")
        if lowest <= value <= _INTEGER_MAX:
            return None
        return "value", f"{quoted(value)} is not between {lowest} and {_INTEGER_MAX} ({type_name})."

    return check


def check_decimal(value: JsonValue) -> Problem | None:
    """Check a decimal: a JSON number that the database can keep digit for digit."""
    if isinstance(value, Decimal):
        number = value
    elif value.__class__ is int:
        number = Decimal(value)
    else:
        return wrong_kind(value, "a JSON number (decimal)")
    if len(str(number)) <= _SHORT_DECIMAL and abs(number.adjusted()) <= _MAX_DECIMAL_EXPONENT:
        return None
    if abs(number.adjusted()) > _MAX_DECIMAL_EXPONENT:
        return "value", f"{quoted(value)} is beyond 1E-100 to 1E+100 (decimal)."
    if len(number.as_tuple().digits) > _MAX_DECIMAL_DIGITS:
        return "value", f"{quoted(value)} has more than {_MAX_DECIMAL_DIGITS} digits (decimal)."
    return None


def check_string(value: JsonValue) -> Problem | None:
    """Check a string or markdown."""
    if value.__class__ is not str:
        return wrong_kind(value, "a string")
    if value.isprintable() and value and value[0] != " " and len(value) <= MAX_STRING_LENGTH:
        return None
    if not value or value.isspace():
        return "value", "A string must not be empty or blank; leave the element out."
    if len(value) > MAX_STRING_LENGTH:
        return "too-long", f"A string has at most {MAX_STRING_LENGTH} characters."
    return _control_character(value)


def _control_character(text: str) -> Problem | None:
    found = _NOT_TEXT.search(text)
    if found is None:
        return None
    return "value", (
        f"The character U+{ord(found[0]):04X} at position {found.start()} is not allowed in text;"
        " remove it."
    )


def check_code(value: JsonValue) -> Problem | None:
    """Check a code: visible characters, single spaces inside."""
    if value.__class__ is not str:
        return wrong_kind(value, "a string (code)")
    if value.isprintable() and value and " " not in value:
        return None
    if not value:
        return "value", "A code must not be empty; leave the element out."
    parts = re.split(r"\s", value)
    if not all(parts):
        return "value", f"{quoted(value)} has a blank at an end or two together; remove it (code)."
    return _control_character(value)


def _uri(type_name: str) -> Checker:
    def check(value: JsonValue) -> Problem | None:
        if value.__class__ is not str:
            return wrong_kind(value, f"a string ({type_name})")
        if value.isprintable() and value and " " not in value:
            return None
        if not value:
            return "value", f"A {type_name} must not be empty; leave the element out."
        if any(character.isspace() for character in value):
            return "value", f"{quoted(value)} has a blank; write it as %20 ({type_name})."
        return _control_character(value)

    return check


def check_id(value: JsonValue) -> Problem | None:
    """Check a logical id."""
    if value.__class__ is str and is_id(value):
        return None
    if value.__class__ is not str:
        return wrong_kind(value, "a string (id)")
    return "value", f"{quoted(value)} is not an id: 1 to 64 of A-Z, a-z, 0-9, hyphen and dot."


def check_element_id(value: JsonValue) -> Problem | None:
    """Check Element.id: a string without blanks."""
    if value.__class__ is str and value.isprintable() and value and " " not in value:
        return None
    problem = check_string(value)
    if problem is None and any(character.isspace() for character in value):
        return "value", f"{quoted(value)} has a blank; an element's id has none."
    return problem


def check_oid(value: JsonValue) -> Problem | None:
    """Check an oid: urn:oid: and numbers."""
    if value.__class__ is not str:
        return wrong_kind(value, "a string (oid)")
    if _OID.fullmatch(value):
        return None
    return "value", f"{quoted(value)} is not an oid such as urn:oid:1.2.3."


def check_uuid(value: JsonValue) -> Problem | None:
    """Check a uuid: urn:uuid: and lower-case digits."""
    if value.__class__ is not str:
        return wrong_kind(value, "a string (uuid)")
    if _UUID.fullmatch(value):
        return None
    return "value", (
        f"{quoted(value)} is not a uuid such as urn:uuid:c757873d-ec9a-4326-a141-556f43239520"
        " in lower case."
    )


def check_base64(value: JsonValue) -> Problem | None:
    """Check base64 with its padding."""
    if value.__class__ is not str:
        return wrong_kind(value, "a string (base64Binary)")
    packed = value if value.isprintable() and " " not in value else "".join(value.split())
    if not packed:
        return "value", "A base64Binary must not be empty; leave the element out."
    try:
        binascii.a2b_base64(packed, strict_mode=True)
    except ValueError as error:
        return "value", f"The text is not base64: {error}."
    return None


CHECKERS: dict[str, Checker] = {
    "base64Binary": check_base64,
    "boolean": check_boolean,
    "canonical": _uri("canonical"),
    "code": check_code,
    "date": check_date,
    "dateTime": check_date_time,
    "decimal": check_decimal,
    "id": check_id,
    "instant": check_instant,
    "integer": _integer("integer", -_INTEGER_MAX - 1),
    "markdown": check_string,
    "oid": check_oid,
    "positiveInt": _integer("positiveInt", 1),
    "string": check_string,
    "time": check_time,
    "unsignedInt": _integer("unsignedInt", 0),
    "uri": _uri("uri"),
    "url": _uri("url"),
    "uuid": check_uuid,
}
"""Checkers by primitive type; xhtml has rules of its own, see `narrative`."""
