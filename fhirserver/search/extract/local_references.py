"""Every literal local reference of a resource, with its location, and those that lead astray.

Spec: https://hl7.org/fhir/R4/references.html#literal, https://hl7.org/fhir/R4/fhirpath.html and
https://hl7.org/fhir/R4/datatypes.html#Attachment

References stand anywhere: in extensions, also of primitives, and in contained resources. Those in
the entries of a Bundle are left out: they mean what the Bundle holds. The `url` of an attachment
refers as well where it names a Binary of this server.
"""

from functools import lru_cache

from fhirserver.definitions import Definitions
from fhirserver.model.json import JsonObject
from fhirserver.model.reference import below_base
from fhirserver.search.extract.reference import parse_local
from fhirserver.search.extract.rows import LocalReference, StrayReference

Trail = tuple["Trail", str, int | None] | None
"""The way down from a resource: the way so far, JSON name, index in a list."""
_REFERENCE, _ATTACHMENT = "Reference", "Attachment"


def local_references(
    resource: JsonObject, definitions: Definitions, base_url: str | None, types: frozenset[str]
) -> tuple[list[LocalReference], list[StrayReference]]:
    """Find the local references of a resource, its contained resources last.

    Args:
        resource: valid JSON of a resource.
        definitions: tells a Reference from other objects that have a `reference`.
        base_url: the server's FHIR base; URLs below it are local.
        types: types that a reference can point at.

    Returns:
        Those that name a resource, and those below the base that cannot name any.
    """
    kind = resource["resourceType"]
    insides = [(kind, resource)]
    for index, each in enumerate(resource.get("contained") or ()):
        insides.append((f"{kind}.contained[{index}]", each))
    found, stray = [], []
    for prefix, inside in insides:
        for literal, trail, datatype in _literals(inside):
            local = parse_local(literal, base_url)
            if local is not None and local.type not in types:
                local = None
            if local is None and (base_url is None or below_base(literal, base_url) is None):
                continue
            path = _path(prefix, inside["resourceType"], trail, datatype, definitions)
            if path is None:
                continue
            if datatype == _ATTACHMENT:
                if local is not None and local.type == "Binary":
                    found.append(LocalReference(f"{path}.url", *local))
            elif local is not None:
                found.append(LocalReference(path, *local))
            else:
                stray.append(StrayReference(path, literal))
    return found, stray


def _literals(resource: JsonObject) -> list[tuple[str, Trail, str]]:
    """Find what may refer, without looking at the model: few objects have such an element at all.

    Returns:
        Text, the way to the object that has it, and the datatype that this would have to be.
    """
    resources_inside = "entry" if resource["resourceType"] == "Bundle" else "contained"
    found: list[tuple[str, Trail, str]] = []
    open_objects: list[tuple[JsonObject, Trail]] = [(resource, None)]
    for value, trail in open_objects:
        for name, item in value.items():
            kind = item.__class__
            if kind is str:
                if name == "reference":
                    found.append((item, trail, _REFERENCE))
                elif name == "url" and "Binary/" in item:
                    found.append((item, trail, _ATTACHMENT))
            elif kind is dict:
                open_objects.append((item, (trail, name, None)))
            elif kind is list and name != resources_inside:
                for index, each in enumerate(item):
                    if each.__class__ is dict:
                        open_objects.append((each, (trail, name, index)))
    return found


@lru_cache(maxsize=8192)
def _path(
    prefix: str, kind: str, trail: Trail, datatype: str, definitions: Definitions
) -> str | None:
    """Write a trail as FHIRPath; None unless it leads to an element of the datatype.

    Remembers what it has seen: resources of a type refer from the same few places.
    """
    steps = []
    while trail is not None:
        trail, name, index = trail
        steps.append((name, index))
    steps.reverse()
    names = _published_names(definitions, kind, tuple(name for name, _ in steps), datatype)
    if names is None:
        return None
    places = ("" if index is None else f"[{index}]" for _, index in steps)
    return prefix + "".join(f".{name}{place}" for name, place in zip(names, places, strict=True))


def _published_names(
    definitions: Definitions, kind: str, names: tuple[str, ...], wanted: str
) -> tuple[str, ...] | None:
    """Translate JSON names to FHIRPath's: `valueReference` is `value`, `_birthDate` birthDate."""
    published = []
    node_path: str | None = kind
    datatype = kind
    for name in names:
        element = definitions.node(node_path).elements.get(name.lstrip("_")) if node_path else None
        if element is None:
            return None
        published.append(element.base_name)
        node_path = "Element" if name.startswith("_") else element.node_path
        datatype = element.type
    return tuple(published) if datatype == wanted else None
