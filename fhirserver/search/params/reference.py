"""Reference search values.

Spec: https://hl7.org/fhir/R4/search.html#reference

    23                        any type that the parameter may point at
    Patient/23                that resource; also as an absolute URL below this server's base
    http://elsewhere/x/1      external, to the letter; also urn:uuid: and urn:oid:
    http://acme.org/p|1.0     canonical of that version; without |version any version
    :Patient=23               Patient/23
    :identifier=system|code   Reference.identifier, in the forms of a token
    :text                     the beginning of Reference.display
    :below, :above            see `hierarchy`

Alias parameters (`patient` is `subject` with patients only) look at their type's targets only.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from fhirserver.definitions import Definitions, SearchParameter
from fhirserver.model.reference import is_id, parse_reference
from fhirserver.search.conditions import (
    BY_MAIN_DATE,
    BY_PATIENT,
    NEVER,
    Condition,
    Fragment,
    Rows,
    any_condition,
)
from fhirserver.search.escape import escape, split, unescape
from fhirserver.search.keys import EXTERNAL_OFFSET, IDENTIFIER_OFFSET, short_key, system_key
from fhirserver.search.params import token
from fhirserver.search.params.token import TokenValue

MODIFIERS = frozenset({"identifier", "text", "below", "above"})
NOT_OFFERED: frozenset[str] = frozenset()

_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:", re.ASCII)


@dataclass(frozen=True, slots=True)
class ReferenceValue:
    """A reference to look for.

    Attributes:
        text: as written, without escapes.
        types: types the target may have; empty for what can only be external.
        id: logical id of the target; "" for what can only be external.
        url: absolute URL without version, for what may be external; else "".
        version: business version of a canonical; "" for any.
    """

    text: str
    types: tuple[str, ...] = ()
    id: str = ""
    url: str = ""
    version: str = ""

    def render(self) -> str:
        """Write it as in a URL."""
        text = escape(self.text)
        return f"{text}|{escape(self.version)}" if self.version else text


def parse(
    text: str,
    modifier: str | None,
    parameter: SearchParameter,
    definitions: Definitions,
    base_url: str | None,
) -> ReferenceValue | TokenValue:
    """Parse one value.

    Args:
        text: one value, still escaped.
        modifier: None, "identifier" or a resource type.
        parameter: what is searched; its targets are the types of a bare id.
        definitions: the R4 specification.
        base_url: this server's FHIR base without a trailing slash.

    Raises:
        ValueError: neither an id nor a URL nor Type/id, or a type that does not exist.
    """
    if modifier == "identifier":
        value = token.parse(text)
        assert isinstance(value, TokenValue)
        return value
    parts = [unescape(part) for part in split(text, "|")]
    whole = parts[0]
    types = target_types(parameter, definitions)
    if modifier is not None:
        types = tuple(name for name in types if name == modifier)
    if is_id(whole) and len(parts) == 1:
        return ReferenceValue(whole, types, whole)
    local = parse_reference(whole, base_url)
    absolute = _ABSOLUTE.match(whole) is not None
    if local is not None and definitions.is_resource_type(local.type) and len(parts) == 1:
        if local.version is not None:
            raise ValueError("a reference to one version cannot be searched; leave out /_history")
        allowed = tuple(name for name in types if name == local.type)
        return ReferenceValue(whole, allowed, local.id)
    if absolute and len(parts) <= 2:
        return ReferenceValue(whole, url=whole, version="".join(parts[1:]))
    raise ValueError("write an id, Type/id, an absolute URL, or url|version")


@lru_cache(maxsize=1024)
def target_types(parameter: SearchParameter, definitions: Definitions) -> tuple[str, ...]:
    """List the types a reference of this parameter may point at.

    R4 publishes one list for a parameter of many types, `patient` of Patient and Group; where the
    element of a type takes less, only that counts: AllergyIntolerance.patient is no group.
    """
    if parameter.alias_target is not None:
        return (parameter.alias_target,)
    if not parameter.targets or "Resource" in parameter.targets:
        return definitions.resource_types
    published = frozenset(parameter.targets)
    return tuple(sorted(published & _element_targets(parameter, definitions) or published))


@lru_cache(maxsize=4096)
def _element_targets(parameter: SearchParameter, definitions: Definitions) -> frozenset[str]:
    """List what the element takes that a plain path names; nothing where it cannot be told."""
    base, _, name = parameter.expression.partition(".")
    element = definitions.node(base).elements.get(name) if base == parameter.base else None
    if element is None or element.type != "Reference":
        return frozenset()
    return frozenset(element.target_types)


def condition(
    sps: tuple[int, ...],
    modifier: str | None,
    values: Iterable[ReferenceValue | TokenValue],
    definitions: Definitions,
) -> Condition:
    """Build the condition of one criterion; its values are alternatives."""
    if modifier == "identifier":
        offset_sps = tuple(sp + IDENTIFIER_OFFSET for sp in sps)
        return token.condition(offset_sps, None, [v for v in values if isinstance(v, TokenValue)])
    found = [value for value in values if isinstance(value, ReferenceValue)]
    conditions: list[Condition] = []
    local = tuple(target(value.types, value.id, definitions) for value in found if value.id)
    if local:
        one_type = all(len(value.types) == 1 for value in found if value.id)
        order = BY_PATIENT if one_type else ()
        conditions.append(Rows("ref", sps, local, order, unique=one_type))
    external = tuple(_external(value) for value in found if value.url)
    if external:
        offset_sps = tuple(sp + EXTERNAL_OFFSET for sp in sps)
        conditions.append(Rows("token", offset_sps, external, BY_MAIN_DATE))
    return any_condition(conditions)


def entry_condition(
    sps: tuple[int, ...], values: Iterable[ReferenceValue], definitions: Definitions
) -> Condition:
    """Build the condition of a parameter that leads to the first entry of a Bundle.

    An id is that of the resource in the entry, any other URL the entry's fullUrl.
    """
    found = list(values)
    conditions: list[Condition] = [
        Rows("ref", sps, (_in_entry(value, definitions),)) for value in found if value.id
    ]
    urls = [value for value in found if value.url]
    if urls:
        conditions.append(condition(sps, None, urls, definitions))
    return any_condition(conditions)


def _in_entry(value: ReferenceValue, definitions: Definitions) -> Fragment:
    tids = [definitions.type_id(name) for name in value.types]
    return Fragment(
        "@.target IN (SELECT t.rid FROM contained t"
        " WHERE t.tid = ANY(%s::smallint[]) AND t.id = %s AND t.place < 0)",
        (tids, value.id),
    )


def target(types: tuple[str, ...], id: str, definitions: Definitions) -> Fragment:
    """Test that a `ref` row points at one resource, whose row id the database looks up."""
    if not types:
        return NEVER
    tids = [definitions.type_id(name) for name in types]
    if len(tids) == 1:
        found = "SELECT t.rid FROM resource t WHERE t.tid = %s AND t.id = %s"
        return Fragment(f"@.target = ({found})", (tids[0], id))
    found = "SELECT t.rid FROM resource t WHERE t.tid = ANY(%s::smallint[]) AND t.id = %s"
    return Fragment(f"@.target = ANY(ARRAY({found}))", (tids, id))


def _external(value: ReferenceValue) -> Fragment:
    if not value.version:
        return Fragment("@.code = %s", (short_key(value.url),))
    return Fragment(
        "@.code = %s AND @.system = %s", (short_key(value.url), system_key(value.version))
    )
