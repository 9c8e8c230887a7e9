"""What validation finds, and where: places in a resource and the issues about them.

Spec: https://hl7.org/fhir/R4/operationoutcome-definitions.html#OperationOutcome.issue.expression

A place is a chain from the root, (parent, step), that costs one tuple per level and is only written
out when something is wrong there:

    ((((None, "Patient"), "name"), 0), "family")     Patient.name[0].family

Steps are published element names, so `valueQuantity` is `value`; positions count from 0.
"""

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from difflib import get_close_matches
from typing import Any

from fhirserver.errors import Issue, Severity
from fhirserver.model.json import JsonObject, JsonValue

Place = tuple[Any, str | int]
"""(parent place or None, element name or position)."""

Problem = tuple[str, str]
"""Issue code and what is wrong with a value."""

MAX_ISSUES = 1000
"""Issues listed about one resource; the last one says that there are more."""

_KEY = re.compile(r"[a-z]+-[0-9]+[a-z]?(?=: )", re.ASCII)
_QUOTED = 80
_LONGEST_WORD = 64
_LENGTH_DIFFERENCE = 3


def path_of(place: Place) -> str:
    """Write a place as FHIRPath, e.g. `Patient.name[0].given[1]`."""
    steps = _steps(place)
    return "".join(
        f"[{step}]" if step.__class__ is int else (f".{step}" if index else str(step))
        for index, step in enumerate(steps)
    )


def _steps(place: Place) -> list[str | int]:
    steps: list[str | int] = []
    link: Place | None = place
    while link is not None:
        link, step = link
        steps.append(step)
    steps.reverse()
    return steps


def quoted(value: JsonValue) -> str:
    """Quote the sender's own value, shortened to what a message can hold."""
    if isinstance(value, str):
        return repr(value) if len(value) <= _QUOTED else f"{value[:_QUOTED]!r}..."
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(Decimal(value) if isinstance(value, int) else value)
    return text if len(text) <= _QUOTED else f"{text[:_QUOTED]}..."


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Give the known word that was probably meant.

    Only words with the same first letter and about the same length are compared, so that a body
    full of unknown words costs little.
    """
    if len(word) > _LONGEST_WORD:
        return None
    initial = word[:1].lower()
    likely = [
        other
        for other in known
        if other[:1].lower() == initial and abs(len(other) - len(word)) <= _LENGTH_DIFFERENCE
    ]
    found = get_close_matches(word, likely, n=1)
    return found[0] if found else None


def wrong_kind(value: JsonValue, wanted: str) -> Problem:
    """Describe a value whose JSON kind is not the wanted one, e.g. "a string"."""
    if value is None:
        return "structure", f"null stands for nothing here; leave it out or give {wanted}."
    if value.__class__ is dict:
        return "structure", f"An object stands where {wanted} is needed."
    if value.__class__ is list:
        return "structure", f"An array stands where {wanted} is needed; this does not repeat."
    return "value", f"{quoted(value)} is not {wanted}."


class Findings:
    """Issues about one resource as they come up, and what the rules need to know of it.

    Attributes:
        faults: values so far whose kind or syntax is wrong; rules that compute with a node's
            content are left out when its own content added to them.
        resource: the resource being checked: %resource.
        root: the resource that contains it, or itself: %rootResource.
        entry_types: type by fullUrl, of the transaction that this is an entry of.
        in_transaction: a reference may be a search: in a transaction's entry, or in a Bundle,
            which may become one.
    """

    __slots__ = (
        "_contained",
        "_contained_of",
        "_found",
        "entry_types",
        "faults",
        "in_transaction",
        "resource",
        "root",
    )

    def __init__(self, resource: JsonObject, entry_types: Mapping[str, str] | None = None) -> None:
        self._found: list[tuple[Place, Issue]] = []
        self.faults = 0
        self.resource = resource
        self.root = resource
        self.entry_types = entry_types or {}
        self.in_transaction = entry_types is not None or resource.get("resourceType") == "Bundle"
        self._contained: dict[str, JsonObject] = {}
        self._contained_of: JsonObject | None = None

    def contained(self, id: str) -> JsonObject | None:
        """Give the resource of that id which `root` contains; the first, if there are several."""
        if self._contained_of is not self.root:
            self._contained_of = self.root
            self._contained = _by_id(self.root.get("contained"))
        return self._contained.get(id)

    def add(self, code: str, place: Place, diagnostics: str, severity: Severity = "error") -> None:
        """Note an issue."""
        if len(self._found) <= MAX_ISSUES:
            key = _KEY.match(diagnostics) if code == "invariant" else None
            details = key[0] if key else None
            issue = Issue(severity, code, diagnostics, (path_of(place),), details)
            self._found.append((place, issue))

    def add_fault(self, code: str, place: Place, diagnostics: str) -> None:
        """Note an issue about a value that no rule can compute with."""
        self.faults += 1
        self.add(code, place, diagnostics)

    def issues(self) -> list[Issue]:
        """Give the issues sorted by place; positions by number."""
        kept = self._found[:MAX_ISSUES]
        kept.sort(key=lambda found: _sort_key(found[0]))
        issues = [issue for _, issue in kept]
        if len(self._found) > MAX_ISSUES:
            text = f"There are more than {MAX_ISSUES} issues; these are the first ones found."
            issues.append(Issue("error", "too-costly", text))
        return issues


def _by_id(resources: JsonValue) -> dict[str, JsonObject]:
    found: dict[str, JsonObject] = {}
    for resource in resources if isinstance(resources, list) else ():
        if isinstance(resource, dict) and isinstance(resource.get("id"), str):
            found.setdefault(resource["id"], resource)
    return found


def _sort_key(place: Place) -> list[tuple[int, str]]:
    return [(step, "") if isinstance(step, int) else (-1, step) for step in _steps(place)]
