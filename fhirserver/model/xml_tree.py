"""An XML document as a tree that can be changed: elements, texts, comments, instructions.

Spec: https://www.w3.org/TR/xml-names/ and https://www.w3.org/TR/xpath-10/#data-model

Texts are plain strings among an element's children; two never stand side by side (`join_texts`).
Names are as in `fhirserver.model.xml_source`: an attribute in a namespace is "uri name".
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple
from xml.sax.saxutils import escape, quoteattr

from fhirserver.errors import TooLargeError
from fhirserver.model.json import MAX_DEPTH
from fhirserver.model.xml_source import XHTML, XML_DEPTH, Source, new_parser, run_parser

_XML = "http://www.w3.org/XML/1998/namespace"


class XmlComment(NamedTuple):
    """A comment."""

    text: str


class XmlInstruction(NamedTuple):
    """A processing instruction."""

    target: str
    text: str


@dataclass(slots=True, eq=False)
class XmlElement:
    """An element; the document itself is one without a name that holds the root.

    Attributes:
        namespace: URI; "" where there is none.
        name: without prefix.
        attributes: by name.
        children: in their order.
        declared: URI by prefix of the namespaces declared here; the default one under "".
    """

    namespace: str
    name: str
    attributes: dict[str, str] = field(default_factory=dict)
    children: "list[XmlNode]" = field(default_factory=list)
    declared: dict[str, str] = field(default_factory=dict)

    @property
    def elements(self) -> "Iterator[XmlElement]":
        """The children that are elements."""
        return (child for child in self.children if isinstance(child, XmlElement))


XmlNode = XmlElement | XmlComment | XmlInstruction | str


def parse_tree(raw: bytes) -> XmlElement:
    """Parse a document and give its root.

    Raises:
        MalformedBodyError: not well-formed or not UTF-8, with line and column; a document type.
        TooLargeError: nested too deep.
    """
    raw = raw.removeprefix(b"\xef\xbb\xbf")
    builder = _TreeBuilder()
    run_parser(builder.parser, raw)
    return next(builder.document.elements)


def copy_tree(node: XmlNode) -> XmlNode:
    """Copy a node with all that it holds."""
    if not isinstance(node, XmlElement):
        return node
    children = [copy_tree(child) for child in node.children]
    attributes, declared = dict(node.attributes), dict(node.declared)
    return XmlElement(node.namespace, node.name, attributes, children, declared)


def height(nodes: Iterable[XmlNode]) -> int:
    """Count the levels of elements in nodes that stand side by side."""
    return max(
        (1 + height(node.children) for node in nodes if isinstance(node, XmlElement)), default=0
    )


def join_texts(element: XmlElement) -> None:
    """Make one text of those that came to stand side by side, and drop empty ones."""
    joined: list[XmlNode] = []
    texts: list[str] = []
    for child in [*element.children, None]:
        if isinstance(child, str):
            texts.append(child)
            continue
        if any(texts):
            joined.append("".join(texts))
        texts.clear()
        if child is not None:
            joined.append(child)
    element.children[:] = joined


def as_source(element: XmlElement, parent: Source | None = None) -> Source:
    """Give a tree the form that resources are read from; it has no lines and columns."""
    source = Source(element.namespace, element.name, element.attributes, parent, 0, 0)
    if element.namespace == XHTML and element.name == "div":
        source.narrative = xhtml_text(element)
        return source
    source.children = [as_source(child, source) for child in element.elements]
    texts = (child for child in element.children if isinstance(child, str))
    source.text = next((text for text in texts if not text.isspace()), "")
    return source


def xhtml_text(element: XmlElement) -> str:
    """Write a narrative, the XHTML namespace being the default."""
    parts: list[str] = []
    _write(element, "", parts)
    return "".join(parts)


def _write(element: XmlElement, around: str, parts: list[str]) -> None:
    parts.append(f"<{element.name}")
    if element.namespace != around:
        parts.append(f" xmlns={quoteattr(element.namespace)}")
    for number, (name, value) in enumerate(element.attributes.items()):
        namespace, _, local = name.rpartition(" ")
        if namespace == _XML:
            local = f"xml:{local}"
        elif namespace:
            parts.append(f" xmlns:n{number}={quoteattr(namespace)}")
            local = f"n{number}:{local}"
        parts.append(f" {local}={quoteattr(value)}")
    if not element.children:
        parts.append("/>")
        return
    parts.append(">")
    for child in element.children:
        if isinstance(child, XmlElement):
            _write(child, element.namespace, parts)
        else:
            parts.append(_leaf(child))
    parts.append(f"</{element.name}>")


def _leaf(node: XmlComment | XmlInstruction | str) -> str:
    if isinstance(node, XmlComment):
        return f"<!--{node.text}-->"
    if isinstance(node, XmlInstruction):
        return f"<?{node.target} {node.text}?>"
    return escape(node, {"\r": "&#13;"})


class _TreeBuilder:
    """Builds the tree from expat's events."""

    def __init__(self) -> None:
        self.document = XmlElement("", "")
        self._open = [self.document]
        self._declared: dict[str, str] = {}
        self.parser = new_parser()
        self.parser.StartNamespaceDeclHandler = self._declare
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._add
        self.parser.CommentHandler = lambda text: self._add(XmlComment(text))
        self.parser.ProcessingInstructionHandler = lambda *parts: self._add(XmlInstruction(*parts))

    def _declare(self, prefix: str | None, uri: str | None) -> None:
        self._declared[prefix or ""] = uri or ""

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        namespace, _, name = tag.rpartition(" ")
        element = XmlElement(namespace, name, attributes, declared=self._declared)
        self._declared = {}
        self._add(element)
        self._open.append(element)
        if len(self._open) > XML_DEPTH:
            raise TooLargeError(f"The body nests deeper than {MAX_DEPTH} levels; flatten it.")

    def _end(self, _tag: str) -> None:
        # A long text comes in pieces.
        join_texts(self._open.pop())

    def _add(self, node: XmlNode) -> None:
        self._open[-1].children.append(node)
