"""Codes and their meaning: memberOf(), subsumes() and subsumedBy().

Spec: https://hl7.org/fhir/R4/fhirpath.html#functions

R4's own value sets and code systems are known, as far as the specification holds them whole.
What cannot be worked out is empty: unknown is neither true nor false.
"""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from fhirserver.definitions import r4
from fhirserver.fhirpath.function_table import FunctionDef, eager, need_text
from fhirserver.fhirpath.values import Collection, ElementNode, single

Code = tuple[str, str]
"""System, "" where none is named, and code."""


def _member_of(items: Collection, url: Collection) -> Collection:
    if len(items) != 1 or not url:
        return []
    members = _members(need_text(single(url)))
    if members is None:
        return []
    value = _json(items[0])
    if value.__class__ is str:
        return [any(value in of_system for of_system in members.values())]
    if value.__class__ is not dict:
        return []
    return [any(code in members.get(system, ()) for system, code in _codes(value))]


def _members(url: str) -> Mapping[str, frozenset[str]] | None:
    found = r4().value_set(url)
    return _expansion(url) if found is None else found


@lru_cache(maxsize=64)
def _expansion(url: str) -> Mapping[str, frozenset[str]] | None:
    from fhirserver_terminology.code_system import TerminologyError
    from fhirserver_terminology.value_set import Expander

    from fhirserver.definitions.terminology import R4Content

    try:
        return Expander(R4Content()).expand(url)
    except TerminologyError:
        return None


def _subsumes(items: Collection, other: Collection) -> Collection:
    """Tell whether a code of the input is, or lies above, a code of the argument."""
    if len(items) != 1 or len(other) != 1:
        return []
    is_unknown = False
    for system, code in _codes(_json(items[0])):
        for other_system, other_code in _codes(_json(other[0])):
            found = _is_above((system, code), (other_system, other_code))
            if found:
                return [True]
            is_unknown = is_unknown or found is None
    return [] if is_unknown else [False]


def _subsumed_by(items: Collection, other: Collection) -> Collection:
    return _subsumes(other, items)


def _is_above(code: Code, other: Code) -> bool | None:
    if code == other:
        return True
    if code[0] != other[0]:
        return False
    from fhirserver_terminology.code_system import TerminologyError

    from fhirserver.definitions.terminology import R4Content

    try:
        return code[1] in R4Content().code_system(code[0]).above(other[1])
    except TerminologyError:
        return None


def _codes(value: Any) -> Iterator[Code]:
    """List the codes of a Coding or a CodeableConcept."""
    if value.__class__ is not dict:
        return
    for coding in value.get("coding", ()) if "coding" in value else (value,):
        if "code" in coding:
            yield coding.get("system") or "", coding["code"]


def _json(item: Any) -> Any:
    return item.value if item.__class__ is ElementNode else item


TERMINOLOGY_FUNCTIONS: dict[str, FunctionDef] = {
    "memberOf": eager(_member_of, 1),
    "subsumedBy": eager(_subsumed_by, 1),
    "subsumes": eager(_subsumes, 1),
}
