"""A resource of a type with a literal reference in it.

Spec: https://hl7.org/fhir/R4/references.html#literal
"""

import json
import re
from collections.abc import Collection

from fhirserver.definitions import r4
from fhirserver_conformance.examples.minimal import BARE, FIRST, SECOND, minimal, own_id
from fhirserver_conformance.examples.searches import build
from fhirserver_conformance.suites.testscript import Json

_LITERAL = re.compile(rf'("reference": "[A-Z]\w+)/(?:{FIRST}|{SECOND})(\.\w+")')
_TYPE = re.compile(r'"reference": "([A-Z]\w+)/')
_REQUIRED = re.compile(rf'("reference": "[A-Z]\w+)/{BARE}\.\w+"')


def pointing(name: str, offered: Collection[str]) -> Json:
    """Take a resource with a reference that a parameter finds; else put one in an extension.

    Args:
        name: the resource's type.
        offered: types that may be referred to; the type itself is one.
    """
    known = r4().search_parameters(name)
    codes = [code for code, each in known.items() if each.type == "reference"]
    for resource in build(name, codes).resources.values():
        text = json.dumps(resource)
        if _LITERAL.search(text) and set(_TYPE.findall(text)) <= set(offered):
            found: Json = json.loads(_LITERAL.sub(rf"\1/{BARE}\2", text))
            return found
    reference: Json = {"reference": f"{name}/{own_id(name, BARE)}"}
    extension = {"url": "http://claims.test/at", "valueReference": reference}
    return {**minimal(name), "meta": {"extension": [extension]}}


def astray(resource: Json, id_: str) -> Json:
    """Let all references of such a resource lead to an id."""
    return dict(json.loads(_REQUIRED.sub(rf'\1/{id_}"', json.dumps(resource))))
