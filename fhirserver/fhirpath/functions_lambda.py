"""Functions that evaluate an argument once per item, or not at all.

Spec: http://hl7.org/fhirpath/N1/index.html#filtering-and-projection, #iif and #aggregates
"""

from functools import cmp_to_key

from fhirserver.fhirpath.context import RESERVED, Context
from fhirserver.fhirpath.cost import terms, weight
from fhirserver.fhirpath.equality import identity, order
from fhirserver.fhirpath.errors import FhirPathError, FhirPathLimitError
from fhirserver.fhirpath.function_table import Compile, FunctionDef, Run, need_text
from fhirserver.fhirpath.syntax import Expr, SortKey
from fhirserver.fhirpath.values import Collection, single

_MAX_ITEMS = 100_000
_COMPARISONS = 16
"""What sorting looks at an item, about: the logarithm of their number."""


def _where(compiler: Compile, source: Run, arguments: tuple[Expr, ...]) -> Run:
    test, price = compiler.test(arguments[0]), terms(arguments[0])

    def run(this: Collection, context: Context) -> Collection:
        found = []
        outer = context.index
        items = source(this, context)
        context.spend(len(items) * price)
        for index, item in enumerate(items):
            context.index = index
            if test([item], context):
                found.append(item)
        context.index = outer
        return found

    return run


def _select(compiler: Compile, source: Run, arguments: tuple[Expr, ...]) -> Run:
    project, price = compiler.operand(arguments[0]), terms(arguments[0])

    def run(this: Collection, context: Context) -> Collection:
        found: Collection = []
        outer = context.index
        items = source(this, context)
        context.spend(len(items) * price)
        for index, item in enumerate(items):
            context.index = index
            results = project([item], context)
            context.spend(len(results))
            found.extend(results)
        context.index = outer
        return found

    return run


def _all(compiler: Compile, source: Run, arguments: tuple[Expr, ...]) -> Run:
    test, price = compiler.test(arguments[0]), terms(arguments[0])

    def run(this: Collection, context: Context) -> Collection:
        outer = context.index
        items = source(this, context)
        context.spend(len(items) * price)
        for index, item in enumerate(items):
            context.index = index
            if not test([item], context):
                context.index = outer
                return [False]
        context.index = outer
        return [True]

    return run


def _repeat(compiler: Compile, source: Run, arguments: tuple[Expr, ...]) -> Run:
    project, price = compiler.operand(arguments[0]), terms(arguments[0])

    def run(this: Collection, context: Context) -> Collection:
        found: Collection = []
        seen = set()
        queue = list(source(this, context))
        for item in queue:
            results = project([item], context)
            context.spend(price + weight(results))
            for result in results:
                key = identity(result)
                if key not in seen:
                    seen.add(key)
                    found.append(result)
                    queue.append(result)
            if len(queue) > _MAX_ITEMS:
                raise FhirPathLimitError("repeat() does not come to an end")
        return found

    return run


def _aggregate(compiler: Compile, source: Run, arguments: tuple[Expr, ...]) -> Run:
    step, price = compiler.operand(arguments[0]), terms(arguments[0])
    start = compiler.operand(arguments[1]) if len(arguments) > 1 else None

    def run(this: Collection, context: Context) -> Collection:
        outer = context.index, context.total
        total: Collection = [] if start is None else start(this, context)
        items = source(this, context)
        context.spend(len(items) * price)
        for index, item in enumerate(items):
            context.index, context.total = index, total
            total = step([item], context)
        context.index, context.total = outer
        return total

    return run


def _iif(compiler: Compile, source: Run, arguments: tuple[Expr, ...]) -> Run:
    condition, positive, *rest = [compiler.operand(argument) for argument in arguments]
    negative = rest[0] if rest else None

    def run(this: Collection, context: Context) -> Collection:
        items = source(this, context)
        if len(items) > 1:
            raise FhirPathError("iif() takes one item")
        criterion = single(condition(items, context))
        if criterion is not None and criterion.__class__ is not bool:
            raise FhirPathError("the criterion of iif() must be a Boolean")
        if criterion:
            return positive(items, context)
        return [] if negative is None else negative(items, context)

    return run


def _trace(compiler: Compile, source: Run, arguments: tuple[Expr, ...]) -> Run:
    """Pass the input on, and show it, or a projection of each item, to who listens."""
    name = compiler.operand(arguments[0])
    project = _select(compiler, _this, arguments[1:]) if len(arguments) > 1 else _this

    def run(this: Collection, context: Context) -> Collection:
        items = source(this, context)
        if context.trace is not None:
            seen = project(items, context)
            context.spend(1 + len(seen))
            context.trace(need_text(single(name(this, context))), seen)
        return items

    return run


def _this(this: Collection, _context: Context) -> Collection:
    return this


def _sort(compiler: Compile, source: Run, arguments: tuple[Expr, ...]) -> Run:
    keys = [
        (compiler.operand(argument.expression), argument.descending)
        for argument in arguments
        if isinstance(argument, SortKey)
    ] or [(lambda this, _context: this, False)]
    price = 1 + sum(map(terms, arguments))

    def run(this: Collection, context: Context) -> Collection:
        items = source(this, context)
        context.spend(len(items) * price)
        rows = [([key([item], context) for key, _ in keys], item) for item in items]
        context.spend(_COMPARISONS * sum(weight(key) for row, _ in rows for key in row))

        def compare(left: tuple[list[Collection], object], right: tuple[list[Collection], object],
                    ) -> int:  # fmt: skip
            for one, other, (_, descending) in zip(left[0], right[0], keys, strict=True):
                result = _order_or_absence(one, other)
                if result:
                    return -result if descending else result
            return 0

        return [item for _, item in sorted(rows, key=cmp_to_key(compare))]

    return run


def _order_or_absence(left: Collection, right: Collection) -> int:
    """Order two keys; an empty one comes first."""
    if not left or not right:
        return bool(left) - bool(right)
    return order(left, right) or 0


def _define_variable(compiler: Compile, source: Run, arguments: tuple[Expr, ...]) -> Run:
    name = compiler.operand(arguments[0])
    value = compiler.operand(arguments[1]) if len(arguments) > 1 else None

    def run(this: Collection, context: Context) -> Collection:
        items = source(this, context)
        key = need_text(single(name(this, context)))
        if key in RESERVED or key in context.variables:
            raise FhirPathError(f"%{key} is defined already")
        content = items if value is None else value(items, context)
        context.variables = {**context.variables, key: content}
        return items

    return run


def _coalesce(compiler: Compile, _source: Run, arguments: tuple[Expr, ...]) -> Run:
    operands = [compiler.operand(argument) for argument in arguments]

    def run(this: Collection, context: Context) -> Collection:
        for operand in operands:
            items = operand(this, context)
            if items:
                return items
        return []

    return run


LAMBDA_FUNCTIONS: dict[str, FunctionDef] = {
    "aggregate": FunctionDef(_aggregate, 1, 2),
    "all": FunctionDef(_all, 1, 1),
    "coalesce": FunctionDef(_coalesce, 1, 100),
    "defineVariable": FunctionDef(_define_variable, 1, 2),
    "iif": FunctionDef(_iif, 2, 3),
    "repeat": FunctionDef(_repeat, 1, 1),
    "select": FunctionDef(_select, 1, 1),
    "sort": FunctionDef(_sort, 0, 20),
    "trace": FunctionDef(_trace, 1, 2),
    "where": FunctionDef(_where, 1, 1),
}
