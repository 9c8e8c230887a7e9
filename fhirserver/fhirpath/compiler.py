"""Syntax trees to closures.

A compiled expression is `run(this, context)`: the items of $this in, a collection out. Conditions
are compiled a second way, as `test(this, context)`, to True, False or None (empty). Both forms of
the same expression agree; tests only save the collections in between.
"""

from collections.abc import Mapping

from fhirserver.definitions import r4
from fhirserver.fhirpath.context import FREE_ITEMS, Context
from fhirserver.fhirpath.errors import FhirPathError
from fhirserver.fhirpath.function_table import FunctionDef, Run, Test, located
from fhirserver.fhirpath.functions_boundary import BOUNDARY_FUNCTIONS
from fhirserver.fhirpath.functions_collection import COLLECTION_FUNCTIONS
from fhirserver.fhirpath.functions_conversion import CONVERSION_FUNCTIONS
from fhirserver.fhirpath.functions_fhir import FHIR_FUNCTIONS
from fhirserver.fhirpath.functions_lambda import LAMBDA_FUNCTIONS
from fhirserver.fhirpath.functions_math import MATH_FUNCTIONS
from fhirserver.fhirpath.functions_pattern import PATTERN_FUNCTIONS
from fhirserver.fhirpath.functions_string import STRING_FUNCTIONS
from fhirserver.fhirpath.functions_terminology import TERMINOLOGY_FUNCTIONS
from fhirserver.fhirpath.operators import COMPARISONS, LOGIC, OPERATORS, equals_text, negate
from fhirserver.fhirpath.paths import compile_index, compile_member, compile_presence, compile_root
from fhirserver.fhirpath.semantics import semantic_fault
from fhirserver.fhirpath.syntax import (
    Binary,
    Empty,
    Expr,
    Function,
    Index,
    Literal,
    Member,
    Sign,
    Span,
    Special,
    TypeName,
    TypeOperation,
    Variable,
)
from fhirserver.fhirpath.type_system import is_exactly, is_type, parse_type
from fhirserver.fhirpath.values import Collection, TypeInfo, single, to_boolean

FUNCTIONS: dict[str, FunctionDef] = {
    **BOUNDARY_FUNCTIONS,
    **COLLECTION_FUNCTIONS,
    **CONVERSION_FUNCTIONS,
    **FHIR_FUNCTIONS,
    **LAMBDA_FUNCTIONS,
    **MATH_FUNCTIONS,
    **PATTERN_FUNCTIONS,
    **STRING_FUNCTIONS,
    **TERMINOLOGY_FUNCTIONS,
}
_TYPE_FUNCTIONS = ("is", "as", "ofType")

_TRUE, _FALSE, _EMPTY = [True], [False], list[bool]()


