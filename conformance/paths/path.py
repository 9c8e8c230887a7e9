"""`path` elements: XPath or JSONPath, told apart by how they look.

Spec: https://hl7.org/fhir/R4/testscript-definitions.html#TestScript.setup.action.assert.path

    $… or .…                  JSONPath
    a slash outside [ ]        XPath
    count(…), @value           XPath
    anything else              an element path, read as JSONPath: id, meta.versionId
"""

import re

from fhirserver_conformance.paths.document import Document
from fhirserver_conformance.paths.jsonpath import evaluate_jsonpath
from fhirserver_conformance.paths.values import Value
from fhirserver_conformance.paths.xpath import evaluate_xpath

_FILTER = re.compile(r"\[[^\[\]]*\]")
_XPATH = re.compile(r"[/@(]|^\w+:")


def evaluate_path(path: str, document: Document) -> list[Value]:
    """Find what a path names. Raises PathError."""
    path = path.strip()
    return evaluate_xpath(path, document) if _is_xpath(path) else evaluate_jsonpath(path, document)


def _is_xpath(path: str) -> bool:
    if path.startswith(("$", ".", "[")) and not path.startswith(("./", "../")):
        return False
    return _XPATH.search(_FILTER.sub("", path)) is not None
