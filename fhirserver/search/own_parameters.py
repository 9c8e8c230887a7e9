"""SearchParameter resources as parameters of a search. Pure.

Spec: https://hl7.org/fhir/R4/searchparameter.html

An active resource with an expression defines one parameter on each of its base types; Resource and
DomainResource stand for all types that they are the base of. What cannot be indexed as it says is
refused. A definition that R4 has itself (same code, type and elements) is stored without effect.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from fhirserver_profiles.search_paths import prune

from fhirserver.definitions import FIRST_OWN, Definitions, SearchParameter
from fhirserver.errors import Issue
from fhirserver.fhirpath import FhirPathError, compile_expression, parse
from fhirserver.fhirpath.syntax import Binary, Expr
from fhirserver.model.json import JsonObject
from fhirserver.search.extract.build import TreeBuilder
from fhirserver.search.own_composites import check_parts, parts_of

EXPRESSION_CHARS_MAX = 2000
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", re.ASCII)
_STAMPED = re.compile(r"\b(?:versionId|lastUpdated)\b")
"""What a resource has only once it is stored; its rows are made before."""
_REFUSED_FUNCTIONS = re.compile(
    r"\b(now|today|timeOfDay|trace|memberOf|repeat|descendants)\s*\(", re.ASCII
)
"""What depends on more than the resource, or costs more than reading it."""
_TYPES = frozenset(
    {"composite", "date", "number", "quantity", "reference", "string", "token", "uri"}
)
_COPIED = ("target", "modifier", "comparator", "xpathUsage", "multipleOr", "multipleAnd")


class Own(NamedTuple):
    """A parameter on one type.

    Attributes:
        base: resource type.
        code: name in a query.
        entry: its definition in the compiled form, without number.
    """

    base: str
    code: str
    entry: JsonObject


@dataclass(frozen=True, slots=True)
class Reading:
    """What a SearchParameter resource says.

    Attributes:
        parameters: what it defines; nothing where there is an error.
        issues: errors, or information on what is stored without effect.
    """

    parameters: tuple[Own, ...] = ()
    issues: tuple[Issue, ...] = ()


def read_own(resource: JsonObject, definitions: Definitions) -> Reading:
    """Read a valid SearchParameter resource.

    Args:
        resource: valid by R4's own rules.
        definitions: the R4 specification; what is added to it does not count.
    """
    if resource.get("status") != "active":
        return Reading()
    if "expression" not in resource:
        return Reading(issues=(_without_effect("it has no expression"),))
    reader = _Reader(resource, definitions.specification)
    reader.read()
    if reader.errors:
        return Reading(issues=tuple(reader.errors))
    if not reader.found:
        return Reading(issues=(_without_effect("R4 has the same parameter itself"),))
    return Reading(tuple(reader.found))


@dataclass(slots=True)
class _Reader:
    """Reads one resource and notes what is wrong with it."""

    resource: JsonObject
    specification: Definitions
    found: list[Own] = field(default_factory=list)
    errors: list[Issue] = field(default_factory=list)

    def read(self) -> None:
        text = self.resource["expression"]
        if len(text) > EXPRESSION_CHARS_MAX:
            self._refuse("expression", f"has more than {EXPRESSION_CHARS_MAX} characters")
            return
        try:
            parse(text)
        except FhirPathError as error:
            self._refuse("expression", f"is no FHIRPath: {error}")
            return
        for base in dict.fromkeys(self._bases()):
            self._read_base(base, text)
            if self.errors:
                return

    def _bases(self) -> Iterator[str]:
        known = self.specification.resource_types
        for number, name in enumerate(self.resource["base"]):
            types = [each for each in known if name in self.specification.supertypes(each)]
            if not types:
                self._refuse(f"base[{number}]", f"{name!r} is no type that is stored here")
            yield from types

    def _read_base(self, base: str, text: str) -> None:
        code, kind = self.resource["code"], self.resource["type"]
        expression = prune(text, base, set(self.specification.supertypes(base)))
        if not expression:
            self._refuse("expression", f"names nothing of {base}, which is a base")
            return
        try:
            parse(expression)
        except FhirPathError:
            self._refuse("expression", f"must begin with a type or with an element of {base}")
            return
        known = self.specification.search_parameters(base).get(code)
        if known is not None and known.expression:
            parts = {part.code for part in parts_of(self.resource)}
            same = known.type == kind and _elements(known.expression) == _elements(expression)
            if not same or self._parts(base, known) != parts:
                self._refuse("code", f"{code!r} is R4's own on {base}, with another meaning")
            return
        self._check_head(code, kind)
        self._check_words("expression", text)
        for number, part in enumerate(self.resource.get("component", ())):
            self._check_words(f"component[{number}].expression", part["expression"])
        if kind == "composite" and not self.errors:
            self._check_parts(base, expression)
        if not self.errors:
            self._add(Own(base, code, self._entry(kind, expression)))

    def _check_parts(self, base: str, expression: str) -> None:
        wrong = check_parts(self.resource, base, expression, self.specification)
        if wrong is not None:
            self._refuse(wrong.element, wrong.what)

    def _parts(self, base: str, known: SearchParameter) -> set[str]:
        """Give the canonicals of a composite's parts; their paths are not always as published."""
        parameters = self.specification.search_parameters(base)
        return {parameters[part.code].url for part in known.components}

    def _check_head(self, code: str, kind: str) -> None:
        if _CODE.fullmatch(code) is None:
            self._refuse("code", "consists of up to 64 letters, digits, - and _, no _ in front")
        if kind not in _TYPES:
            allowed = ", ".join(sorted(_TYPES))
            self._refuse("type", f"{kind!r} is not indexed; use one of {allowed}")

    def _check_words(self, element: str, text: str) -> None:
        function = _REFUSED_FUNCTIONS.search(text)
        if function is not None:
            self._refuse(element, f"{function[1]}() cannot be indexed")
        stamped = _STAMPED.search(text)
        if stamped is not None:
            self._refuse(element, f"{stamped[0]} is set when a resource is stored, not before")

    def _entry(self, kind: str, expression: str) -> JsonObject:
        copied = {key: self.resource[key] for key in _COPIED if key in self.resource}
        return {
            "type": kind,
            "url": self.resource["url"],
            "expression": expression,
            **self._facts(kind, expression),
            **copied,
        }

    def _facts(self, kind: str, expression: str) -> JsonObject:
        if kind == "composite":
            return {"component": [list(part) for part in parts_of(self.resource)]}
        return self.specification.element_facts(expression)

    def _add(self, own: Own) -> None:
        if own.entry["type"] == "composite":
            self.found.append(own)
            return
        added = {own.base: {own.code: {"id": FIRST_OWN, **own.entry}}}
        trial = self.specification.extended(-1, added)
        wrong = _unindexable(trial.search_parameters(own.base)[own.code], trial)
        if wrong:
            self._refuse("expression", wrong)
        else:
            self.found.append(own)

    def _refuse(self, element: str, what: str) -> None:
        self.errors.append(
            Issue(
                "error",
                "business-rule",
                f"SearchParameter.{element}: {what}. Change it, or store it with another status "
                "than active; then it has no effect.",
                (f"SearchParameter.{element}",),
            )
        )


