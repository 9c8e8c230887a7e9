"""What $fhirpath answers.

Spec: the server API that the FHIRPath Lab documents, "Output Parameters Resource"

    parameters   evaluator, parseDebugTree, and what was asked
    result       one for each item of the context, which its value names; the items as parts, and
                 a part `trace` for each trace()
"""

from collections.abc import Iterable, Iterator
from importlib.metadata import version

from fhirserver.fhirpath import Collection, Expression, FhirPathLimitError
from fhirserver.fhirpath.contexts import Evaluated
from fhirserver.fhirpath.lab_tree import lab_tree
from fhirserver.fhirpath.parts import part_of
from fhirserver.model.json import JsonObject, write_json

RESULT_LIMIT_BYTES = 8 * 1024 * 1024
"""Size of the results with their traces; an expression may name one large element many times."""


def echo(expression: Expression, asked: Iterable[JsonObject]) -> JsonObject:
    """Say what was asked, and of whom."""
    told = [_text("evaluator", f"fhirserver {version('fhirserver')} (R4)")]
    try:
        tree = write_json(lab_tree(expression.parsed)).decode()
    except RecursionError:
        pass  # so deep a tree could be evaluated, but nobody could look at it
    else:
        told.append(_text("parseDebugTree", tree))
    return {"name": "parameters", "part": [*told, *asked]}


def results(evaluated: Iterable[Evaluated]) -> list[JsonObject]:
    """Make the parameters that hold results.

    Raises:
        FhirPathLimitError: they are larger than they may be.
    """
    room = _Room(RESULT_LIMIT_BYTES)
    return [_result(each, room) for each in evaluated]


class _Room:
    """Counts what is made, part by part, so that too much is refused before it is there."""

    def __init__(self, size_bytes: int) -> None:
        self._left_bytes = size_bytes

    def parts(self, items: Collection) -> Iterator[JsonObject]:
        """Give the items as parts."""
        for item in items:
            yield self.counted(part_of(item))

    def counted(self, part: JsonObject) -> JsonObject:
        """Give a part that there is room for."""
        self._left_bytes -= len(write_json(part))
        if self._left_bytes < 0:
            raise FhirPathLimitError(f"the result has more than {RESULT_LIMIT_BYTES} bytes")
        return part


def _result(evaluated: Evaluated, room: _Room) -> JsonObject:
    head: JsonObject = {"name": "result"}
    if evaluated.place is not None:
        head["valueString"] = evaluated.place
    traces = [
        _with_parts(room.counted(_text("trace", name)), [*room.parts(items)])
        for name, items in evaluated.traces
    ]
    return _with_parts(room.counted(head), [*room.parts(evaluated.items), *traces])


def _text(name: str, text: str) -> JsonObject:
    return {"name": name, "valueString": text}


def _with_parts(parameter: JsonObject, parts: list[JsonObject]) -> JsonObject:
    return {**parameter, "part": parts} if parts else parameter
