"""Existence, subsetting and combining.

Spec: http://hl7.org/fhirpath/N1/index.html#existence, #subsetting and #combining
"""

from fhirserver.fhirpath.equality import distinct, identity
from fhirserver.fhirpath.errors import FhirPathError
from fhirserver.fhirpath.function_table import FunctionDef, eager, heavy, need_integer, whole
from fhirserver.fhirpath.values import Collection, single, to_system


def _count(items: Collection) -> Collection:
    return [len(items)]


def _single(items: Collection) -> Collection:
    if len(items) > 1:
        raise FhirPathError(f"single() found {len(items)} items")
    return items


def _is_distinct(items: Collection) -> Collection:
    return [len(distinct(items)) == len(items)]


def _booleans(items: Collection) -> list[bool]:
    values = [to_system(item) for item in items]
    for value in values:
        if value.__class__ is not bool:
            raise FhirPathError("expected Booleans only")
    return values


def _all_true(items: Collection) -> Collection:
    return [all(_booleans(items))]


def _any_true(items: Collection) -> Collection:
    return [any(_booleans(items))]


def _all_false(items: Collection) -> Collection:
    return [not any(_booleans(items))]


def _any_false(items: Collection) -> Collection:
    return [not all(_booleans(items))]


def _skip(items: Collection, amount: Collection) -> Collection:
    number = need_integer(single(amount))
    return items[max(number, 0) :]


def _take(items: Collection, amount: Collection) -> Collection:
    number = need_integer(single(amount))
    return items[: max(number, 0)]


def _union(items: Collection, other: Collection) -> Collection:
    return distinct([*items, *other])


def _combine(items: Collection, other: Collection) -> Collection:
    return [*items, *other]


def _intersect(items: Collection, other: Collection) -> Collection:
    keys = {identity(item) for item in other}
    return distinct([item for item in items if identity(item) in keys])


def _exclude(items: Collection, other: Collection) -> Collection:
    keys = {identity(item) for item in other}
    return [item for item in items if identity(item) not in keys]


def _subset_of(items: Collection, other: Collection) -> Collection:
    keys = {identity(item) for item in other}
    return [all(identity(item) in keys for item in items)]


def _superset_of(items: Collection, other: Collection) -> Collection:
    return _subset_of(other, items)


COLLECTION_FUNCTIONS: dict[str, FunctionDef] = {
    "allFalse": whole(_all_false),
    "allTrue": whole(_all_true),
    "anyFalse": whole(_any_false),
    "anyTrue": whole(_any_true),
    "combine": eager(_combine, 1),
    "count": whole(_count),
    "distinct": heavy(distinct, 0),
    "exclude": heavy(_exclude, 1),
    "first": whole(lambda items: items[:1]),
    "intersect": heavy(_intersect, 1),
    "isDistinct": heavy(_is_distinct, 0),
    "last": whole(lambda items: items[-1:]),
    "single": whole(_single),
    "skip": eager(_skip, 1),
    "subsetOf": heavy(_subset_of, 1),
    "supersetOf": heavy(_superset_of, 1),
    "tail": whole(lambda items: items[1:]),
    "take": eager(_take, 1),
    "union": heavy(_union, 1),
}
