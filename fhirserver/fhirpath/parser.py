"""FHIRPath tokens to a syntax tree, by precedence climbing.

Spec: http://hl7.org/fhirpath/N1/index.html#operator-precedence

From the loosest to the tightest: implies · or xor · and · in contains · = ~ != !~ · < > <= >= ·
| · is as · + - & · * / div mod · sign · [] · dot.
"""

from decimal import Decimal
from functools import lru_cache

from fhirserver.fhirpath.errors import FhirPathError, FhirPathLimitError
from fhirserver.fhirpath.lexer import Token, tokenize
from fhirserver.fhirpath.syntax import (
    Binary,
    Empty,
    Expr,
    Function,
    Index,
    Literal,
    Member,
    Parsed,
    Sign,
    SortKey,
    Span,
    Special,
    TypeName,
    TypeOperation,
    Variable,
)
from fhirserver.fhirpath.temporal import parse_literal
from fhirserver.fhirpath.values import CALENDAR_UNITS, MOST_DIGITS, Quantity

_PRECEDENCE = {
    operator: level
    for level, operators in enumerate(
        ("implies", "or xor", "and", "in contains", "= ~ != !~", "< > <= >=", "|", "is as",
         "+ - &", "* / div mod"),
        start=1,
    )
    for operator in operators.split()
}  # fmt: skip
_TYPE_FUNCTIONS = frozenset({"is", "as", "ofType"})
_MAX_DEPTH = 80


@lru_cache(maxsize=4096)
def parse(source: str) -> Expr:
    """Parse an expression of a definition, and keep its tree; raises as `parse_located` does."""
    return parse_located(source).tree


def parse_located(source: str) -> Parsed:
    """Parse an expression, and tell where its parts stand.

    Raises:
        FhirPathError: with the offset of the first token that does not fit.
    """
    parser = _Parser(tokenize(source))
    expression = parser.expression()
    parser.expect("end")
    return Parsed(expression, parser.spans)


class _Parser:
    """Takes tokens one after the other.

    Attributes:
        spans: of the nodes made so far; the tree keeps them alive, so that their ids are theirs.
    """

    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._next = 0
        self._depth = 0
        self.spans: dict[int, Span] = {}

    def expression(self, above: int = 0) -> Expr:
        """Parse operators that bind tighter than `above`."""
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise FhirPathError("nested too deeply", self._peek().position)
        left = self._signed()
        while (level := self._operator_level()) > above:
            token = self._take()
            operator = token.text
            if operator in ("is", "as"):
                left = self._made(TypeOperation(operator, left, self._type_name()), token)
            else:
                left = self._made(Binary(operator, left, self.expression(level)), token)
        self._depth -= 1
        return left

    def expect(self, kind: str, text: str | None = None) -> Token:
        """Take the next token, which must be as told."""
        token = self._take()
        if token.kind != kind or (text is not None and token.text != text):
            raise FhirPathError(f"expected {text or kind}, found {token.text!r}", token.position)
        return token

    def _made(self, node: Expr, token: Token) -> Expr:
        self.spans[id(node)] = Span(token.position, token.length)
        return node

    def _peek(self) -> Token:
        return self._tokens[self._next]

    def _take(self) -> Token:
        token = self._tokens[self._next]
        self._next += token.kind != "end"
        return token

    def _at(self, text: str) -> bool:
        token = self._peek()
        return token.kind == "operator" and token.text == text

    def _operator_level(self) -> int:
        token = self._peek()
        if token.kind not in ("operator", "identifier"):
            return 0
        return _PRECEDENCE.get(token.text, 0)

    def _signed(self) -> Expr:
        signs = []
        while self._at("+") or self._at("-"):
            signs.append(self._take())
        operand = self._postfix()
        for sign in reversed(signs[-_MAX_DEPTH:]):
            operand = self._made(Sign(sign.text, operand), sign)
        return operand

    def _postfix(self) -> Expr:
        left = self._term()
        while True:
            if self._at("."):
                self._take()
                left = self._invocation(left)
            elif self._at("["):
                token = self._take()
                left = self._made(Index(left, self.expression()), token)
                self.expect("operator", "]")
            else:
                return left

    def _term(self) -> Expr:
        token = self._peek()
        if token.kind == "operator":
            return self._bracketed()
        if token.kind == "number":
            return self._number()
        if token.kind in ("quoted", "special") or (
            token.kind == "identifier" and token.text not in ("true", "false")
        ):
            return self._invocation(None)
        return self._made(_word(self._take()), token)

    def _bracketed(self) -> Expr:
        token = self._take()
        if token.text == "(":
            inner = self.expression()
            self.expect("operator", ")")
            return inner
        if token.text == "{":
            self.expect("operator", "}")
            return self._made(Empty(), token)
        raise _unexpected(token)

    def _number(self) -> Expr:
        token = self._take()
        text = token.text
        if token.length > MOST_DIGITS:
            raise FhirPathLimitError(
                f"a number is written with more than {MOST_DIGITS} digits", token.position
            )
        unit = self._peek()
        value: Quantity | Decimal | int
        if unit.kind in ("string", "identifier") and unit.text in CALENDAR_UNITS:
            value = Quantity(Decimal(text), CALENDAR_UNITS[unit.text], calendar=True)
        elif unit.kind == "string":
            value = Quantity(Decimal(text), unit.text)
        else:
            value = Decimal(text) if "." in text else int(text)
            return self._made(Literal(value), token)
        self._take()
        length = unit.position + unit.length - token.position
        return self._made(Literal(value), token._replace(length=length))

    def _invocation(self, source: Expr | None) -> Expr:
        token = self._take()
        if token.kind == "special":
            return self._made(Special(token.text), token) if source is None else source
        if token.kind not in ("identifier", "quoted"):
            raise FhirPathError(f"expected a name, found {token.text!r}", token.position)
        if token.kind == "identifier" and self._at("("):
            self._take()
            call = Function(source, token.text, self._arguments(token.text))
            return self._made(call, token)
        return self._made(Member(source, token.text), token)

    def _arguments(self, function: str) -> tuple[Expr, ...]:
        arguments: list[Expr] = []
        while not self._at(")"):
            if arguments:
                self.expect("operator", ",")
            if function in _TYPE_FUNCTIONS:
                arguments.append(self._type_name())
            elif function == "sort":
                arguments.append(self._sort_key())
            else:
                arguments.append(self.expression())
        self._take()
        return tuple(arguments)

    def _sort_key(self) -> SortKey:
        key = self.expression()
        token = self._peek()
        if token.kind == "identifier" and token.text in ("asc", "desc"):
            self._take()
        return SortKey(key, descending=token.text == "desc")

    def _type_name(self) -> TypeName:
        token = last = self._name()
        name = token.text
        if self._at("."):
            self._take()
            last = self._name()
            name += "." + last.text
        node = TypeName(name)
        self.spans[id(node)] = Span(token.position, last.position + last.length - token.position)
        return node

    def _name(self) -> Token:
        token = self._take()
        if token.kind not in ("identifier", "quoted"):
            raise FhirPathError(f"expected a type, found {token.text!r}", token.position)
        return token


def _word(token: Token) -> Expr:
    """Give the node of a token that stands for itself."""
    match token.kind:
        case "string":
            return Literal(token.text)
        case "identifier":
            return Literal(token.text == "true")
        case "temporal":
            return Literal(parse_literal(token.text, token.position))
        case "variable":
            return Variable(token.text)
        case _:
            raise _unexpected(token)


def _unexpected(token: Token) -> FhirPathError:
    message = f"expected a value, a name or a parenthesis, found {token.text!r}"
    return FhirPathError(message, token.position)
