"""The query of a granular scope, as in `patient/Observation.rs?category=laboratory`.

Spec: https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html, "Finer-grained
resource constraints using search parameters"

    query = name "=" value *("&" name "=" value)        all must hold
    value = alternatives, separated by commas as in a search

A query decides on single resources as well as on searches, so it takes only what both can tell
exactly: token, reference and uri parameters of the type. Modifiers, chains, `_has`, result
parameters and `_filter` are refused. Names and values are percent-decoded once; a plus is a plus.
"""

import re
from urllib.parse import quote, unquote

from fhirserver.access.scope import ANY_TYPE, Where
from fhirserver.definitions import Definitions
from fhirserver.errors import FhirError
from fhirserver.search.context import SearchContext
from fhirserver.search.criteria import Given, parse_clause

DECIDABLE = ("reference", "token", "uri")
"""Types of parameters that a query may use."""
_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_SAFE = "!$'()*,-./:;<=>?@[]^_`{|}~"
"""What a scope may hold beside letters and digits (RFC 6749, section 3.3), without `+`."""


def parse_query(type_: str, text: str, definitions: Definitions) -> Where:
    """Read a query.

    Args:
        type_: resource type that it is about.
        text: what follows the question mark.
        definitions: the search parameters there are.

    Returns:
        Names and values in their order, doubled ones once.

    Raises:
        ValueError: with what is wrong.
    """
    if type_ == ANY_TYPE:
        raise ValueError("a query needs a resource type in place of the *")
    found = {_parse_pair(type_, each, definitions): None for each in text.split("&")}
    return tuple(found)


def render_query(where: Where) -> str:
    """Write a query, with its question mark; "" for none."""
    if not where:
        return ""
    return "?" + "&".join(f"{quote(name)}={quote(value, safe=_SAFE)}" for name, value in where)


def _parse_pair(type_: str, text: str, definitions: Definitions) -> tuple[str, str]:
    name, equals, value = (_decoded(part) for part in text.partition("="))
    if not (name and equals and value):
        raise ValueError("each part of a query is written name=value")
    parameter = definitions.search_parameters(type_).get(name)
    if parameter is None or parameter.type not in DECIDABLE or parameter.enters_entry:
        raise ValueError(
            f"{name[:100]!r} is no token, reference or uri parameter of {type_}; a scope takes "
            "those, without modifiers and chains"
        )
    context = SearchContext(definitions, base_url=None, now_us=0)
    try:
        parse_clause(Given(name, value), name, (type_,), context)
    except FhirError as error:
        raise ValueError(error.issues[0].diagnostics.rstrip(".")) from None
    return name, value


def _decoded(text: str) -> str:
    if _PERCENT.search(text):
        raise ValueError("a % stands before two hexadecimal digits")
    try:
        decoded = unquote(text, errors="strict")
    except UnicodeDecodeError:
        raise ValueError("percent-encoded bytes are UTF-8") from None
    if not decoded.isprintable():
        raise ValueError("control characters are not allowed")
    return decoded
