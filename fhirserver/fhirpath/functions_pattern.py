"""Regular expressions: matches(), matchesFull() and replaceMatches().

Spec: http://hl7.org/fhirpath/N1/index.html#matchesregex--string--boolean

Some patterns take exponential time on some texts, and both come from strangers. Python's `re`
cannot be interrupted, and stops all threads while it searches; the package `regex` has a time
limit and lets others go on. It writes out what is repeated while it compiles, which has none: so
how long that gets is found out before. What it offers beyond `re`, such as patterns that call
themselves, is not offered here.
"""

import re
import time
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import regex

from fhirserver.fhirpath.context import PATTERN_S, Context
from fhirserver.fhirpath.cost import refuse_long_text, spend_on_result, spend_on_text
from fhirserver.fhirpath.errors import FhirPathError, FhirPathLimitError
from fhirserver.fhirpath.function_table import Compile, FunctionDef, Run, need_text
from fhirserver.fhirpath.syntax import Expr
from fhirserver.fhirpath.values import Collection, single

PATTERN_LIMIT = 4000
"""Characters of a pattern."""
_GROUP = re.compile(r"\$(\d)")
_EXPANDED_LIMIT = 10_000
_ONE = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]", re.DOTALL)
"""An escaped character, or a class of characters."""
_EXTENSION = re.compile(r"\(\?(?!:|=|!|>|<[=!]|P?<[A-Za-z_]\w*>|P=|[aims]+[:)])")
_TOKEN = re.compile(r"\((?:\?[^:=!>)]*[:=!>)])?|\)|\{(\d{1,9})|.", re.DOTALL)


@lru_cache(maxsize=256)
def _pattern(text: str) -> Any:
    simple = _ONE.sub("a", text)
    if _EXTENSION.search(simple):
        raise FhirPathError("the regular expression has a group of a kind that is not offered")
    if _expanded(simple) > _EXPANDED_LIMIT:
        raise FhirPathLimitError(
            f"the repeats of the regular expression are for more than {_EXPANDED_LIMIT} characters"
        )
    try:
        return regex.compile(text, regex.DOTALL)
    except (regex.error, OverflowError, RecursionError) as error:
        raise FhirPathError("the regular expression is wrong") from error


def _expanded(simple: str) -> int:
    """Count what a pattern is with its repeats written out, as often as they are at least."""
    outer: list[int] = []
    total = last = 0
    for token in _TOKEN.finditer(simple):
        first = token[0][0]
        if first == "(":
            outer.append(total)
            total = last = 0
        elif first == ")":
            last = total
            total += outer.pop() if outer else 0
        elif token[1] is not None:
            total += last * (max(int(token[1]), 1) - 1)
        else:
            total, last = total + 1, 1
    return total + sum(outer)


def _compiled(text: Any) -> Any:
    if len(need_text(text)) > PATTERN_LIMIT:
        raise FhirPathLimitError(f"the regular expression has more than {PATTERN_LIMIT} characters")
    return _pattern(text)


def _matches(time_s: float, text: str, pattern: str) -> bool:
    return _compiled(pattern).search(need_text(text), timeout=time_s) is not None


def _matches_full(time_s: float, text: str, pattern: str) -> bool:
    return _compiled(pattern).fullmatch(need_text(text), timeout=time_s) is not None


def _replace_matches(time_s: float, text: str, pattern: str, replacement: str) -> str:
    if pattern == "":
        return need_text(text)
    template = _GROUP.sub(r"\\g<\1>", need_text(replacement).replace("\\", "\\\\"))
    length = len(need_text(text))

    def expand(match: Any) -> str:
        nonlocal length
        made: str = match.expand(template)
        length += len(made) - len(match[0])
        refuse_long_text(length)
        return made

    try:
        replaced: str = _compiled(pattern).sub(expand, text, timeout=time_s)
    except (regex.error, IndexError) as error:
        raise FhirPathError("the replacement names a group that is not there") from error
    return replaced


def _timed(function: Callable[..., Any], arguments: int) -> FunctionDef:
    """Declare a function of one text that has a time limit; an empty input gives {}."""

    def build(compiler: Compile, source: Run, given: tuple[Expr, ...]) -> Run:
        operands = [compiler.operand(argument) for argument in given]

        def run(this: Collection, context: Context) -> Collection:
            value = single(source(this, context))
            values = [single(operand(this, context)) for operand in operands]
            if value is None or None in values:
                return []
            spend_on_text(value, context)
            started = time.thread_time()
            try:
                result = function(context.pattern_s, value, *values)
            except TimeoutError:
                context.pattern_s = 0.0
            else:
                context.pattern_s -= time.thread_time() - started
            if context.pattern_s <= 0:
                raise FhirPathLimitError(
                    f"its regular expressions take more than {PATTERN_S:g} s on this text; write "
                    "them without repeats inside of repeats"
                )
            spend_on_result(result, context)
            return [result]

        return run

    return FunctionDef(build, arguments, arguments)


PATTERN_FUNCTIONS: dict[str, FunctionDef] = {
    "matches": _timed(_matches, 1),
    "matchesFull": _timed(_matches_full, 1),
    "replaceMatches": _timed(_replace_matches, 2),
}
