"""Path steps as closures: names, root types, indexes and the question whether a name is there.

Spec: http://hl7.org/fhirpath/N1/index.html#path-selection

Each closure keeps the JSON names that its FHIRPath name means, by the path of the element it steps
from, so a step costs one dictionary look-up.
"""

from fhirserver.fhirpath.context import FREE_ITEMS, Context
from fhirserver.fhirpath.cost import piecewise
from fhirserver.fhirpath.errors import FhirPathError
from fhirserver.fhirpath.function_table import Run, Test, need_integer
from fhirserver.fhirpath.navigation import (
    Child,
    append_child,
    append_primitive_child,
    children_named,
    has_child,
)
from fhirserver.fhirpath.type_system import lineage
from fhirserver.fhirpath.values import Collection, ElementNode, TypeInfo, single


def compile_member(source: Run | None, name: str) -> Run:
    """Compile `source.name`; a source of None is $this."""
    known: dict[str, tuple[Child, ...]] = {}

    def step(items: Collection, context: Context) -> Collection:
        if len(items) > FREE_ITEMS:
            return piecewise(step, items, context)
        found: Collection = []
        for item in items:
            if item.__class__ is not ElementNode:
                _append_reflected(found, item, name)
            elif item.value.__class__ is dict:
                path = item.path
                for child in known[path] if path in known else _learn(known, path, name, context):
                    append_child(found, item.value, child)
            else:
                append_primitive_child(found, item, name)
        if len(found) > FREE_ITEMS:
            context.spend(len(found))
        return found

    if source is None:
        return step
    return lambda this, context: step(source(this, context), context)


def compile_presence(source: Run, name: str, *, absent: bool) -> Test:
    """Compile `source.name.exists()`, or `.empty()`, without building the elements."""
    known: dict[str, tuple[Child, ...]] = {}
    slow = compile_member(None, name)

    def test(this: Collection, context: Context) -> bool:
        items = source(this, context)
        if len(items) > FREE_ITEMS:
            context.spend(len(items))
        for item in items:
            if item.__class__ is ElementNode and item.value.__class__ is dict:
                path, value = item.path, item.value
                for child in known[path] if path in known else _learn(known, path, name, context):
                    if has_child(value, child):
                        return not absent
            elif slow([item], context):
                return not absent
        return absent

    return test


def compile_root(name: str) -> Run:
    """Compile a leading type name: $this where it is of that type, else the element so named."""
    step = compile_member(None, name)

    def run(this: Collection, context: Context) -> Collection:
        if all(item.__class__ is ElementNode and name in lineage(item.path) for item in this):
            return this
        return step(this, context)

    return run


def compile_index(source: Run, index: Run) -> Run:
    """Compile `source[index]`."""

    def run(this: Collection, context: Context) -> Collection:
        position = single(index(this, context))
        if position is None:
            return []
        position = need_integer(position)
        return source(this, context)[position : position + 1] if position >= 0 else []

    return run


def _learn(
    known: dict[str, tuple[Child, ...]], path: str, name: str, context: Context
) -> tuple[Child, ...]:
    found = children_named(path, name)
    if found or not context.strict:
        known[path] = found
    else:
        raise FhirPathError(f"{path} has no element {name}")
    return found


def _append_reflected(found: Collection, item: object, name: str) -> None:
    if isinstance(item, TypeInfo) and name in ("name", "namespace"):
        found.append(getattr(item, name))
