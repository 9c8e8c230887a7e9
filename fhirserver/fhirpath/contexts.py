"""An expression on each item of a context, with what its trace() calls saw.

Spec: the server API that the FHIRPath Lab documents, "Evaluation Notes"

Without a context there is one evaluation, on the resource. In each %context is the item, and
%resource and %rootResource are the resource.
"""

from collections.abc import Iterator
from typing import NamedTuple

from fhirserver.fhirpath.context import Context, Tracer
from fhirserver.fhirpath.expression import Expression
from fhirserver.fhirpath.values import Collection


class Place(NamedTuple):
    """What an expression is evaluated on.

    Attributes:
        name: the item, e.g. "name[0]"; None for the whole resource.
        items: the item; nothing where there is no resource.
    """

    name: str | None
    items: Collection


class Evaluated(NamedTuple):
    """What came of one evaluation.

    Attributes:
        place: name of the place.
        items: the result.
        traces: name and items of each trace(), in the order they happened.
    """

    place: str | None
    items: Collection
    traces: list[tuple[str, Collection]]


def find_places(within: Expression | None, focus: Collection, context: Context) -> list[Place]:
    """Give the items that a context expression finds; the focus as a whole where there is none.

    Raises:
        FhirPathError: the context expression does not fit.
    """
    if within is None:
        return [Place(None, focus)]
    found = within.evaluate(focus, context)
    context.spend(len(found))
    return [Place(f"{within.source}[{index}]", [item]) for index, item in enumerate(found)]


def evaluate_each(
    expression: Expression, places: list[Place], context: Context
) -> Iterator[Evaluated]:
    """Evaluate on each place.

    All share a context, so that they cost together what one may. Its `trace` is replaced, and the
    variables that an expression defines end with each evaluation.

    Raises:
        FhirPathError: the expression does not fit.
    """
    variables = context.variables
    for name, items in places:
        traces: list[tuple[str, Collection]] = []
        context.variables = variables
        context.trace = _collector(traces)
        yield Evaluated(name, expression.evaluate(items, context), traces)


def _collector(traces: list[tuple[str, Collection]]) -> Tracer:
    return lambda name, items: traces.append((name, items))
