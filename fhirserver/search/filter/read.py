"""Text of a filter -> expression. Pure.

Spec: https://hl7.org/fhir/R4/search_filter.html

    filter     = term *(("and" / "or") term)      from left to right, neither binds tighter
    term       = comparison / ["not"] "(" filter ")"
    comparison = path operator value
    path       = step *("." step)
    step       = name [":" type] ["[" filter "]"]  a name with a filter has a step after it
    value      = JSON string / characters without blanks, ")" and "]"

`:type` is not R4's: it names the target of a reference that may point at many types, as in chains.
"""

import json
import re
import unicodedata

from fhirserver.search.filter.tree import (
    OPERATORS,
    Comparison,
    Expression,
    Joint,
    Junction,
    Negation,
    Operator,
    Step,
)

_BLANKS = re.compile(r"\s*")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_WORD = re.compile(r"[^\s()\[\]]+")
_TOKEN = re.compile(r"[^\s)\]]+")
_strings = json.JSONDecoder()


class FilterSyntaxError(ValueError):
    """A text that is no filter; the message names the character, from 1, and what belongs there."""


class FilterTooLargeError(ValueError):
    """More of something than allowed.

    Attributes:
        limit: of what.
        most: how many.
    """

    def __init__(self, limit: str, most: int) -> None:
        super().__init__(limit)
        self.limit = limit
        self.most = most


def read_filter(text: str, *, terms: int, depth: int) -> Expression:
    """Read a filter.

    Args:
        text: the parameter's value, decoded.
        terms: comparisons at most.
        depth: parentheses and brackets within each other at most.

    Raises:
        FilterSyntaxError: what is wrong, and where.
        FilterTooLargeError: a limit is exceeded.
    """
    reader = _Reader(text, terms, depth)
    expression = reader.filter(0)
    if reader.at < len(text):
        raise reader.error("'and', 'or' or the end")
    return expression


class _Reader:
    """A place in the text, and what may still be read."""

    def __init__(self, text: str, terms: int, depth: int) -> None:
        self.text = text
        self.at = 0
        self.terms = terms
        self.comparisons = 0
        self.depth = depth

    def error(self, wanted: str) -> FilterSyntaxError:
        found = repr(self.text[self.at : self.at + 20]) if self.at < len(self.text) else "the end"
        return FilterSyntaxError(
            f"at character {self.at + 1} there is {found} where {wanted} belongs"
        )

    def blanks(self) -> bool:
        match = _BLANKS.match(self.text, self.at)
        assert match is not None
        moved = match.end() > self.at
        self.at = match.end()
        return moved

    def word(self) -> str:
        match = _WORD.match(self.text, self.at)
        return "" if match is None else match[0]

    def take(self, character: str) -> bool:
        if not self.text.startswith(character, self.at):
            return False
        self.at += 1
        return True

    def filter(self, depth: int) -> Expression:
        if depth > self.depth:
            raise FilterTooLargeError("parentheses within each other", self.depth)
        self.blanks()
        found = self.term(depth)
        joint: Joint | None = None
        parts = [found]
        while (following := self.joint()) is not None:
            if joint not in (None, following):
                assert joint is not None
                parts = [Junction(joint, tuple(parts))]
            joint = following
            parts.append(self.term(depth))
        return found if joint is None else Junction(joint, tuple(parts))

    def joint(self) -> Joint | None:
        self.blanks()
        word = self.word()
        if word not in ("and", "or"):
            return None
        self.at += len(word)
        self.blanks()
        return "and" if word == "and" else "or"

    def term(self, depth: int) -> Expression:
        negated = self.word() == "not"
        if negated:
            self.at += 3
            self.blanks()
        if self.take("("):
            inner = self.filter(depth + 1)
            if not self.take(")"):
                raise self.error("'and', 'or' or ')'")
            return Negation(inner) if negated else inner
        if negated:
            raise self.error("'('")
        return self.comparison(depth)

    def comparison(self, depth: int) -> Comparison:
        self.comparisons += 1
        if self.comparisons > self.terms:
            raise FilterTooLargeError("comparisons", self.terms)
        position = self.at + 1
        path = self.path(depth)
        if not self.blanks():
            raise self.error("a blank and an operator")
        operator = self.operator()
        if not self.blanks():
            raise self.error("a blank and a value")
        return Comparison(path, operator, self.value(), position)

    def operator(self) -> Operator:
        word = self.word()
        for operator in OPERATORS:
            if word == operator:
                self.at += len(word)
                return operator
        raise self.error(f"an operator ({' '.join(OPERATORS)})")

    def path(self, depth: int) -> tuple[Step, ...]:
        steps = [self.step(depth)]
        while self.take("."):
            steps.append(self.step(depth))
        if steps[-1].filter is not None or steps[-1].qualifier is not None:
            raise self.error("'.' and a search parameter")
        return tuple(steps)

    def step(self, depth: int) -> Step:
        code = self.name("the name of a search parameter")
        qualifier = self.name("a resource type") if self.take(":") else None
        if not self.take("["):
            return Step(code, qualifier)
        inner = self.filter(depth + 1)
        if not self.take("]"):
            raise self.error("'and', 'or' or ']'")
        return Step(code, qualifier, inner)

    def name(self, wanted: str) -> str:
        match = _NAME.match(self.text, self.at)
        if match is None:
            raise self.error(wanted)
        self.at = match.end()
        return match[0]

    def value(self) -> str:
        if self.text.startswith('"', self.at):
            return self.string()
        match = _TOKEN.match(self.text, self.at)
        if match is None:
            raise self.error("a value")
        self.at = match.end()
        return match[0]

    def string(self) -> str:
        try:
            value, end = _strings.raw_decode(self.text, self.at)
        except ValueError:
            raise self.error("a JSON string with both quotation marks") from None
        assert isinstance(value, str)
        if any(unicodedata.category(character) in ("Cc", "Cs") for character in value):
            raise self.error("a text without control characters and half surrogates")
        self.at = end
        return value
