"""Links between the entries of a transaction: found once, filled in when the ids are known. Pure.

Spec: https://hl7.org/fhir/R4/http.html#trules and bundle.html#references

    Reference.reference    a fullUrl; Type/id below the root of the entry's own fullUrl; either
                           with /_history/n; or a search: Type?parameters
    uri, url, oid, uuid    a fullUrl, exactly; canonicals stay as they are
    urn:uuid:...           of no entry: an error, as it names nothing outside the Bundle; so a
                           link to it could never be followed
    narrative              href and src with a fullUrl or a relative link to one

A Bundle that is an entry stays as it is: what its own entries say, they say within it.

A place keeps its text as sent, so that filling again, after a retry chose other ids, starts from
the source.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from html import escape, unescape
from typing import Any, NamedTuple

from fhirserver.definitions import Definitions
from fhirserver.definitions.elements import Node
from fhirserver.errors import InvalidRequestError
from fhirserver.model.json import JsonObject, JsonValue
from fhirserver.model.reference import below_base

_SEARCH = re.compile(r"([A-Z][A-Za-z]+)\?(.+)", re.ASCII | re.DOTALL)
_RELATIVE = re.compile(r"[A-Z][A-Za-z]+/[A-Za-z0-9\-.]{1,64}", re.ASCII)
_RESTFUL = re.compile(r"(.+)/[A-Z][A-Za-z]+/[A-Za-z0-9\-.]{1,64}", re.ASCII)
_HISTORY = re.compile(r"(.+)/_history/[A-Za-z0-9\-.]{1,64}", re.ASCII)
_LINK = re.compile(r"""\b(href|src)(\s*=\s*)("[^"]*"|'[^']*')""")
_TEXTS = frozenset(("reference", "div"))
_UUID = "urn:uuid:"
_URI_TYPES = frozenset(("uri", "url", "oid", "uuid"))


class Place(NamedTuple):
    """One text that a link stands in.

    Attributes:
        holder: the object or list that holds it.
        key: its key or index there.
        text: as sent.
        entry: index of the entry it points at; None for a search and for a narrative.
        versioned: it names a version.
        search: (type, query) of a conditional reference.
        root: what completes relative links of a narrative.
    """

    holder: Any
    key: Any
    text: str
    entry: int | None = None
    versioned: bool = False
    search: tuple[str, str] | None = None
    root: str | None = None


