"""Codes of value sets and hierarchies of code systems, from written-out content."""

from collections.abc import Mapping
from typing import Any

import pytest
from fhirserver_terminology.code_system import CodeSystem, TerminologyError
from fhirserver_terminology.value_set import Expander

Json = dict[str, Any]

TREE = "http://tree"
ODD = "http://odd"


def system(url: str, *concepts: Json, **elements: Any) -> Json:
    return {"url": url, "content": "complete", "concept": list(concepts), **elements}


def concept(code: str, *inside: Json, **properties: str) -> Json:
    stated = [{"code": name, "valueCode": value} for name, value in properties.items()]
    return {"code": code, "concept": list(inside), "property": stated}


SYSTEMS = {
    TREE: system(
        TREE,
        concept("a", concept("b", concept("c")), concept("d", status="retired")),
        concept("e", parent="b"),
        concept("f", child="e"),
        concept("g", kind="x"),
        version="1",
    ),
    "http://loop": system("http://loop", concept("l", parent="m"), concept("m", parent="l")),
    "http://parts": system("http://parts", concept("h", concept("i")), hierarchyMeaning="part-of"),
    ODD: {"url": ODD, "content": "fragment", "concept": [{"code": "z"}]},
}


def including(*parts: Json, **compose: Any) -> Json:
    return {"compose": {"include": list(parts), **compose}}


def filtered(name: str, op: str, value: str) -> Json:
    stated = {"property": name, "op": op, "value": value}
    return including({"system": TREE, "filter": [stated]})


ENUMERATED = {"system": ODD, "concept": [{"code": "z"}, {"code": "y"}]}
WHOLE = {"system": TREE}
OPEN = {"extension": [{"url": "http://x/valueset-toocostly", "valueBoolean": True}]}
CONTAINS = {
    "contains": [
        {"system": TREE, "code": "a", "abstract": True, "contains": [{"system": TREE, "code": "b"}]}
    ]
}
CANNOT = including({"system": "http://nowhere"})

FOUND: dict[str, tuple[Json, Mapping[str, str]]] = {
    "enumerated": (including(ENUMERATED), {ODD: "yz"}),
    "whole-system": (including(WHOLE), {TREE: "abcdefg"}),
    "version": (including({"system": TREE, "version": "1"}), {TREE: "abcdefg"}),
    "or": (including(ENUMERATED, WHOLE), {ODD: "yz", TREE: "abcdefg"}),
    "is-a": (filtered("concept", "is-a", "b"), {TREE: "bce"}),
    "descendent-of": (filtered("concept", "descendent-of", "a"), {TREE: "bcde"}),
    "is-not-a": (filtered("concept", "is-not-a", "a"), {TREE: "fg"}),
    "generalizes": (filtered("code", "generalizes", "e"), {TREE: "abef"}),
    "concept-in": (filtered("concept", "in", "a,c,nonsense"), {TREE: "ac"}),
    "concept-not-in": (filtered("concept", "not-in", "a,c"), {TREE: "bdefg"}),
    "concept-equals": (filtered("concept", "=", "a"), {TREE: "a"}),
    "property-equals": (filtered("kind", "=", "x"), {TREE: "g"}),
    "property-in": (filtered("kind", "in", "x,y"), {TREE: "g"}),
    "property-not-in": (filtered("kind", "not-in", "x"), {TREE: "abcdef"}),
    "property-exists": (filtered("kind", "exists", "true"), {TREE: "g"}),
    "property-lacks": (filtered("kind", "exists", "false"), {TREE: "abcdef"}),
    "exclude": (
        including(WHOLE, exclude=[{"system": TREE, "concept": [{"code": "a"}]}]), {TREE: "bcdefg"},
    ),
    "import": (including({"valueSet": ["is-a"]}), {TREE: "bce"}),
    "import-and": (including({"valueSet": ["is-a", "generalizes"]}), {TREE: "be"}),
    "import-and-system": (
        including({"system": TREE, "valueSet": ["or"], "concept": [{"code": "a"}]}), {TREE: "a"},
    ),
    "no-inactive": (including(WHOLE, inactive=False), {TREE: "abcefg"}),
    "expansion-alone": ({"expansion": CONTAINS}, {TREE: "b"}),
    "expansion-instead": ({**CANNOT, "expansion": CONTAINS}, {TREE: "b"}),
    "empty": (filtered("concept", "=", "nonsense"), {}),
}  # fmt: skip
REFUSED: dict[str, tuple[Json, str]] = {
    "unknown-system": (CANNOT, "http://nowhere"),
    "fragment": (including({"system": ODD}), "complete content"),
    "other-version": (including({"system": TREE, "version": "2"}), "http://tree|2"),
    "other-filter": (filtered("concept", "regex", "a.*"), "regex"),
    "unknown-property": (filtered("colour", "=", "red"), "colour"),
    "unknown-code": (filtered("concept", "is-a", "nonsense"), "nonsense"),
    "itself": (including({"valueSet": ["itself"]}), "imports itself"),
    "unknown-import": (including({"valueSet": ["nonsense"]}), "nonsense"),
    "nothing": ({}, "neither"),
    "part-of-nothing": (including({}), "neither"),
    "costly": ({"expansion": {**OPEN, **CONTAINS}}, "neither"),
    "page": ({"expansion": {"total": 3, **CONTAINS}}, "neither"),
    "later-page": ({"expansion": {"offset": 1, "total": 2, **CONTAINS}}, "neither"),
}
DEEP: dict[str, Json] = {
    f"deep-{n}": including({"valueSet": [f"deep-{n + 1}", f"deep-{n + 1}"]}) for n in range(40)
}


