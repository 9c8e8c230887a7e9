"""What an evaluation knows besides its focus: variables, the resources around it, the clock.

Spec: http://hl7.org/fhirpath/N1/index.html#environment-variables and
https://hl7.org/fhir/R4/fhirpath.html#variables

It also keeps what the evaluation may still cost. Expressions come from strangers (FHIRPath Patch,
test scripts), and short ones can ask for more than any machine has. Counted are steps: an item
looked at by a term of the expression, or some characters of a long text; patterns, which cannot
be counted, have a time.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from fhirserver.fhirpath.errors import FhirPathError, FhirPathLimitError
from fhirserver.fhirpath.values import UCUM, Collection, ElementNode

Resolver = Callable[[str], dict[str, Any] | None]
"""Gives the resource behind a reference's text, or None."""
Tracer = Callable[[str, Collection], None]
"""Gets the name of a trace() and what it saw."""

_CONSTANTS = {
    "ucum": UCUM,
    "sct": "http://snomed.info/sct",
    "loinc": "http://loinc.org",
}
RESERVED = frozenset({"context", "resource", "rootResource", "this", "index", "total", *_CONSTANTS})
"""Names that nobody else can give to a variable."""
_PREFIXES = {
    "vs-": "http://hl7.org/fhir/ValueSet/",
    "ext-": "http://hl7.org/fhir/StructureDefinition/",
}


STEPS = 500_000
"""What one evaluation may cost: about a second."""
PATTERN_S = 0.5
"""Time that the regular expressions of one evaluation have together."""
FREE_ITEMS = 16
"""Collections up to this length cost nothing beside the terms that make them."""


class Context:
    """One evaluation's surroundings; not to be shared between threads.

    Args:
        resource: node that %resource means: the resource that holds the focus.
        root_resource: node that %rootResource means: the outermost; `resource` if None.
        variables: further variables by name, without the %.
        resolve: for resolve(); without it references are typed by their text alone.
        now: for now() and today(), aware; the system clock if None.
        strict: raise where a name is not one of its type's elements.

    Attributes:
        steps: that are left; evaluations that share a context share them.
        pattern_s: time that is left for regular expressions.
        trace: who listens to trace(); None where nobody may, for it may be about a patient.
    """

    __slots__ = (
        "_allowed", "focus", "index", "now", "pattern_s", "resolve", "resource", "root_resource",
        "steps", "strict", "total", "trace", "variables",
    )  # fmt: skip

    def __init__(
        self,
        resource: ElementNode | None = None,
        root_resource: ElementNode | None = None,
        *,
        variables: Mapping[str, Any] | None = None,
        resolve: Resolver | None = None,
        now: datetime | None = None,
        strict: bool = False,
    ) -> None:
        self.resource = resource
        self.root_resource = resource if root_resource is None else root_resource
        self.variables = variables or {}
        self.resolve = resolve
        self.trace: Tracer | None = None
        self.now = now
        self.strict = strict
        self.focus: Collection = []
        self.index = 0
        self.total: Collection = []
        self.steps = self._allowed = STEPS
        self.pattern_s = PATTERN_S

    def spend(self, steps: int) -> None:
        """Pay for work that is about to be done.

        Raises:
            FhirPathLimitError: the evaluation would cost more than it may.
        """
        self.steps -= steps
        if self.steps < 0:
            raise FhirPathLimitError(
                f"the evaluation takes more than {self._allowed} steps; ask for less at a time"
            )

    def allow(self, steps: int) -> None:
        """Let what follows cost so much."""
        self.steps = self._allowed = steps

    def instant(self) -> datetime:
        """Give the instant of this evaluation, the same at every call."""
        if self.now is None:
            self.now = datetime.now(UTC)
        return self.now

    def variable(self, name: str) -> Collection:
        """Give the value of %name.

        Raises:
            FhirPathError: there is no such variable.
        """
        if name in self.variables:
            value = self.variables[name]
            return value if isinstance(value, list) else [value]
        if name == "context":
            return self.focus
        if name in ("resource", "rootResource"):
            node = self.resource if name == "resource" else self.root_resource
            return self.focus if node is None else [node]
        if name in _CONSTANTS:
            return [_CONSTANTS[name]]
        for prefix, canonical in _PREFIXES.items():
            if name.startswith(prefix):
                return [canonical + name.removeprefix(prefix)]
        raise FhirPathError(f"there is no variable %{name}")
