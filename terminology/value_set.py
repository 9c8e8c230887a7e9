"""Value sets -> the codes in them, as far as definitions and code systems that are here tell.

Spec: https://hl7.org/fhir/R4/valueset.html#compositions

    include, joined by OR; exclude takes away
      system + concept    those codes
      system              all codes of a complete code system
      system + filter     concept, code: = in not-in is-a descendent-of is-not-a generalizes
                          properties: = in not-in exists
      valueSet            codes that are in every value set named, and in the above

Where a composition cannot be worked out, a complete expansion that the resource carries serves.
A version of a code system that a composition names must be the one that is here.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Protocol

from fhirserver_terminology.code_system import CodeSystem, JsonObject, TerminologyError

Expansion = dict[str, frozenset[str]]
"""Codes by system."""

IMPORTS_MAX = 16
"""A value set may stand behind so many others."""

OPEN = ("valueset-unclosed", "valueset-toocostly")
"""Ends of extensions that mark an expansion as less than the value set."""


class Content(Protocol):
    """Where value sets and code systems come from."""

    def value_set(self, reference: str) -> JsonObject:
        """Give a ValueSet by canonical, with or without version, or by literal reference.

        Raises:
            TerminologyError: there is none, or more than one.
        """

    def code_system(self, canonical: str) -> CodeSystem:
        """Give a code system by canonical, with or without version.

        Raises:
            TerminologyError: there is none, more than one, or not all of it.
        """


class Expander:
    """Works value sets out, each once.

    Args:
        content: where everything comes from.
    """

    def __init__(self, content: Content) -> None:
        self._content = content
        self._known: dict[str, Expansion] = {}

    def expand(self, reference: str, importing: tuple[str, ...] = ()) -> Expansion:
        """Work out the codes of a value set.

        Args:
            reference: canonical, with or without version, or literal reference.
            importing: value sets that led here.

        Raises:
            TerminologyError: it, or what it is made of, is unknown or says too little.
        """
        if reference in importing or len(importing) > IMPORTS_MAX:
            raise TerminologyError(
                f"the value set {reference!r} imports itself, or stands behind more than"
                f" {IMPORTS_MAX} others"
            )
        if reference not in self._known:
            self._known[reference] = self._worked_out(reference, (*importing, reference))
        return self._known[reference]

    def _worked_out(self, reference: str, importing: tuple[str, ...]) -> Expansion:
        resource = self._content.value_set(reference)
        carried = _carried(resource.get("expansion", {}))
        if "compose" not in resource:
            if carried is None:
                raise TerminologyError(
                    f"the value set {reference!r} has neither a composition nor a complete"
                    " expansion; store it with one of them"
                )
            return carried
        try:
            return self._composed(resource["compose"], importing)
        except TerminologyError as error:
            if carried is not None:
                return carried
            raise TerminologyError(
                f"the value set {reference!r} cannot be expanded: {error}"
            ) from error

    def _composed(self, compose: JsonObject, importing: tuple[str, ...]) -> Expansion:
        found: Expansion = {}
        for stated in compose.get("include", ()):
            for system, codes in self._part(stated, importing).items():
                found[system] = found.get(system, frozenset()) | codes
        for stated in compose.get("exclude", ()):
            for system, codes in self._part(stated, importing).items():
                found[system] = found.get(system, frozenset()) - codes
        if compose.get("inactive") is False:
            systems = {name: self._content.code_system(name) for name in found}
            found = {name: found[name] & systems[name].active() for name in found}
        return {system: codes for system, codes in found.items() if codes}

    def _part(self, stated: JsonObject, importing: tuple[str, ...]) -> Expansion:
        """Work out an include or exclude: what is in all that it names."""
        parts = [self.expand(each, importing) for each in stated.get("valueSet", ())]
        if "system" in stated:
            parts.append({stated["system"]: _of_system(stated, self._content)})
        if not parts:
            raise TerminologyError(
                "a part of its composition names neither a system nor a value set"
            )
        found = parts[0]
        for part in parts[1:]:
            found = {name: found[name] & part[name] for name in found.keys() & part.keys()}
        return found


def _carried(expansion: JsonObject) -> Expansion | None:
    """Read an expansion; None where it is not all of the value set."""
    extensions = expansion.get("extension", ())
    if not expansion or any(each["url"].endswith(OPEN) for each in extensions):
        return None
    entries = list(_entries(expansion.get("contains", ())))
    if expansion.get("offset", 0) or expansion.get("total", len(entries)) != len(entries):
        return None
    found: dict[str, set[str]] = {}
    for entry in entries:
        if "system" in entry and "code" in entry and not entry.get("abstract", False):
            found.setdefault(entry["system"], set()).add(entry["code"])
    return {system: frozenset(codes) for system, codes in found.items()}


def _entries(contains: Iterable[JsonObject]) -> Iterator[JsonObject]:
    for entry in contains:
        yield entry
        yield from _entries(entry.get("contains", ()))


def _of_system(stated: JsonObject, content: Content) -> frozenset[str]:
    if "concept" in stated:
        return frozenset(each["code"] for each in stated["concept"])
    version = stated.get("version")
    system = content.code_system(stated["system"] + (f"|{version}" if version else ""))
    found = system.codes
    for each in stated.get("filter", ()):
        found &= _filtered(each["property"], each["op"], each["value"], system)
    return found


def _filtered(name: str, op: str, value: str, system: CodeSystem) -> frozenset[str]:
    by_concept = _OF_CONCEPTS.get(op) if name in ("concept", "code") else None
    if by_concept is not None:
        return by_concept(system, value)
    test = _OF_PROPERTIES.get(op)
    if test is None or name in ("concept", "code") or not system.has_property(name):
        raise TerminologyError(
            f"the filter {name} {op} {value!r} on {system.url!r} is not understood here; list the"
            " codes, or give the value set its expansion"
        )
    return frozenset(code for code in system.codes if test(system.values(code, name), value))


def _listed(value: str) -> frozenset[str]:
    return frozenset(each.strip() for each in value.split(","))


_OF_CONCEPTS: Mapping[str, Callable[[CodeSystem, str], frozenset[str]]] = {
    "=": lambda system, value: system.codes & {value},
    "in": lambda system, value: system.codes & _listed(value),
    "not-in": lambda system, value: system.codes - _listed(value),
    "is-a": lambda system, value: system.below(value),
    "descendent-of": lambda system, value: system.below(value) - {value},
    "is-not-a": lambda system, value: system.codes - system.below(value),
    "generalizes": lambda system, value: system.above(value),
}
_OF_PROPERTIES: Mapping[str, Callable[[list[str], str], Any]] = {
    "=": lambda values, value: value in values,
    "in": lambda values, value: not _listed(value).isdisjoint(values),
    "not-in": lambda values, value: _listed(value).isdisjoint(values),
    "exists": lambda values, value: bool(values) == (value == "true"),
}
