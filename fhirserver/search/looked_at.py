"""Which elements a search parameter looks at, of those that are withheld from a caller. Pure.

Spec: https://hl7.org/fhir/R4/searchparameter-definitions.html#SearchParameter.expression

What a parameter of FHIRPath looks at is every element that is named where its expression may still
stand at the resource itself:

    Condition.evidence.detail             evidence
    (Observation.value as Quantity)       value
    Patient.name.where(use = 'usual')     name, and use, which may be told of the resource

So are names of functions, as `extension(url)` gives elements. A name too many refuses a search that
might have told nothing; one too few would tell what is withheld. So `children()` and the like look
at everything, and so does what has no expression.
"""

from collections.abc import Collection, Iterator
from functools import lru_cache

from fhirserver.definitions import SearchParameter
from fhirserver.fhirpath import parse
from fhirserver.fhirpath.syntax import Expr, Function, Index, Member, TypeOperation

_EVERYTHING = "*"
_WIDE = frozenset({"children", "descendants", "repeat"})
_NARROWING = frozenset({
    "as", "distinct", "extension", "first", "last", "ofType", "resolve", "single", "skip", "tail",
    "take", "where",
})  # fmt: skip
"""Functions that give of their input only, and never go back to the resource."""


def looked_at(parameter: SearchParameter, hidden: Collection[str]) -> tuple[str, ...]:
    """Give those of some elements of its type that a parameter looks at, sorted.

    Args:
        parameter: any, also a composite or one of one's own.
        hidden: names of elements of the top level, without [x].
    """
    if not hidden:
        return ()
    names = _names(parameter.expression)
    for part in parameter.components:
        names |= _names(part.expression)
    return tuple(sorted(hidden if _EVERYTHING in names else names.intersection(hidden)))


@lru_cache(maxsize=4096)
def _names(expression: str) -> frozenset[str]:
    """Give the names that an expression may take from the resource itself."""
    return frozenset(_named(parse(expression))) if expression else frozenset({_EVERYTHING})


def _named(node: object) -> Iterator[str]:
    if isinstance(node, Member) and not _is_inside(node.source):
        yield node.name
    elif isinstance(node, Function) and not _is_inside(node.source):
        yield _EVERYTHING if node.name in _WIDE else node.name
    if isinstance(node, tuple):
        for each in node:
            yield from _named(each)


def _is_inside(source: Expr | None) -> bool:
    """Whether what stands before a dot is surely an element, and not the resource."""
    match source:
        case Member(None, name):
            return not name[:1].isupper()
        case Member():
            return True
        case Function(inner, name, _):
            return name in _NARROWING and _is_inside(inner)
        case Index(inner, _) | TypeOperation(_, inner, _):
            return _is_inside(inner)
        case _:
            return False