class Links:
    """Finds and fills the links of one transaction.

    Args:
        definitions: names types and elements.
        base_url: this server's FHIR base; a search below it is a conditional reference.
        full_urls: index of the entry by its fullUrl.
    """

    def __init__(
        self, definitions: Definitions, base_url: str, full_urls: Mapping[str, int]
    ) -> None:
        self._definitions = definitions
        self._base_url = base_url
        self._full_urls = full_urls

    def find(self, resource: JsonObject, full_url: str | None) -> list[Place]:
        """Find the places of one resource.

        Args:
            resource: an entry's body.
            full_url: the entry's own fullUrl, whose root completes relative references.

        Raises:
            InvalidRequestError: a reference to a UUID that is no entry's.
        """
        if resource.get("resourceType") == "Bundle":
            return []
        restful = _RESTFUL.fullmatch(full_url) if full_url else None
        root = restful[1] if restful else None
        places: list[Place] = []
        has_uris = False
        full_urls = self._full_urls
        stack: list[JsonValue] = [resource]
        while stack:
            holder = stack.pop()
            for key, item in holder.items() if holder.__class__ is dict else enumerate(holder):
                if item.__class__ is str:
                    if key in _TEXTS:
                        places += self._text(holder, key, str(key), root)
                    elif item in full_urls:
                        has_uris = True
                elif item.__class__ is dict or item.__class__ is list:
                    stack.append(item)
        if has_uris:
            places.extend(self._uris(resource))
        return places

    def fill(
        self,
        places: Sequence[Place],
        targets: Sequence[str | None],
        versions: Mapping[int, int],
        found: Mapping[tuple[str, str], str],
    ) -> None:
        """Write the ids that the server gave into the places.

        Args:
            places: as `find` gave them.
            targets: "Type/id" by entry; None for entries without a resource of their own.
            versions: version that the transaction writes, by entry; 1 where it is not named.
            found: "Type/id" by conditional reference.
        """
        for place in places:
            if place.search is not None:
                place.holder[place.key] = found[place.search]
            elif place.entry is not None:
                target = targets[place.entry]
                if target is not None:
                    suffix = f"/_history/{versions.get(place.entry, 1)}" if place.versioned else ""
                    place.holder[place.key] = target + suffix
            else:
                text = self._rewrite_narrative(place.text, place.root, targets)
                place.holder[place.key] = text

    def find_in(self, holder: Any, key: Any, name: str, node: Node) -> Iterator[Place]:
        """Find the places of a value that is to stand somewhere else: of a part of a patch.

        Args:
            holder: the object or list that holds the value.
            key: its key or index there.
            name: JSON name of the element that it becomes.
            node: of which that is an element.

        Raises:
            InvalidRequestError: a reference to a UUID that is no entry's.
        """
        value = holder[key]
        if value.__class__ is list:
            for index in range(len(value)):
                yield from self.find_in(value, index, name, node)
        elif value.__class__ is dict:
            inner = self.inner(node, name, value.get("resourceType"))
            for each in value:
                yield from self.find_in(value, each, each, inner)
        elif value.__class__ is str:
            if name in _TEXTS:
                yield from self._text(holder, key, name, None)
            elif self._is_link(node, name, value):
                yield Place(holder, key, value, self._full_urls[value])

    def find_link(self, holder: Any, key: Any) -> Iterator[Place]:
        """Find the place of a text that is a link if it is a fullUrl: href and src."""
        entry = self._full_urls.get(holder[key])
        if entry is not None:
            yield Place(holder, key, holder[key], entry)

    def inner(self, node: Node, name: str, type_: JsonValue = None) -> Node:
        """Give the node of what stands as an element of another, or of the resource's type."""
        if isinstance(type_, str) and self._definitions.is_resource_type(type_):
            return self._definitions.node(type_)
        return self._child(node, name)

    def _text(self, holder: Any, key: Any, name: str, root: str | None) -> Iterator[Place]:
        text = holder[key]
        if name == "div":
            if self._rewrite_narrative(text, root, None) != text:
                yield Place(holder, key, text, root=root)
            return
        place = self._reference(holder, key, root)
        if place is not None:
            yield place
        elif text.startswith(_UUID):
            raise _unknown(text)

    def _reference(self, holder: Any, key: Any, root: str | None) -> Place | None:
        text = holder[key]
        if text.startswith("#"):
            return None
        entry = self._look_up(text, root)
        if entry is not None:
            return Place(holder, key, text, entry)
        if "?" in text:
            match = _SEARCH.fullmatch(below_base(text, self._base_url) or text)
            if match and match[1] in self._definitions.resource_types:
                return Place(holder, key, text, search=(match[1], match[2]))
            return None
        match = _HISTORY.fullmatch(text)
        if match:
            entry = self._look_up(match[1], root)
            if entry is not None:
                return Place(holder, key, text, entry, versioned=True)
        return None

    def _look_up(self, text: str, root: str | None) -> int | None:
        entry = self._full_urls.get(text)
        if entry is None and root is not None and _RELATIVE.fullmatch(text):
            entry = self._full_urls.get(f"{root}/{text}")
        return entry

    def _rewrite_narrative(
        self, text: str, root: str | None, targets: Sequence[str | None] | None
    ) -> str:
        """Replace links in XHTML; without targets, mark each that would be replaced."""
        if "href" not in text and "src" not in text:
            return text

        def replace(match: re.Match[str]) -> str:
            quote = match[3][0]
            entry = self._look_up(unescape(match[3][1:-1]), root)
            if entry is None:
                return match[0]
            target = "" if targets is None else targets[entry]
            if target is None:
                return match[0]
            return f"{match[1]}{match[2]}{quote}{escape(target)}{quote}"

        return _LINK.sub(replace, text)

    def _uris(self, resource: JsonObject) -> Iterator[Place]:
        """Find the fullUrls in elements of the URI types, which takes the element tables."""
        stack: list[tuple[JsonObject, Node]] = [(resource, self._definitions.node("Element"))]
        while stack:
            holder, node = stack.pop()
            type_ = holder.get("resourceType")
            if isinstance(type_, str) and self._definitions.is_resource_type(type_):
                node = self._definitions.node(type_)
            for key, item in holder.items():
                values = enumerate(item) if item.__class__ is list else ((key, item),)
                for index, value in values:
                    if value.__class__ is dict:
                        stack.append((value, self._child(node, key)))
                    elif value.__class__ is str and self._is_link(node, key, value):
                        place = item if item.__class__ is list else holder
                        yield Place(place, index, value, self._full_urls[value])

    def _is_link(self, node: Node, key: str, value: str) -> bool:
        element = node.elements.get(key)
        return element is not None and element.type in _URI_TYPES and value in self._full_urls

    def _child(self, node: Node, key: str) -> Node:
        element = node.elements.get(key)
        path = element.node_path if element is not None else None
        return self._definitions.node(path or "Element")


def _unknown(urn: str) -> InvalidRequestError:
    return InvalidRequestError(
        f"{urn[:100]!r} is the fullUrl of no entry that writes; add that entry, or refer to what "
        "is stored as [type]/[id].",
    )
