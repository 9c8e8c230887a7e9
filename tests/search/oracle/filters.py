"""`_filter` as R4 words it: drawn, written, and evaluated over JSON.

Spec: https://hl7.org/fhir/R4/search_filter.html

A drawn filter is (code, operator, value), ("not", filter), or a list of a filter and (word, filter)
pairs, which hold from left to right.
"""

import json
from typing import Any

from hypothesis import strategies as st

from tests.search.oracle import pools, queries, texts
from tests.search.oracle.elements import Typed, codes_of, kind_of, values_of
from tests.search.oracle.matcher import PREFIXES, any_matches, plain, split, tokens

Drawn = Any
CONCEPTS = {"ss": "below", "sb": "above", "in": "in", "ni": "not-in"}
"""Operators of tokens, and the modifiers that say the same."""
OPERATORS = {
    "string": ("eq", "ne", "co", "sw", "ew", "gt", "lt", "ge", "le", "pr"),
    "number": (*PREFIXES, "pr"),
    "quantity": (*PREFIXES, "pr"),
    "date": (*PREFIXES, "po", "co", "pr"),
    "token": ("eq", "ne", "ss", "sb", "in", "ni", "pr"),
    "reference": ("re", "pr"),
    "uri": ("eq", "pr"),
    "composite": ("eq", "pr"),
    "special": ("eq", "pr"),
}


@st.composite
def comparisons(draw: st.DrawFn, type_name: str) -> Drawn:
    """Draw a test of one parameter."""
    code = draw(st.sampled_from([each for each in codes_of(type_name) if each != "_id"]))
    kind = kind_of(type_name, code)
    operator = draw(st.sampled_from(OPERATORS[kind]))
    if operator == "pr":
        return code, operator, draw(st.sampled_from(["true", "false"]))
    if kind == "string":
        return code, operator, draw(queries.texts)
    if kind == "uri":
        return code, operator, draw(st.sampled_from([*pools.URIS, *pools.CANONICALS]))
    modifier = CONCEPTS.get(operator, "")
    value = draw(queries.MODIFIERS[kind](type_name, code)[modifier])
    if kind in ("number", "quantity", "date") and value[:2] in PREFIXES:
        value = value[2:]
    return code, operator, value


def filters(type_name: str) -> st.SearchStrategy[Drawn]:
    """Draw a filter of a few tests."""

    def larger(inner: st.SearchStrategy[Drawn]) -> st.SearchStrategy[Drawn]:
        more = st.tuples(st.sampled_from(["and", "or"]), inner)
        joined = st.tuples(inner, st.lists(more, min_size=1, max_size=2))
        return st.one_of(
            inner.map(lambda each: ("not", each)), joined.map(lambda each: [each[0], *each[1]])
        )

    return st.recursive(comparisons(type_name), larger, max_leaves=4)


def written(drawn: Drawn) -> str:
    """Write a filter."""
    if isinstance(drawn, list):
        first, *rest = drawn
        return " ".join([_in_parentheses(first), *(f"{w} {_in_parentheses(r)}" for w, r in rest)])
    if drawn[0] == "not":
        return f"not ({written(drawn[1])})"
    code, operator, value = drawn
    return f"{code} {operator} {json.dumps(value)}"


def _in_parentheses(drawn: Drawn) -> str:
    return f"({written(drawn)})" if isinstance(drawn, list) else written(drawn)


def holds(resource: Any, type_name: str, drawn: Drawn) -> bool:
    """Tell whether a resource fulfils a filter."""
    if isinstance(drawn, list):
        found = holds(resource, type_name, drawn[0])
        for word, right in drawn[1:]:
            other = holds(resource, type_name, right)
            found = (found and other) if word == "and" else (found or other)
        return found
    if drawn[0] == "not":
        return not holds(resource, type_name, drawn[1])
    code, operator, value = drawn
    stored = values_of(resource, type_name, code)
    if operator == "pr":
        return bool(stored) is (value == "true")
    return _test(kind_of(type_name, code), operator, stored, value)


def _test(kind: str, operator: str, stored: list[Typed], value: str) -> bool:
    if kind == "string":
        found = [text for each in stored for text in texts.parts(each.value, each.datatype)]
        return any(_compare(operator, texts.comparable(text), value) for text in found)
    if kind in ("number", "quantity", "date"):
        return any_matches(kind, stored, operator + value, "")
    if kind == "uri":
        return any_matches(kind, stored, queries.escape(value), "")
    if operator == "ne":
        return any(_is_another(each, value) for each in stored)
    if operator == "ni":
        return not any_matches(kind, stored, value, "in")
    if operator in CONCEPTS:
        return any_matches(kind, stored, value, CONCEPTS[operator])
    return any_matches(kind, stored, value, "")


def _compare(operator: str, text: str, value: str) -> bool:
    wanted = texts.comparable(value)
    return {
        "eq": text == wanted,
        "ne": text != wanted,
        "co": wanted in text,
        "sw": text.startswith(wanted),
        "ew": text.endswith(wanted),
        "gt": text > wanted,
        "lt": text < wanted,
        "ge": text >= wanted,
        "le": text <= wanted,
    }[operator]


def _is_another(stored: Typed, value: str) -> bool:
    """Tell whether one of a value's codes is not the one that is named."""
    parts = [plain(part) for part in split(value, "|")]
    for system, code in tokens(stored):
        same_system = len(parts) == 1 or (system or "") == parts[0]
        same_code = parts[-1] in (code, "") if len(parts) == 2 else code == parts[0]
        if (system or code) and not (same_system and same_code):
            return True
    return False