class Compiler:
    """Compiles one expression.

    Args:
        spans: places of the expression's nodes, for errors.
        lenient: `as` filters where the standard asks for a single item.
        scoping: the expression defines variables, so operands must be kept apart.
        located: errors of evaluation tell their place too, which costs a call per term.
    """

    def __init__(
        self, spans: Mapping[int, Span], *, lenient: bool, scoping: bool, located: bool
    ) -> None:
        self.lenient = lenient
        self._spans = spans
        self._scoping = scoping
        self._located = located

    def run(self, expression: Expr) -> Run:
        """Compile to a collection."""
        try:
            run = self._checked(expression)
        except FhirPathError as error:
            error.place(self._position(expression))
            raise
        return located(run, self._position(expression)) if self._located else run

    def _position(self, expression: Expr) -> int | None:
        span = self._spans.get(id(expression))
        return None if span is None else span.position

    def _checked(self, expression: Expr) -> Run:
        run = self._run(expression)
        fault = semantic_fault(expression)
        if fault is None:
            return run

        def checked(this: Collection, context: Context) -> Collection:
            if context.strict:
                raise FhirPathError(fault)
            return run(this, context)

        return checked

    def _run(self, expression: Expr) -> Run:
        match expression:
            case Member():
                return self._member(expression)
            case Function():
                return self._function(expression)
            case Binary(operator, left, right) if operator in OPERATORS:
                return OPERATORS[operator](self.operand(left), self.operand(right))
            case Binary():
                return _collected(self._test(expression))
            case TypeOperation(operator, operand, wanted):
                return self._type_operation(operator, self.operand(operand), wanted.name)
            case Index(source, index):
                return compile_index(self.run(source), self.operand(index))
            case Sign(operator, operand):
                return _sign(operator, self.operand(operand))
            case _:
                return _term(expression)

    def operand(self, expression: Expr) -> Run:
        """Compile an operand; the variables it defines end with it."""
        run = self.run(expression)
        if not self._scoping:
            return run

        def scoped(this: Collection, context: Context) -> Collection:
            outer = context.variables
            result = run(this, context)
            context.variables = outer
            return result

        return scoped

    def test(self, expression: Expr) -> Test:
        """Compile to a Boolean."""
        test = self._test(expression)
        return located(test, self._position(expression)) if self._located else test

    def _test(self, expression: Expr) -> Test:
        match expression:
            case Binary(operator, left, right) if operator in LOGIC:
                return LOGIC[operator](self.test(left), self.test(right))
            case Binary("=" | "!=" as operator, left, Literal(value)) if value.__class__ is str:
                return equals_text(self.operand(left), value, negated=operator == "!=")
            case Binary(operator, left, right) if operator in COMPARISONS:
                return COMPARISONS[operator](self.operand(left), self.operand(right))
            case Function(source, "not", ()) if source is not None:
                return _negated(self.test(source))
            case Function(source, "exists", ()):
                return self._presence(source, absent=False)
            case Function(source, "empty", ()):
                return self._presence(source, absent=True)
            case Function(source, "exists", (criterion,)):
                return self._presence(Function(source, "where", (criterion,)), absent=False)
            case _:
                return _as_boolean(self.operand(expression))

    def _presence(self, source: Expr | None, *, absent: bool) -> Test:
        if isinstance(source, Member) and not _is_root(source):
            return compile_presence(self._source(source.source), source.name, absent=absent)
        run = self._source(source)
        return lambda this, context: (not run(this, context)) is absent

    def _source(self, source: Expr | None) -> Run:
        return _this if source is None else self.run(source)

    def _member(self, member: Member) -> Run:
        if _is_root(member):
            return compile_root(member.name)
        source = None if member.source is None else self.run(member.source)
        return compile_member(source, member.name)

    def _function(self, expression: Function) -> Run:
        source, name, arguments = expression.source, expression.name, expression.arguments
        if name in ("exists", "empty") and len(arguments) <= (name == "exists"):
            return _collected(self._test(expression))
        if name in _TYPE_FUNCTIONS and len(arguments) == 1 and isinstance(arguments[0], TypeName):
            return self._type_operation(name, self._source(source), arguments[0].name)
        definition = FUNCTIONS.get(name)
        if definition is None:
            raise FhirPathError(f"there is no function {name}()")
        if not definition.least <= len(arguments) <= definition.most:
            raise FhirPathError(f"{name}() does not take {len(arguments)} arguments")
        return definition.build(self, self._source(source), arguments)

    def _type_operation(self, operator: str, run: Run, name: str) -> Run:
        wanted = parse_type(name)
        if operator == "is":
            return lambda this, context: [
                is_type(item, wanted) for item in _at_most_one(run(this, context))
            ]
        if operator == "ofType" or self.lenient:
            return _of_type(run, wanted)
        return lambda this, context: [
            item for item in _at_most_one(run(this, context)) if is_exactly(item, wanted)
        ]


def _as_boolean(run: Run) -> Test:
    return lambda this, context: to_boolean(run(this, context))


def _of_type(run: Run, wanted: TypeInfo) -> Run:
    def filtered(this: Collection, context: Context) -> Collection:
        items = run(this, context)
        if len(items) > FREE_ITEMS:
            context.spend(len(items))
        return [item for item in items if is_exactly(item, wanted)]

    return filtered


def _term(expression: Expr) -> Run:
    match expression:
        case Literal(value):
            constant = [value]
            return lambda _this, _context: constant
        case Empty():
            return lambda _this, _context: []
        case Variable(name):
            return lambda _this, context: context.variable(name)
        case Special("$index"):
            return lambda _this, context: [context.index]
        case Special("$total"):
            return lambda _this, context: context.total
        case Special():
            return _this
        case _:
            raise FhirPathError("a type or sort key stands where a value is needed")


def _this(this: Collection, _context: Context) -> Collection:
    return this


def _is_root(member: Member) -> bool:
    """Tell a leading type name, as in Patient.name, from an element's name."""
    return member.source is None and member.name[:1].isupper() and member.name in r4().type_names


def _at_most_one(items: Collection) -> Collection:
    if len(items) > 1:
        raise FhirPathError(f"expected one item, found {len(items)}")
    return items


def _collected(test: Test) -> Run:
    def run(this: Collection, context: Context) -> Collection:
        result = test(this, context)
        if result is None:
            return _EMPTY
        return _TRUE if result else _FALSE

    return run


def _negated(test: Test) -> Test:
    def negated(this: Collection, context: Context) -> bool | None:
        result = test(this, context)
        return None if result is None else not result

    return negated


def _sign(operator: str, run: Run) -> Run:
    def signed(this: Collection, context: Context) -> Collection:
        value = single(run(this, context))
        if value is None:
            return []
        return [negate(value)] if operator == "-" else [negate(negate(value))]

    return signed
