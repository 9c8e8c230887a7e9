"""Search parameters, each as it is used on one resource type.

Spec: https://hl7.org/fhir/R4/searchparameter.html and https://hl7.org/fhir/R4/search.html
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from fhirserver.definitions.composites import Component, components, united

SearchType = Literal[
    "composite", "date", "number", "quantity", "reference", "special", "string", "token", "uri"
]
FIRST_OWN = 4000
"""The first number of parameters that SearchParameter resources define."""
LAST_OWN = 7999

FULL_TEXT = frozenset({"_text", "_content"})
"""Parameters of words, searched where their words are indexed."""
_OF_THE_WHOLE = "_filter"
"""A parameter without an expression: what it looks at is not an element."""
_ENTERS_AN_ENTRY = frozenset({("Bundle", "composition"), ("Bundle", "message")})
"""References by type alone: they lead to a resource inside the Bundle, not to one beside it."""


@dataclass(frozen=True, slots=True, eq=False)
class SearchParameter:
    """One parameter on one resource type.

    Attributes:
        id: number of (base, code): below FIRST_OWN R4's, the same in every database; from there
            to 7,999 those of one's own, as the database has given them.
        code: name in a query, e.g. "birthdate".
        base: resource type it is used on, also where it is inherited: "Observation" for _tag.
        expression: FHIRPath from that type, alternatives for other types removed; "" if none.
        targets: resource types a reference may point at, as published.
        rows_id: number whose index rows answer it; its own unless it is an alias.
        alias_of: code of the parameter whose rows it shares, e.g. "subject" for patient.
        alias_target: the only target type that counts, e.g. "Patient".
        united: numbers of the composites whose rows answer it; empty unless it is a composite of
            several elements.
        is_single: a resource has at most one index row for it.
        implicit_system: system of its values where they are `code`s bound to a single one.
        enters_entry: leads to the first entry of a Bundle, not to a resource beside it.
        supported: has an expression or needs none; of words, they are indexed.
        pending: id of the SearchParameter that defines it, while resources are being indexed for
            it; None once they are, and for R4's own.
    """

    id: int
    code: str
    type: SearchType
    base: str
    expression: str
    url: str
    targets: tuple[str, ...]
    modifiers: tuple[str, ...]
    comparators: tuple[str, ...]
    components: tuple[Component, ...]
    xpath_usage: str | None
    multiple_or: bool
    multiple_and: bool
    rows_id: int
    alias_of: str | None
    alias_target: str | None
    united: tuple[int, ...]
    is_single: bool
    implicit_system: str | None
    enters_entry: bool
    supported: bool
    pending: str | None = None

    @property
    def row_ids(self) -> tuple[int, ...]:
        """Numbers whose index rows answer it."""
        return self.united or (self.rows_id,)


def build_search_parameters(
    base: str, raw: Mapping[str, Mapping[str, Any]], full_text: frozenset[str]
) -> dict[str, SearchParameter]:
    """Build a type's parameters, by code.

    Args:
        base: the type.
        raw: their compiled form.
        full_text: those of FULL_TEXT that are searched.
    """
    return {
        code: _build(
            base, code, raw, bool(raw[code]["expression"]) or code in (_OF_THE_WHOLE, *full_text)
        )
        for code in raw
    }


def _build(
    base: str, code: str, raw: Mapping[str, Mapping[str, Any]], supported: bool
) -> SearchParameter:
    entry = raw[code]
    enters_entry = (base, code) in _ENTERS_AN_ENTRY
    # Each leads to a type of its own, though they look at the same element.
    alias_of = None if enters_entry else entry.get("aliasOf")
    return SearchParameter(
        id=entry["id"],
        code=code,
        type=entry["type"],
        base=base,
        expression=entry["expression"],
        url=entry["url"],
        targets=tuple(entry.get("target", ())),
        modifiers=tuple(entry.get("modifier", ())),
        comparators=tuple(entry.get("comparator", ())),
        components=components(base, code, raw),
        xpath_usage=entry.get("xpathUsage"),
        multiple_or=entry.get("multipleOr", True),
        multiple_and=entry.get("multipleAnd", True),
        rows_id=entry["id"] if alias_of is None else raw[alias_of]["id"],
        alias_of=alias_of,
        alias_target=entry.get("aliasTarget"),
        united=united(base, code, raw),
        is_single=entry.get("single", False),
        implicit_system=entry.get("system"),
        enters_entry=enters_entry,
        supported=supported,
        pending=entry.get("pending"),
    )
