"""XML Patch: directives on the XML form of a resource. Pure.

Spec: RFC 5261 section 4; https://hl7.org/fhir/R4/http.html#patch

The resource is written as XML, changed, and read back. Elements may come to stand in any order,
which JSON does not know; names, values and cardinality are those of FHIR. FHIR's elements have no
white space between them here; what the patch brings falls away when the result is read, so `ws`
removes it without a complaint. In a narrative white space is text like any other.

A patch that is none is a 400; one that does not fit the resource is a 422, which names the error
condition of RFC 5261 section 5.1. Directives apply in order: all or none.
"""

from collections.abc import Sequence

from fhirserver.definitions import Definitions
from fhirserver.errors import MalformedBodyError, TooLargeError, UnprocessableError
from fhirserver.interactions.xml_patch_document import Directive
from fhirserver.interactions.xml_patch_result import as_it_was
from fhirserver.interactions.xml_patch_search import Located, Search
from fhirserver.model.json import MAX_DEPTH, JsonObject
from fhirserver.model.xml import write_xml
from fhirserver.model.xml_reader import read_source
from fhirserver.model.xml_source import XHTML, XML_DEPTH
from fhirserver.model.xml_tree import (
    XmlComment,
    XmlElement,
    XmlNode,
    as_source,
    copy_tree,
    height,
    join_texts,
    parse_tree,
)


def apply_xml_patch(
    definitions: Definitions, resource: JsonObject, directives: Sequence[Directive]
) -> JsonObject:
    """Apply a patch to a copy of a resource.

    Args:
        definitions: the R4 specification.
        resource: what is stored; stays unchanged, as the directives do.
        directives: as `parse_xml_patch` gives them.

    Raises:
        UnprocessableError: a selector that does not lead to one node, a change that cannot be made
            there, or a result that is no resource.
        TooLargeError: the selectors look at too much, or the result nests too deep.
    """
    root = patch_tree(parse_tree(write_xml(resource, definitions)), directives)
    try:
        patched = read_source(as_source(root), definitions)
    except MalformedBodyError as error:
        first = error.issues[0]
        raise UnprocessableError(
            f"The XML Patch leaves no FHIR resource behind: {first.diagnostics}",
            expression=first.expression,
        ) from None
    return as_it_was(patched, resource)


def patch_tree(root: XmlElement, directives: Sequence[Directive]) -> XmlElement:
    """Apply directives to a document, which they change, and give its root.

    Raises:
        FhirError: as `apply_xml_patch`.
    """
    document = XmlElement("", "", children=[root])
    search = Search(document)
    for directive in directives:
        _Change(search, directive).run()
    return next(document.elements)


