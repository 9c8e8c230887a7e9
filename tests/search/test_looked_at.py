"""Which elements an expression looks at: none too few, whatever form it has."""

import re
from dataclasses import replace

import pytest

from fhirserver.definitions import SearchParameter, r4
from fhirserver.definitions.composites import Component
from fhirserver.search.looked_at import looked_at

R4 = r4()
HIDDEN = ("code", "evidence", "extension", "note", "text")
EVERYTHING = HIDDEN


def of(expression: str, *parts: str) -> SearchParameter:
    """Make a parameter of Conditions."""
    known = R4.search_parameters("Condition")["severity"]
    return replace(
        known, expression=expression, components=tuple(Component("code", part) for part in parts)
    )


EXPRESSIONS = [
    ("Condition.evidence.detail", ("evidence",)),
    ("Condition.severity", ()),
    ("Condition.severity.coding.code", ()),
    ("Condition.severity.text", ()),
    ("severity.text | text.div", ("text",)),
    ("evidence.code", ("evidence",)),
    ("Condition.evidence[0].code.text", ("evidence",)),
    ("(Condition.note).text", ("note",)),
    ("(Condition.evidence as BackboneElement).code", ("evidence",)),
    ("Condition.severity.where(text = 'x')", ("text",)),
    ("Condition.severity.where(coding.exists()).text", ()),
    ("Condition.where(note.exists()).severity", ("note",)),
    ("Condition.severity.where(%resource.note.exists())", ("note",)),
    ("Condition.severity.select(%resource).note", ("note",)),
    ("Condition.severity.select($this).text", ("text",)),
    ("Condition.where(true).evidence", ("evidence",)),
    ("Condition.ofType(Condition).note", ("note",)),
    ("iif(true, Condition).note", ("note",)),
    ("(Condition | Condition).note", ("note",)),
    ("$this.note", ("note",)),
    ("Resource.note", ("note",)),
    ("DomainResource.text", ("text",)),
    ("Condition.note.count() > 0", ("note",)),
    ("Condition.extension('http://e.test')", ("extension",)),
    ("extension('http://e.test').value", ("extension",)),
    ("Condition.severity.extension('http://e.test')", ()),
    ("Condition.children().text", EVERYTHING),
    ("Condition.descendants()", EVERYTHING),
    ("Condition.severity.children().text", ("text",)),
    ("Condition.where(true).children()", EVERYTHING),
    ("Condition.severity.select(%resource.children())", EVERYTHING),
    ("", EVERYTHING),
]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [pytest.param(*each, id=f"SEC-E19/{each[0] or 'none'}") for each in EXPRESSIONS],
)
def test_what_an_expression_looks_at(expression: str, expected: tuple[str, ...]) -> None:
    assert looked_at(of(expression), HIDDEN) == expected


def test_a_composite_looks_at_its_parts() -> None:
    assert looked_at(of("Condition.severity", "coding", "text"), HIDDEN) == ("text",)
    assert looked_at(of("Condition", "code", "%resource.note"), HIDDEN) == ("code", "note")


@pytest.mark.parametrize("code", ["_text", "_content"])
def test_words_are_of_all_elements(code: str) -> None:
    assert looked_at(R4.search_parameters("Condition")[code], HIDDEN) == EVERYTHING


def test_of_r4s_parameters_each_that_names_an_element_is_found() -> None:
    """SEC-E19: what stands behind the type's name in R4's own expressions, of every type."""
    for type_ in R4.resource_types:
        hidden = {each.base_name for each in R4.node(type_).elements.values()}
        for parameter in R4.search_parameters(type_).values():
            for part in parameter.expression.replace("(", " ").replace(")", " ").split():
                owner, dot, path = part.partition(".")
                if dot and owner in (type_, "Resource", "DomainResource"):
                    assert re.split(r"\W", path)[0] in looked_at(parameter, hidden), part