class Written:
    """The content above."""

    def value_set(self, reference: str) -> Json:
        everything = {
            **{name: resource for name, (resource, _) in FOUND.items()},
            **{name: resource for name, (resource, _) in REFUSED.items()},
            **DEEP,
        }
        if reference not in everything:
            raise TerminologyError(f"no {reference}")
        return everything[reference]

    def code_system(self, canonical: str) -> CodeSystem:
        url, _, version = canonical.partition("|")
        if url not in SYSTEMS or version not in ("", SYSTEMS[url].get("version")):
            raise TerminologyError(f"no {canonical}")
        return CodeSystem(SYSTEMS[url])


@pytest.mark.parametrize("name", FOUND)
def test_a_value_set_is_expanded(name: str) -> None:
    expected = {system: frozenset(codes) for system, codes in FOUND[name][1].items()}
    assert Expander(Written()).expand(name) == expected


@pytest.mark.parametrize("name", [*REFUSED, "deep-0"])
def test_what_cannot_be_expanded_is_refused(name: str) -> None:
    """Never a part of the codes; and no longer than it takes to see it."""
    words = REFUSED[name][1] if name in REFUSED else "more than 16"
    with pytest.raises(TerminologyError, match=words.replace("|", r"\|")):
        Expander(Written()).expand(name)


@pytest.mark.parametrize(
    ("url", "code", "below", "above"),
    [
        pytest.param(TREE, "b", "bce", "ab", id="nested"),
        pytest.param(TREE, "e", "e", "abef", id="several-parents"),
        pytest.param(TREE, "g", "g", "g", id="alone"),
        pytest.param("http://loop", "l", "lm", "lm", id="loop"),
    ],
)
def test_hierarchies(url: str, code: str, below: str, above: str) -> None:
    found = CodeSystem(SYSTEMS[url])
    assert (found.below(code), found.above(code)) == (frozenset(below), frozenset(above))


def test_a_hierarchy_of_parts_subsumes_nothing() -> None:
    with pytest.raises(TerminologyError, match="part-of"):
        CodeSystem(SYSTEMS["http://parts"]).below("h")
