"""Compiled expressions, kept by their source."""

from functools import lru_cache
from typing import Any

from fhirserver.fhirpath.compiler import Compiler
from fhirserver.fhirpath.context import Context
from fhirserver.fhirpath.errors import FhirPathError, FhirPathLimitError
from fhirserver.fhirpath.function_table import Run, Test
from fhirserver.fhirpath.parser import parse_located
from fhirserver.fhirpath.syntax import Parsed
from fhirserver.fhirpath.values import Collection, ElementNode

SOURCE_LIMIT = 20_000
"""Characters of an expression; the longest of R4 has about 2,000."""
_KEPT_LENGTH = 500


class Expression:
    """An expression ready to be evaluated, by any number of threads.

    Attributes:
        source: its text.
        parsed: its syntax tree.
    """

    __slots__ = ("_run", "_test", "parsed", "source")

    def __init__(self, source: str, parsed: Parsed, run: Run, test: Test) -> None:
        self.source = source
        self.parsed = parsed
        self._run = run
        self._test = test

    def evaluate(
        self, focus: ElementNode | Collection, context: Context | None = None
    ) -> Collection:
        """Evaluate on an element, or on the items of a collection.

        Args:
            focus: what $this and the first name of the expression start from.
            context: variables and surroundings; None means `focus` stands alone.

        Returns:
            Items: ElementNode, or System values; see `fhirserver.fhirpath.values`.

        Raises:
            FhirPathError: the expression does not fit this input.
        """
        items = focus if isinstance(focus, list) else [focus]
        if context is None:
            context = Context()
        context.focus = items
        return list(_guarded(self._run, items, context))

    def test(self, node: ElementNode, context: Context) -> bool | None:
        """Evaluate as a condition; None if the result is empty. Raises as `evaluate` does."""
        items = [node]
        context.focus = items
        result: bool | None = _guarded(self._test, items, context)
        return result

    def evaluate_boolean(
        self,
        node: ElementNode,
        resource: ElementNode | None = None,
        root_resource: ElementNode | None = None,
    ) -> bool | None:
        """Evaluate as a condition on an element of a resource; see `test`."""
        return self.test(node, Context(resource, root_resource))


def _guarded(closure: Any, items: Collection, context: Context) -> Any:
    try:
        return closure(items, context)
    except RecursionError:
        raise FhirPathLimitError("the expression or its input is nested too deeply") from None
    except ArithmeticError:
        raise FhirPathError("a number is out of range") from None


def compile_expression(source: str, *, lenient: bool = False, located: bool = False) -> Expression:
    """Compile an expression; the result is kept where the expression is short.

    Args:
        source: FHIRPath.
        lenient: `as` filters a collection instead of failing on several items, which the
            expressions of search parameters and some invariants rely on.
        located: errors of evaluation tell their place in the source too, for authors; it is
            slower.

    Raises:
        FhirPathError: with the offset where it does not parse, or naming what is unknown.
        FhirPathLimitError: it is too long, or nested too deeply.
    """
    if len(source) > SOURCE_LIMIT:
        raise FhirPathLimitError(f"the expression has more than {SOURCE_LIMIT} characters")
    compile_ = _compile_kept if len(source) <= _KEPT_LENGTH else _compile
    return compile_(source, lenient, located)


def _compile(source: str, lenient: bool, located: bool) -> Expression:
    try:
        parsed = parse_located(source)
        compiler = Compiler(
            parsed.spans, lenient=lenient, scoping="defineVariable" in source, located=located
        )
        tree = parsed.tree
        return Expression(source, parsed, compiler.run(tree), compiler.test(tree))
    except RecursionError:
        raise FhirPathLimitError("the expression is nested too deeply") from None


_compile_kept = lru_cache(maxsize=1024)(_compile)
