"""What base validation refuses in narratives."""

from typing import Any

import pytest

from tests.validation.builders import XHTML, assert_refused, narrative, patient, row

NARRATIVE = [
    row("narrative.html#xhtml/script", narrative("a<script>b</script>"), "invariant",
        "Patient.text.div", "'script'"),
    row("narrative.html#xhtml/iframe", narrative('a<iframe src="http://a"/>'), "invariant",
        "Patient.text.div", "'iframe'"),
    row("narrative.html#xhtml/form", narrative("a<form><input/></form>"), "invariant",
        "Patient.text.div", "'form'. Remove the element 'input'"),
    row("narrative.html#xhtml/object", narrative("a<object/>"), "invariant", "Patient.text.div",
        "'object'"),
    row("narrative.html#xhtml/head", narrative("a<head/>"), "invariant", "Patient.text.div",
        "'head'"),
    row("narrative.html#xhtml/link", narrative('a<link rel="stylesheet" href="a.css"/>'),
        "invariant", "Patient.text.div", "'link'"),
    row("narrative.html#xhtml/style-element", narrative("a<style>b{}</style>"), "invariant",
        "Patient.text.div", "'style'"),
    row("narrative.html#xhtml/other-namespace",
        narrative('a<svg xmlns="http://www.w3.org/2000/svg"/>'), "invariant", "Patient.text.div",
        "svg"),
    row("narrative.html#xhtml/event", narrative('<p onclick="b()">a</p>'), "invariant",
        "Patient.text.div", "'onclick'"),
    row("narrative.html#xhtml/other-attribute", narrative('<p data-a="b">a</p>'), "invariant",
        "Patient.text.div", "'data-a'"),
    row("narrative.html#xhtml/javascript", narrative('<a href="javascript:b()">a</a>'),
        "invariant", "Patient.text.div", "scheme"),
    row("narrative.html#xhtml/javascript-broken-by-newline",
        narrative('<a href="java&#10;script:b()">a</a>'), "invariant",
        "Patient.text.div", "scheme"),
    row("narrative.html#xhtml/javascript-broken-by-tab",
        narrative('<a href="javascript&#9;:b()">a</a>'), "invariant",
        "Patient.text.div", "scheme"),
    row("narrative.html#xhtml/javascript-behind-delete",
        narrative('<a href=" &#x7f;&#xa0;javascript:b()">a</a>'), "invariant",
        "Patient.text.div", "scheme"),
    row("narrative.html#xhtml/javascript-hidden",
        narrative('<a href="&#9;JaVa&#83;cript&#58;b()">a</a>'), "invariant", "Patient.text.div",
        "scheme"),
    row("narrative.html#xhtml/data", narrative('<a href="data:text/html,b">a</a>'), "invariant",
        "Patient.text.div", "scheme"),
    row("narrative.html#xhtml/svg-image", narrative('<img src="data:image/svg+xml,b"/>'),
        "invariant", "Patient.text.div", "scheme"),
    row("narrative.html#xhtml/style-expression",
        narrative('<p style="width: expression(b())">a</p>'), "invariant", "Patient.text.div",
        "loads or runs"),
    row("narrative.html#xhtml/style-url",
        narrative('<p style="background: url(http://a/b.png)">a</p>'), "invariant",
        "Patient.text.div", "loads or runs"),
    row("narrative.html#xhtml/style-hidden",
        narrative('<p style="background: U R L ( //a/b.png )">a</p>'), "invariant",
        "Patient.text.div", "loads or runs"),
    row("narrative.html#xhtml/instruction", narrative("a<?b c?>"), "invariant",
        "Patient.text.div", "'b'"),
    row("narrative.html#xhtml/empty", narrative(" <p> </p>"), "invariant", "Patient.text.div",
        "txt-2"),
    row("narrative.html#xhtml/not-a-div", patient(text={"status": "generated",
        "div": f"<p {XHTML}>a</p>"}), "structure", "Patient.text.div", "<div"),
    row("narrative.html#xhtml/no-namespace", patient(text={"status": "generated",
        "div": "<div>a</div>"}), "structure", "Patient.text.div", "<div"),
    row("narrative.html#xhtml/not-well-formed", narrative("<p>a"), "structure",
        "Patient.text.div", "well-formed"),
    row("narrative.html#xhtml/two-roots", patient(text={"status": "generated",
        "div": f"<div {XHTML}>a</div><div {XHTML}>b</div>"}), "structure", "Patient.text.div",
        "well-formed"),
    row("narrative.html#xhtml/html-entity", narrative("a&nbsp;b"), "structure",
        "Patient.text.div", "&nbsp;"),
    row("narrative.html#xhtml/external-entity", patient(text={"status": "generated",
        "div": '<!DOCTYPE div [<!ENTITY a SYSTEM "file:///etc/passwd">]>'
        f"<div {XHTML}>&a;</div>"}), "structure", "Patient.text.div", "document type"),
    row("narrative.html#xhtml/declaration", patient(text={"status": "generated",
        "div": f'<?xml version="1.0"?><div {XHTML}>a</div>'}), "structure", "Patient.text.div",
        "declaration"),
    row("narrative.html#xhtml/number", patient(text={"status": "generated", "div": 1}), "value",
        "Patient.text.div", "not a string"),
    row("narrative.html/status", patient(text={"div": f"<div {XHTML}>a</div>"}), "required",
        "Patient.text.status", "status is missing"),
]  # fmt: skip


@pytest.mark.parametrize(("resource", "code", "place", "says"), NARRATIVE)
def test_refused(resource: dict[str, Any], code: str, place: str, says: str) -> None:
    """Each breaks one rule: one error, with its issue code, its place and what to do."""
    assert_refused(resource, code, place, says)
