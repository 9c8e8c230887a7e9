"""Query -> the canonical query string of the self link.

Spec: https://hl7.org/fhir/R4/search.html#conformance

`parse(render(q)) == q`: the link repeats what was searched, after lenient omissions and with
`_count` as it was honoured.
"""

import re
from collections.abc import Iterable
from urllib.parse import quote

from fhirserver.search.escape import escape
from fhirserver.search.filter import tree
from fhirserver.search.query import (
    Chain,
    Clause,
    Criterion,
    Either,
    Every,
    Filter,
    Has,
    Include,
    Listed,
    Query,
    Without,
)

_SAFE = "-._~:/,$*"
"""What RFC 3986 lets stand in a query and searches use; "|" is none of it."""
_PLAIN = re.compile(rf"[\w{re.escape(_SAFE)}]*", re.ASCII)


def render(query: Query) -> str:
    """Write a query, percent-encoded, without a leading "?"."""
    return join_pairs(render_pairs(query))


def join_pairs(pairs: Iterable[tuple[str, str]]) -> str:
    """Write names and values as a query string, percent-encoded."""
    return "&".join(f"{_encoded(name)}={_encoded(value)}" for name, value in pairs)


def _encoded(text: str) -> str:
    return text if _PLAIN.fullmatch(text) else quote(text, safe=_SAFE)


def render_pairs(query: Query) -> list[tuple[str, str]]:
    """Write a query as names and values, decoded: criteria first, then what shapes the answer."""
    pairs: list[tuple[str, str]] = []
    if query.whole_system and len(query.types) < 145:
        pairs.append(("_type", ",".join(query.types)))
    pairs += [_clause(clause) for clause in query.criteria]
    if query.sort:
        keys = (("-" if key.descending else "") + key.parameter.code for key in query.sort)
        pairs.append(("_sort", ",".join(keys)))
    if query.count is not None:
        pairs.append(("_count", str(query.count)))
    if query.total is not None:
        pairs.append(("_total", query.total))
    if query.summary is not None:
        pairs.append(("_summary", query.summary))
    if query.elements:
        pairs.append(("_elements", ",".join(query.elements)))
    if query.contained is not None:
        pairs.append(("_contained", query.contained))
    if query.contained_type is not None:
        pairs.append(("_containedType", query.contained_type))
    pairs += [_include("_include", include) for include in query.include]
    pairs += [_include("_revinclude", include) for include in query.revinclude]
    return pairs


def _clause(clause: Clause) -> tuple[str, str]:
    match clause:
        case Criterion():
            modifier = f":{clause.modifier}" if clause.modifier else ""
            value = ",".join(value.render() for value in clause.values)
            return clause.parameter.code + modifier, value
        case Chain():
            qualifier = f":{clause.qualifier}" if clause.qualifier else ""
            name, value = _clause(clause.targets[0][1])
            return f"{clause.parameter.code}{qualifier}.{name}", value
        case Has():
            name, value = _clause(clause.clause)
            return f"_has:{clause.type}:{clause.parameter.code}:{name}", value
        case Filter():
            return "_filter", tree.render(clause.expression)
        case Listed():
            return "_list", ",".join(escape(each.text) for each in clause.members)
        case Every() | Either() | Without():
            raise AssertionError("stands in a filter only")


def _include(name: str, include: Include) -> tuple[str, str]:
    if include.source == "*":
        value = "*"
    else:
        target = f":{include.target}" if include.target else ""
        value = f"{include.source}:{include.code}{target}"
    return (f"{name}:iterate" if include.iterate else name), value