class _Change:
    """One directive on one document."""

    def __init__(self, search: Search, directive: Directive) -> None:
        self._directive = directive
        found = search.find(directive.selector)
        if len(found) != 1:
            remedy = "narrow it with a position such as [1]" if found else "read the resource again"
            raise self._unfit(
                f"{directive.selector.text[:200]!r} leads to {len(found)} nodes and must lead to "
                f"one; {remedy}",
                "unlocated-node",
            )
        self._target = found[0]

    def run(self) -> None:
        match self._directive.kind:
            case "add":
                self._add()
            case "replace":
                self._replace()
            case "remove":
                self._remove()

    def _add(self) -> None:
        made, position = self._directive.made, self._directive.position
        if made is not None:
            names, key = self._names(made.attribute, made.prefix)
            if key in names:
                raise self._unfit(f"{key!r} is there already; use replace")
            names[key] = self._text()
        elif position in ("before", "after"):
            parent, index = self._parent()
            if self._target.depth == 1:
                raise self._unfit("nothing can stand beside the root", _ROOT)
            self._insert(parent, index + (position == "after"), self._target.depth - 1)
        else:
            element = self._element()
            end = 0 if position == "prepend" else len(element.children)
            self._insert(element, end, self._target.depth)

    def _insert(self, parent: XmlElement, index: int, depth: int) -> None:
        nodes = [copy_tree(child) for child in self._directive.content.children]
        self._refuse_depth(depth, nodes)
        parent.children[index:index] = nodes
        join_texts(parent)

    def _replace(self) -> None:
        selector = self._directive.selector
        if selector.attribute is not None or selector.prefix is not None:
            names, key = self._names(selector.attribute, selector.prefix)
            if key not in names:
                raise self._unfit(f"there is no {key!r} to replace; use add", "unlocated-node")
            names[key] = self._text()
            return
        parent, index = self._parent()
        node = self._replacement(parent.children[index])
        self._refuse_depth(self._target.depth - 1, [node])
        parent.children[index] = node
        join_texts(parent)

    def _replacement(self, old: XmlNode) -> XmlNode:
        """Give the one node of the directive, which must be of the old one's kind."""
        if isinstance(old, str):
            return self._text()
        children = self._directive.content.children
        nodes = [each for each in children if not isinstance(each, str) or not each.isspace()]
        if isinstance(old, XmlElement):
            nodes = [each for each in nodes if not isinstance(each, XmlComment)]
        if len(nodes) != 1 or nodes[0].__class__ is not old.__class__:
            raise self._unfit(
                "it must bring exactly one node, of the kind that it replaces", "invalid-node-types"
            )
        return copy_tree(nodes[0])

    def _remove(self) -> None:
        selector = self._directive.selector
        if selector.attribute is not None or selector.prefix is not None:
            names, key = self._names(selector.attribute, selector.prefix)
            if key not in names:
                raise self._unfit(f"there is no {key!r} to remove", "unlocated-node")
            del names[key]
            return
        if self._target.depth == 1:
            raise self._unfit("the root stays; use delete", _ROOT)
        parent, index = self._parent()
        spaces = self._directive.spaces
        first = index - self._spaces(parent, index - 1) if spaces in ("before", "both") else index
        last = index + self._spaces(parent, index + 1) if spaces in ("after", "both") else index
        del parent.children[first : last + 1]
        join_texts(parent)

    def _spaces(self, parent: XmlElement, index: int) -> bool:
        """Whether white space stands at an index, where it must in a narrative."""
        found = parent.children[index] if 0 <= index < len(parent.children) else None
        if isinstance(found, str) and found.isspace():
            return True
        if isinstance(found, str) or parent.namespace == XHTML:
            raise self._unfit(
                "no white space stands where ws wants it", "invalid-whitespace-directive"
            )
        return False

    def _names(self, attribute: str | None, prefix: str | None) -> tuple[dict[str, str], str]:
        """Give the attributes or the declarations of the target, and the name in question."""
        element = self._element()
        return (
            (element.attributes, attribute)
            if attribute is not None
            else (element.declared, prefix or "")
        )

    def _element(self) -> XmlElement:
        node = self._target.node
        if not isinstance(node, XmlElement):
            raise self._unfit("it is about elements, and its selector leads to another node")
        return node

    def _parent(self) -> tuple[XmlElement, int]:
        above: Located | None = self._target.parent
        assert above is not None
        assert isinstance(above.node, XmlElement)
        return above.node, self._target.index

    def _text(self) -> str:
        """Give the text of the directive, which must be all that it holds."""
        children = [each for each in self._directive.content.children if each != ""]
        if not all(isinstance(each, str) for each in children):
            raise self._unfit("it must bring nothing but text", "invalid-node-types")
        return "".join(map(str, children))

    def _refuse_depth(self, depth: int, nodes: Sequence[XmlNode]) -> None:
        if depth + height(nodes) > XML_DEPTH:
            place = self._directive.place
            raise TooLargeError(
                f"After directive {place} the resource nests deeper than {MAX_DEPTH} levels."
            )

    def _unfit(self, reason: str, condition: str = "invalid-patch-directive") -> UnprocessableError:
        directive = self._directive
        return UnprocessableError(
            f"XML Patch directive {directive.place} ({directive.kind}) does not fit: {reason} "
            f"({condition})."
        )


_ROOT = "invalid-root-element-operation"
