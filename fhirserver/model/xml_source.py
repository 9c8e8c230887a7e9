"""An XML document as a light tree that knows where everything stood.

Spec: https://www.w3.org/TR/xml-names/ and https://hl7.org/fhir/R4/narrative.html#xhtml

expat reads it, because it tells line, column and octet of every tag: faults are placed exactly,
and a narrative is kept letter by letter as it was sent. Document types are refused as soon as they
begin, so no entity but the five of XML exists and nothing is ever fetched.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.entities import html5
from xml.etree import ElementTree as ET
from xml.parsers import expat

from fhirserver.errors import FhirError, MalformedBodyError, TooLargeError
from fhirserver.model.json import MAX_DEPTH

FHIR = "http://hl7.org/fhir"
XHTML = "http://www.w3.org/1999/xhtml"
_DIV = f"{XHTML} div"
_TAG = re.compile(rb"""<(?:[^<>"']|"[^"]*"|'[^']*')*>""")
_NAMED_ENTITY = re.compile("&([A-Za-z][A-Za-z0-9]*;)")
_XML_ENTITIES = frozenset(("amp;", "lt;", "gt;", "quot;", "apos;"))
XML_DEPTH = 2 * MAX_DEPTH
"""Two levels of XML stand for one level of JSON where a resource is held by another."""


@dataclass(slots=True, eq=False)
class Source:
    """One element.

    Attributes:
        namespace: URI; "" where there is none.
        name: without prefix.
        attributes: by name; one in a namespace as "uri name".
        parent: None for the root.
        line: from 1; 0 where it stands in no document that somebody sent.
        column: from 1.
        children: elements only.
        text: the first text between children that is no white space.
        narrative: of a narrative, itself as sent.
    """

    namespace: str
    name: str
    attributes: dict[str, str]
    parent: "Source | None"
    line: int
    column: int
    children: list["Source"] = field(default_factory=list)
    text: str = ""
    narrative: str | None = None

    @property
    def path(self) -> str:
        """A FHIRPath of the element; one that repeats has its index."""
        names: list[str] = []
        current: Source | None = self
        while current is not None:
            alike = [current]
            if current.parent is not None:
                alike = [item for item in current.parent.children if item.name == current.name]
            index = f"[{alike.index(current)}]" if len(alike) > 1 else ""
            names.append(current.name + index)
            current = current.parent
        return ".".join(reversed(names))

    def fault(self, message: str) -> MalformedBodyError:
        """Make the error of something that is wrong here."""
        place = f"At line {self.line}, column {self.column}" if self.line else self.path
        return MalformedBodyError(f"{place}: {message}.", expression=(self.path,))


def parse_source(raw: bytes) -> Source:
    """Parse a document.

    Raises:
        MalformedBodyError: not well-formed or not UTF-8, with line and column; a document type.
        TooLargeError: nested too deep.
    """
    raw = raw.removeprefix(b"\xef\xbb\xbf")
    builder = _Builder(raw)
    run_parser(builder.parser, raw)
    assert builder.root is not None
    return builder.root


def new_parser() -> expat.XMLParserType:
    """Make a parser of UTF-8 that tells names as "uri name" and refuses document types.

    Whatever the declaration of a document says, its octets are taken for UTF-8: `run_parser` looks.
    """
    parser = expat.ParserCreate("utf-8", " ")
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _refuse_doctype
    return parser


def run_parser(parser: expat.XMLParserType, raw: bytes) -> None:
    """Parse a whole document, without a byte order mark.

    Raises:
        MalformedBodyError: not well-formed or not UTF-8, with line and column.
        FhirError: whatever the parser's handlers raise.
    """
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        column = error.start - raw.rfind(b"\n", 0, error.start)
        raise MalformedBodyError(
            f"The body is not UTF-8 at line {line}, column {column}; send it in UTF-8."
        ) from None
    try:
        parser.Parse(raw, True)
    except expat.ExpatError as error:
        raise MalformedBodyError(
            f"The body is not XML at line {error.lineno}, column {error.offset + 1}: "
            f"{expat.ErrorString(error.code)}."
        ) from None


def is_narrative(text: str) -> bool:
    """Whether a text is one XHTML div that can stand in a document by itself."""
    found: list[str] = []
    parser = expat.ParserCreate("utf-8", " ")
    parser.StartDoctypeDeclHandler = _refuse_doctype
    parser.StartElementHandler = lambda tag, _attributes: found.append(tag)
    try:
        parser.Parse(text.encode("utf-8", "surrogatepass"), True)
    except (expat.ExpatError, FhirError):
        return False
    return bool(found) and found[0] == _DIV


def without_named_entities(text: str) -> str:
    """Replace HTML's named entities, which XML does not know, by their characters."""
    return _NAMED_ENTITY.sub(
        lambda match: match[0] if match[1] in _XML_ENTITIES else html5.get(match[1], match[0]),
        text,
    )


class _Builder:
    """Builds the tree from expat's events."""

    def __init__(self, raw: bytes) -> None:
        self.root: Source | None = None
        self._raw = raw
        self._open: list[Source] = []
        self._narrative_depth = 0
        self._narrative_start = 0
        self._narratives = 0
        self._divs: list[ET.Element] | None = None
        self.parser = new_parser()
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        if self._narrative_depth:
            self._narrative_depth += 1
            return
        namespace, _, name = tag.rpartition(" ")
        parent = self._open[-1] if self._open else None
        source = Source(
            namespace,
            name,
            attributes,
            parent,
            self.parser.CurrentLineNumber,
            self.parser.CurrentColumnNumber + 1,
        )
        if parent is None:
            self.root = source
        else:
            parent.children.append(source)
        self._open.append(source)
        if len(self._open) > XML_DEPTH:
            raise TooLargeError(f"The body nests deeper than {MAX_DEPTH} levels; flatten it.")
        if tag == _DIV:
            self._narrative_depth = 1
            self._narrative_start = self.parser.CurrentByteIndex

    def _end(self, _tag: str) -> None:
        if self._narrative_depth > 1:
            self._narrative_depth -= 1
            return
        source = self._open.pop()
        if self._narrative_depth:
            self._narrative_depth = 0
            source.narrative = self._narrative(self.parser.CurrentByteIndex)
            self._narratives += 1

    def _text(self, text: str) -> None:
        if not self._narrative_depth and self._open and not text.isspace():
            self._open[-1].text = self._open[-1].text or text

    def _narrative(self, last_tag: int) -> str:
        """Give the narrative whose last tag begins, or if it has one only ends, at an octet."""
        start = _TAG.match(self._raw, self._narrative_start)
        assert start is not None
        end = last_tag
        if start.end() != last_tag or not start[0].endswith(b"/>"):
            tag = _TAG.match(self._raw, last_tag)
            assert tag is not None
            end = tag.end()
        text = self._raw[self._narrative_start : end].decode()
        return text if is_narrative(text) else self._rewritten(self._narratives)

    def _rewritten(self, index: int) -> str:
        """Write a narrative anew that leans on namespaces declared around it."""
        if self._divs is None:
            try:
                root = ET.fromstring(self._raw)  # noqa: S314 - expat comes by: no document type
            except ET.ParseError:
                return ""  # what follows is not XML; the parser is about to say where
            self._divs = list(_outermost_divs(root))
        return _with_own_namespace(self._divs[index])


def _refuse_doctype(*_declaration: object) -> None:
    raise MalformedBodyError("A document type declaration is not read here; leave it out.")


def _with_own_namespace(div: ET.Element) -> str:
    for item in div.iter():
        item.tag = item.tag.rpartition("}")[2]
    div.set("xmlns", XHTML)
    div.tail = None
    return ET.tostring(div, encoding="unicode")


def _outermost_divs(parent: ET.Element) -> Iterator[ET.Element]:
    for child in parent:
        if child.tag == f"{{{XHTML}}}div":
            yield child
        else:
            yield from _outermost_divs(child)
