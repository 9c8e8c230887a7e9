"""XPath 1.0 on FHIR's XML, as scripts write it.

Spec: https://www.w3.org/TR/1999/REC-xpath-19991116/ and https://hl7.org/fhir/R4/xml.html

    fhir:Patient/fhir:name/fhir:family/@value    prefixes f, fhir, h, xhtml
    Patient/name/family                          none: the same, and an element's value is meant
    /Bundle/total, count(Bundle/entry)           from the document

The document's namespaces are taken away when it is read, and prefixes from the path, so that both
ways of writing find the same. A path that begins with a type's name begins at the root where that
is the root's, else wherever the type stands: scripts write Patient/id for a Bundle's only patient.
"""

import re
from collections.abc import Callable

from lxml import etree

from fhirserver_conformance.paths.document import Document
from fhirserver_conformance.paths.values import PathError, Value, shown

_Rewrite = Callable[[str], str]

_LITERAL = re.compile(r"""("[^"]*"|'[^']*')""")
_PREFIX = re.compile(r"(?<![\w.-])(?:f|fhir|h|xhtml):(?=[\w*])")
_START = re.compile(r"(?<![\w/@:.\])\[-])[A-Z]\w*(?=\s*(?:/|\[|\)|\||,|$))")


def evaluate_xpath(path: str, document: Document) -> list[Value]:
    """Find what a path names.

    Args:
        path: XPath 1.0.
        document: XML, or JSON of R4.

    Returns:
        Attributes' values; of an element its value attribute, or where it has none, its text as
        XML; a number, string or Boolean that the path computes.

    Raises:
        PathError: the body cannot be read, or the path is not XPath 1.0.
    """
    tree = document.xml
    text = _outside_literals(path, _rooted(tree.getroot().tag))
    try:
        found = tree.xpath(text)
    except etree.XPathError as error:
        raise PathError(f"XPath {shown(path)}: {error}") from None
    if isinstance(found, list):
        return [_value(node) for node in found]
    return [int(found) if isinstance(found, float) and found.is_integer() else found]


def _rooted(root: str) -> _Rewrite:
    def absolute(match: re.Match[str]) -> str:
        return f"{'/' if match[0] == root else '//'}{match[0]}"

    return lambda part: _START.sub(absolute, _PREFIX.sub("", part))


def _outside_literals(path: str, rewrite: _Rewrite) -> str:
    parts = _LITERAL.split(path)
    return "".join(rewrite(part) if index % 2 == 0 else part for index, part in enumerate(parts))


def _value(node: Value) -> Value:
    if isinstance(node, str):
        return str(node)
    value = node.get("value")
    return etree.tostring(node, encoding="unicode", with_tail=False) if value is None else value