def _unindexable(parameter: SearchParameter, definitions: Definitions) -> str:
    """Say why no resource would have rows for a parameter; "" where some may."""
    builder = TreeBuilder(definitions, parameter.base)
    builder.add(parameter)
    if builder.computed:
        try:
            compile_expression(parameter.expression)
        except FhirPathError as error:
            return f"cannot be evaluated: {error}"
        return ""
    root = builder.finish()
    if root.present or root.children or root.tests:
        return ""
    if builder.unindexed:
        names = ", ".join(sorted({datatype for _, datatype in builder.unindexed}))
        return f"gives {names}, which {parameter.type} parameters do not search"
    return f"names no element of {parameter.base}"


def _elements(expression: str) -> frozenset[Expr]:
    """Give the alternatives of an expression, however it is laid out."""
    return frozenset(_alternatives(parse(expression))) if expression else frozenset()


def _alternatives(expression: Expr) -> Iterator[Expr]:
    if isinstance(expression, Binary) and expression.operator == "|":
        yield from _alternatives(expression.left)
        yield from _alternatives(expression.right)
    else:
        yield expression


def _without_effect(why: str) -> Issue:
    return Issue(
        "information",
        "informational",
        f"The SearchParameter is stored and changes nothing: {why}.",
        ("SearchParameter",),
    )
