"""How functions are declared: a row of a table per function, by what it needs.

whole(f)        f(items)                        no argument; gets and gives a collection
eager(f, n)     f(items, *collections)          arguments are evaluated on the outer focus
heavy(f, n)     likewise, where whole elements are compared or long texts are read
scalar(f, n)    f(value, *values)               one item; an empty input or argument gives {}
FunctionDef     build(compiler, source, args)   decides itself when its arguments run
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from fhirserver.fhirpath.context import FREE_ITEMS, Context
from fhirserver.fhirpath.cost import spend_on_result, spend_on_text, weight
from fhirserver.fhirpath.errors import FhirPathError
from fhirserver.fhirpath.syntax import Expr
from fhirserver.fhirpath.values import Collection, single

Run = Callable[[Collection, Context], Collection]
"""A compiled expression: the items of $this and the context give a collection."""
Test = Callable[[Collection, Context], bool | None]
"""A compiled expression as a Boolean; None where it is empty."""


class Compile(Protocol):
    """What a function's builder asks of the compiler."""

    lenient: bool

    def operand(self, expression: Expr) -> Run:
        """Compile an argument; variables it defines end with it."""

    def test(self, expression: Expr) -> Test:
        """Compile an argument that is a condition."""


Closure = TypeVar("Closure", Run, Test)


def located(closure: Closure, position: int | None) -> Closure:
    """Let a closure's errors tell where in the source its term stands."""

    def run(this: Collection, context: Context) -> Any:
        try:
            return closure(this, context)
        except FhirPathError as error:
            error.place(position)
            raise

    return run


Builder = Callable[[Compile, Run, tuple[Expr, ...]], Run]


@dataclass(frozen=True, slots=True)
class FunctionDef:
    """A function with the number of arguments it takes, bounds included."""

    build: Builder
    least: int
    most: int


def whole(function: Callable[[Collection], Collection]) -> FunctionDef:
    """Declare a function of its input alone."""

    def build(_compiler: Compile, source: Run, _arguments: tuple[Expr, ...]) -> Run:
        def run(this: Collection, context: Context) -> Collection:
            items = source(this, context)
            if len(items) > FREE_ITEMS:
                context.spend(len(items))
            return function(items)

        return run

    return FunctionDef(build, 0, 0)


def eager(function: Callable[..., Collection], least: int, most: int | None = None) -> FunctionDef:
    """Declare a function of its input and its arguments' collections."""

    def build(compiler: Compile, source: Run, arguments: tuple[Expr, ...]) -> Run:
        operands = [compiler.operand(argument) for argument in arguments]

        def run(this: Collection, context: Context) -> Collection:
            items = source(this, context)
            others = [operand(this, context) for operand in operands]
            size = len(items) + sum(map(len, others))
            if size > FREE_ITEMS:
                context.spend(size)
            return function(items, *others)

        return run

    return FunctionDef(build, least, least if most is None else most)


def heavy(function: Callable[..., Collection], least: int, most: int | None = None) -> FunctionDef:
    """Declare a function like `eager`'s whose cost is what its collections hold, at any depth."""

    def build(compiler: Compile, source: Run, arguments: tuple[Expr, ...]) -> Run:
        operands = [compiler.operand(argument) for argument in arguments]

        def run(this: Collection, context: Context) -> Collection:
            items = source(this, context)
            others = [operand(this, context) for operand in operands]
            context.spend(weight(items) + sum(map(weight, others)))
            return function(items, *others)

        return run

    return FunctionDef(build, least, least if most is None else most)


def scalar(function: Callable[..., Any], least: int = 0, most: int | None = None) -> FunctionDef:
    """Declare a function of one value and its arguments' values; None becomes {}."""

    def build(compiler: Compile, source: Run, arguments: tuple[Expr, ...]) -> Run:
        operands = [compiler.operand(argument) for argument in arguments]

        def run(this: Collection, context: Context) -> Collection:
            value = single(source(this, context))
            values = [single(operand(this, context)) for operand in operands]
            if value is None or None in values:
                return []
            spend_on_text(value, context)
            result = function(value, *values)
            if result is None:
                return []
            spend_on_result(result, context)
            return result if result.__class__ is list else [result]

        return run

    return FunctionDef(build, least, least if most is None else most)


def need_text(value: Any) -> str:
    """Give a value that must be text."""
    if not isinstance(value, str):
        raise FhirPathError("expected text")
    return value


def need_integer(value: Any) -> int:
    """Give a value that must be an Integer."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise FhirPathError("expected an Integer")
    return value
