"""An element of a script and where it stands: typed access, faults that name the place.

Spec: https://hl7.org/fhir/R4/json.html

Scripts are written by hand, so what is clear is taken as meant: "true" for true, 201 for "201", one
object where a list is expected. What is not clear is a fault.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from decimal import Decimal

from fhirserver.model.json import JsonObject, JsonValue

_FLAGS = {True: True, False: False, "true": True, "false": False}
_ALWAYS = frozenset({"id", "extension", "modifierExtension"})


class ScriptError(ValueError):
    """What is wrong with a script.

    Args:
        place: FHIRPath, e.g. "TestScript.test[2].action[0].assert".
        problem: the rule and the remedy.
    """

    def __init__(self, place: str, problem: str) -> None:
        super().__init__(f"{place}: {problem}")


@dataclass(frozen=True, slots=True)
class Part:
    """One element.

    Attributes:
        place: FHIRPath of the element.
        content: its JSON.
    """

    place: str
    content: JsonObject

    def fault(self, problem: str, name: str = "") -> ScriptError:
        """Make the fault of this element, or of one in it."""
        return ScriptError(f"{self.place}.{name}" if name else self.place, problem)

    def text(self, name: str) -> str | None:
        """Give a text; None where it is absent or empty.

        Raises:
            ScriptError: an object or a list.
        """
        value = self.content.get(name)
        if isinstance(value, bool):
            return str(value).lower()
        if isinstance(value, int | Decimal):
            return str(value)
        if value is None or isinstance(value, str):
            return value or None
        raise self.fault(f"{_kind(value)} stands where a text belongs", name)

    def needed(self, name: str) -> str:
        """Give a text that must be there.

        Raises:
            ScriptError: absent, or no text.
        """
        value = self.text(name)
        if value is None:
            raise self.fault(f"{name!r} is missing; give it")
        return value

    def one_of(self, name: str, codes: Collection[str]) -> str | None:
        """Give a code of a table.

        Raises:
            ScriptError: a code that is not in it.
        """
        value = self.text(name)
        if value is None or value in codes:
            return value
        raise self.fault(f"{value!r} is unknown; use one of {', '.join(codes)}", name)

    def flag(self, name: str, *, default: bool = False) -> bool:
        """Give a boolean.

        Raises:
            ScriptError: neither true nor false.
        """
        value = self.content.get(name)
        if value is None:
            return default
        if isinstance(value, bool | str) and value in _FLAGS:
            return _FLAGS[value]
        raise self.fault("must be true or false", name)

    def number(self, name: str) -> int | None:
        """Give an integer.

        Raises:
            ScriptError: something else.
        """
        value = self.text(name)
        if value is None:
            return None
        try:
            return int(value)
        except ValueError:
            raise self.fault("must be a whole number", name) from None

    def part(self, name: str) -> "Part | None":
        """Give an object inside.

        Raises:
            ScriptError: no object.
        """
        value = self.content.get(name)
        if value is None:
            return None
        if not isinstance(value, dict):
            raise self.fault(f"{_kind(value)} stands where an object belongs", name)
        return Part(f"{self.place}.{name}", value)

    def parts(self, name: str) -> tuple["Part", ...]:
        """Give the objects of a list.

        Raises:
            ScriptError: an item that is no object.
        """
        return tuple(self._items(name))

    def extensions(self, *urls: str) -> tuple["Part", ...]:
        """Give the extensions with one of these addresses."""
        return tuple(item for item in self.parts("extension") if item.content.get("url") in urls)

    def expect(self, names: Collection[str]) -> None:
        """Refuse elements that are not known here, as misspelt ones are.

        Raises:
            ScriptError: names the first.
        """
        for name in self.content:
            plain = name.removeprefix("_")
            if plain not in names and plain not in _ALWAYS:
                raise self.fault(f"{name!r} is no element here; remove it or correct its spelling")

    def _items(self, name: str) -> Iterator["Part"]:
        value = self.content.get(name)
        items = value if isinstance(value, list) else [] if value is None else [value]
        for index, item in enumerate(items):
            place = f"{self.place}.{name}[{index}]"
            if not isinstance(item, dict):
                raise ScriptError(place, f"{_kind(item)} stands where an object belongs")
            yield Part(place, item)


def value_of(extension: Part) -> str | None:
    """Give the value of a simple extension as text, whatever its type."""
    names = [name for name in extension.content if name.startswith("value")]
    return extension.text(names[0]) if names else None


def inner(extension: Part) -> dict[str, str]:
    """Give the values of the simple extensions in a complex one by their names."""
    found = ((item.text("url"), value_of(item)) for item in extension.parts("extension"))
    return {url: value for url, value in found if url is not None and value is not None}


def _kind(value: JsonValue) -> str:
    return {dict: "an object", list: "a list", type(None): "null"}.get(type(value), "a plain value")
