r"""Token search values.

Spec: https://hl7.org/fhir/R4/search.html#token

    code           any system          |code     no system
    system|code    that system         system|   any code of that system

For elements of type `code` the system is that of their binding. Codes match exactly, also in
case. `:of-type` takes `system|code|value` of Identifier.type and Identifier.value.
`ne` of a filter asks for any other token.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from fhirserver.search.conditions import (
    BY_MAIN_DATE,
    BY_TEXT,
    Condition,
    Fragment,
    Not,
    Rows,
    negated,
)
from fhirserver.search.escape import escape, split, unescape
from fhirserver.search.keys import OF_TYPE_OFFSET, short_key, system_key
from fhirserver.search.params import coded
from fhirserver.search.params.string import starts_with

MODIFIERS = frozenset({"not", "text", "of-type"}) | coded.MODIFIERS
NOT_OFFERED: frozenset[str] = frozenset()
SEPARATE_CODES = 8
"""Up to so many alternatives each become a branch of their own, which keeps the index order."""


@dataclass(frozen=True, slots=True)
class TokenValue:
    """A token to look for.

    Attributes:
        system: URI; "" stands for "no system", None for "any".
        code: None stands for "any".
    """

    system: str | None
    code: str | None

    def render(self) -> str:
        """Write it as in a URL."""
        if self.system is None:
            return escape(self.code or "")
        return f"{escape(self.system)}|{escape(self.code or '')}"


@dataclass(frozen=True, slots=True)
class OfTypeValue:
    """An identifier of a certain type: the type's system and code, and the value."""

    system: str
    code: str
    value: str

    def render(self) -> str:
        """Write it as in a URL."""
        return "|".join(map(escape, (self.system, self.code, self.value)))


def parse(text: str, modifier: str | None = None) -> TokenValue | OfTypeValue:
    """Parse one value.

    Raises:
        ValueError: too many bars, or nothing around them.
    """
    if modifier == "text":
        return TokenValue(None, unescape(text))
    parts = [unescape(part) for part in split(text, "|")]
    if modifier == "of-type":
        if len(parts) != 3 or not all(parts):
            raise ValueError("write system|code|value, all three")
        return OfTypeValue(*parts)
    if len(parts) > 2:
        raise ValueError(r"write code, system|code, |code or system|, and a bar in a code as \|")
    if not any(parts):
        raise ValueError("a code or a system is needed")
    if len(parts) == 1:
        return TokenValue(None, parts[0])
    return TokenValue(parts[0], parts[1] or None)


def condition(
    sps: tuple[int, ...], modifier: str | None, values: Iterable[TokenValue | OfTypeValue]
) -> Condition:
    """Build the condition of one criterion; its values are alternatives."""
    if modifier == "of-type":
        return _rows(tuple(sp + OF_TYPE_OFFSET for sp in sps), map(_of_type, values))
    if modifier == "text":
        texts = (value.code or "" for value in values if isinstance(value, TokenValue))
        return Rows("string", sps, tuple(starts_with(text) for text in texts), BY_TEXT)
    if modifier == "ne":
        tests = (test_of(value) for value in values if isinstance(value, TokenValue))
        return Rows("token", sps, tuple(negated(test) for test in tests))
    found = _rows(sps, (_key(value) for value in values if isinstance(value, TokenValue)))
    return Not(found) if modifier == "not" else found


def test_of(value: TokenValue) -> Fragment:
    """Test a row for a value; the parameters are keys of its code and system, as far as said."""
    return _test(_key(value))


Key = tuple[int | None, str | None]


def _of_type(value: TokenValue | OfTypeValue) -> Key:
    assert isinstance(value, OfTypeValue)
    return system_key(value.system), short_key(f"{value.code}|{value.value}")


def _key(value: TokenValue) -> Key:
    system = None if value.system is None else system_key(value.system)
    return system, None if value.code is None else short_key(value.code)


def _rows(sps: tuple[int, ...], keys: Iterable[Key]) -> Rows:
    found = tuple(dict.fromkeys(keys))
    if len(found) <= SEPARATE_CODES:
        order = BY_MAIN_DATE if all(code is not None for _, code in found) else ()
        unique = all(None not in key for key in found)
        return Rows("token", sps, tuple(map(_test, found)), order, unique)
    return Rows("token", sps, tuple(_grouped(found)))


def _test(key: Key) -> Fragment:
    system, code = key
    if code is None:
        return Fragment("@.system = %s", (system,))
    if system is None:
        return Fragment("@.code = %s", (code,))
    return Fragment("@.code = %s AND @.system = %s", (code, system))


def _grouped(keys: Iterable[Key]) -> Iterable[Fragment]:
    """Many codes become one array per system."""
    groups: dict[int | None, list[str]] = {}
    for key in keys:
        system, code = key
        if code is None:
            yield _test(key)
        else:
            groups.setdefault(system, []).append(code)
    for system, codes in groups.items():
        test = Fragment("@.code = ANY(%s::text[])", (codes,))
        if system is not None:
            test = Fragment(f"{test.text} AND @.system = %s", (codes, system))
        yield test
