"""Search values of `_text` and `_content`: words of the narrative, or of everything.

Spec: https://hl7.org/fhir/R4/search.html#content

    value  = either *("or" either)
    either = factor *(["and"] factor)
    factor = "not" factor / "(" value ")" / '"' phrase '"' / word

`and`, `or` and `not` in any case; between quotation marks they are words. Words compare folded as
strings do, and whole; a phrase is its words one after the other. R4 leaves the language open.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from fhirserver.search.condition_sql import all_of
from fhirserver.search.conditions import Condition, Fragment, Rows, Table, either, negated
from fhirserver.search.escape import escape, unescape
from fhirserver.search.words import words

MODIFIERS: frozenset[str] = frozenset()
TERMS_MAX = 100
DEPTH_MAX = 16

_PIECE = re.compile(r'\s*(?:"([^"]*)"|([()])|([^\s()"]+)|(\S))')


@dataclass(frozen=True, slots=True)
class TextValue:
    """A text search.

    Attributes:
        text: as written, without escapes.
        test: of a row of words.
    """

    text: str
    test: Fragment

    def render(self) -> str:
        """Write it as in a URL."""
        return escape(self.text)


def parse(text: str, _modifier: str | None = None) -> TextValue:
    """Parse one value.

    Raises:
        ValueError: what is missing, or no word to look for.
    """
    plain = unescape(text)
    reader = _Reader(_pieces(plain))
    test = reader.value(0)
    if reader.at < len(reader.pieces):
        raise ValueError("there is a ')' without its '('")
    return TextValue(plain, test)


def condition(table: Table, sps: tuple[int, ...], values: Iterable[TextValue]) -> Condition:
    """Build the condition of one criterion on a table of words; its values are alternatives."""
    return Rows(table, sps, tuple(value.test for value in values), single=True)


@dataclass(frozen=True, slots=True)
class _Piece:
    """A word of the value: "(", ")", "and", "or", "not", or text to look for."""

    sign: str
    text: str = ""


def _pieces(text: str) -> list[_Piece]:
    found: list[_Piece] = []
    for match in _PIECE.finditer(text):
        phrase, bracket, word, other = match.groups()
        if other:
            raise ValueError("a phrase needs a quotation mark at both ends")
        if bracket:
            found.append(_Piece(bracket))
        elif word and word.lower() in ("and", "or", "not"):
            found.append(_Piece(word.lower()))
        else:
            found.append(_Piece("text", word if phrase is None else phrase))
    if len(found) > TERMS_MAX:
        raise ValueError(f"at most {TERMS_MAX} words, phrases, operators and parentheses")
    return found


class _Reader:
    """A place among the pieces."""

    def __init__(self, pieces: list[_Piece]) -> None:
        self.pieces = pieces
        self.at = 0

    def sign(self) -> str:
        return self.pieces[self.at].sign if self.at < len(self.pieces) else ""

    def value(self, depth: int) -> Fragment:
        if depth > DEPTH_MAX:
            raise ValueError(f"at most {DEPTH_MAX} parentheses within each other")
        found = [self.all(depth)]
        while self.sign() == "or":
            self.at += 1
            found.append(self.all(depth))
        return either(found)

    def all(self, depth: int) -> Fragment:
        found = [self.factor(depth)]
        while self.sign() not in ("", "or", ")"):
            if self.sign() == "and":
                self.at += 1
            found.append(self.factor(depth))
        return all_of(found)

    def factor(self, depth: int) -> Fragment:
        sign = self.sign()
        if sign in ("", ")", "and", "or"):
            raise ValueError("a word, a phrase or '(' belongs after '(', and, or, not")
        self.at += 1
        if sign == "not":
            return negated(self.factor(depth + 1))
        if sign == "text":
            return _test(self.pieces[self.at - 1].text)
        found = self.value(depth + 1)
        if self.sign() != ")":
            raise ValueError("a ')' is missing")
        self.at += 1
        return found


def _test(text: str) -> Fragment:
    """Test for words in this order: all of them by the index, their order on the row."""
    found = words(text)
    if not found:
        raise ValueError(f"{text[:50]!r} has no letter or digit")
    query = " & ".join(f"'{word}'" for word in dict.fromkeys(found))
    test = Fragment("array_to_tsvector(string_to_array(@.words, ' ')) @@ %s::tsquery", (query,))
    if len(found) == 1:
        return test
    phrase = f" {' '.join(found)} "
    order = Fragment("strpos(' ' || @.words || ' ', %s) > 0", (phrase,))
    return all_of([test, order])
