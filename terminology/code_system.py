"""Code systems: their codes, and which subsumes which.

Spec: https://hl7.org/fhir/R4/codesystem.html#hierarchy and #defined-props

A concept lies below another when it is nested in it, names it by the property `parent` or
`subsumedBy`, or is named by its property `child`; unless CodeSystem.hierarchyMeaning says that
nesting means something else. A concept may have several parents; loops do no harm.
"""

from collections.abc import Iterator, Mapping
from typing import Any

JsonObject = Mapping[str, Any]

PARENT_PROPERTIES = frozenset({"parent", "subsumedBy"})
INACTIVE_STATUSES = frozenset({"inactive", "retired"})


class TerminologyError(ValueError):
    """A value set or code system that cannot be used; the text says which, why and what helps."""


class CodeSystem:
    """The concepts of a complete code system.

    Args:
        resource: a CodeSystem as JSON.

    Attributes:
        url: its canonical, without version.
        codes: all of them.

    Raises:
        TerminologyError: its content is not complete.
    """

    def __init__(self, resource: JsonObject) -> None:
        self.url: str = resource.get("url", "")
        if resource.get("content") != "complete" or not resource.get("concept"):
            raise TerminologyError(
                f"the code system {self.url!r} is here without its complete content; store it with"
                " all its concepts"
            )
        self._meaning: str = resource.get("hierarchyMeaning", "is-a")
        self._properties: dict[str, list[tuple[str, str]]] = {}
        self._parents: dict[str, list[str]] = {}
        self._children: dict[str, list[str]] = {}
        for concept, outer in _concepts(resource):
            self._add(concept, outer)
        self.codes = frozenset(self._properties)

    def _add(self, concept: JsonObject, outer: str | None) -> None:
        code = concept["code"]
        properties = self._properties.setdefault(code, [])
        properties += [(each["code"], _plain(each)) for each in concept.get("property", ())]
        if outer is not None:
            self._link(code, outer)
        for name, value in properties:
            if name in PARENT_PROPERTIES:
                self._link(code, value)
            elif name == "child":
                self._link(value, code)

    def _link(self, child: str, parent: str) -> None:
        self._parents.setdefault(child, []).append(parent)
        self._children.setdefault(parent, []).append(child)

    def below(self, code: str) -> frozenset[str]:
        """Give a code and all that it subsumes.

        Raises:
            TerminologyError: no such code, or a hierarchy that is not one of subsumption.
        """
        return self._reach(code, self._children)

    def above(self, code: str) -> frozenset[str]:
        """Give a code and all that subsume it; raises as `below`."""
        return self._reach(code, self._parents)

    def _reach(self, code: str, links: Mapping[str, list[str]]) -> frozenset[str]:
        if code not in self.codes:
            raise TerminologyError(f"the code system {self.url!r} has no code {code!r}")
        if self._meaning != "is-a":
            raise TerminologyError(
                f"the hierarchy of the code system {self.url!r} means {self._meaning!r}, so none of"
                " its codes subsumes another"
            )
        found, waiting = {code}, [code]
        while waiting:
            new = set(links.get(waiting.pop(), ())) - found
            found |= new
            waiting += new
        return frozenset(found & self.codes)

    def values(self, code: str, name: str) -> list[str]:
        """List the values of a concept's property, as text."""
        return [value for each, value in self._properties[code] if each == name]

    def has_property(self, name: str) -> bool:
        """Whether any concept has a property."""
        return any(each == name for pairs in self._properties.values() for each, _ in pairs)

    def active(self) -> frozenset[str]:
        """Give the codes that are not marked as out of use."""
        return frozenset(
            code
            for code in self.codes
            if "true" not in self.values(code, "inactive")
            and INACTIVE_STATUSES.isdisjoint(self.values(code, "status"))
        )


def _concepts(resource: JsonObject) -> Iterator[tuple[JsonObject, str | None]]:
    """List concepts, each with the code that it is nested in."""
    waiting: list[tuple[JsonObject, str | None]] = [(each, None) for each in resource["concept"]]
    while waiting:
        concept, outer = waiting.pop()
        yield concept, outer
        waiting += [(each, concept["code"]) for each in concept.get("concept", ())]


def _plain(stated: JsonObject) -> str:
    """Give a property's value as the text that a filter compares with."""
    value = next((stated[name] for name in stated if name.startswith("value")), "")
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value.get("code", "") if isinstance(value, Mapping) else value)
