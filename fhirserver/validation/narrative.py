"""Narrative: the XHTML that people read, checked against what FHIR allows in it.

Spec: https://hl7.org/fhir/R4/narrative.html#xhtml

    txt-1   elements and attributes of basic formatting, HTML 4.0 chapters 7-11 (9.4 left out) and
            15, `a` and `img`; no scripts, forms, frames, objects, event handlers or style sheets
    txt-2   some text that is not blank, or an image

The text is one well-formed `div` of the XHTML namespace. A document type is refused before
anything in it is read, so there are no entities but XML's own five; so is a processing instruction.
Addresses are web, mail, telephone, relative or images inside the page; styles load nothing.
"""

import re
from xml.parsers import expat

from fhirserver.model.json import JsonValue
from fhirserver.validation.findings import Problem, quoted, wrong_kind

_XHTML = "http://www.w3.org/1999/xhtml"
_XML_LANG = "http://www.w3.org/XML/1998/namespace lang"

_ELEMENT_NAMES = (
    "a abbr acronym address b bdo big blockquote br caption center cite code col colgroup dd dfn"
    " div dl dt em font h1 h2 h3 h4 h5 h6 hr i img kbd li ol p pre q s samp small span strike"
    " strong sub sup table tbody td tfoot th thead tr tt u ul var"
)
_ATTRIBUTE_NAMES = (
    "abbr accesskey align alt axis bgcolor border cellpadding cellspacing char charoff charset"
    " cite class clear color colspan compact coords dir face frame headers height href hreflang"
    " hspace id lang longdesc name noshade nowrap rel rev rowspan rules scope shape size span"
    " src start style summary tabindex title type valign value vspace width"
)
_ELEMENTS = frozenset(f"{_XHTML} {name}" for name in _ELEMENT_NAMES.split())
_ATTRIBUTES = frozenset(_ATTRIBUTE_NAMES.split()) | {_XML_LANG}
_ADDRESSES = frozenset({"href", "src", "cite", "longdesc"})
_SCHEME = re.compile(r"([a-zA-Z][a-zA-Z0-9+.\-]*):")
_SCHEMES = frozenset({"http", "https", "mailto", "tel", "ftp", "urn", "cid"})
_IMAGE_DATA = re.compile(r"\s*data:\s*image/(png|gif|jpeg|webp|bmp)[;,]", re.IGNORECASE)
_LOADING_STYLE = re.compile(
    r"url\(['\"]?(?!data:image/|#)(?:[a-z][a-z0-9+.\-]*:|//)"
    r"|@import|expression\(|behaviou?r:|-moz-binding|/\*|\\"
)
"""Looked for in a style without its blanks, in lower case."""
_IGNORED_IN_ADDRESSES = re.compile("[\x00-\x20\x7f-\xa0]")
"""Browsers drop most of these from an address, also from within its scheme."""
_MAX_PROBLEMS = 10


class _UnreadableError(Exception):
    """The text is no narrative at all, so reading stops; the message says why."""


def check_narrative(value: JsonValue) -> Problem | None:
    """Check the value of Narrative.div.

    Returns:
        None, or what is wrong: "structure" where it is not a well-formed div, else "invariant"
        with everything that txt-1 does not allow, or txt-2.
    """
    if value.__class__ is not str:
        return wrong_kind(value, "a string (xhtml)")
    reader = _Reader()
    try:
        reader.read(value)
    except _UnreadableError as error:
        return "structure", str(error)
    except (expat.ExpatError, UnicodeEncodeError) as error:
        return "structure", (
            f"The narrative is not well-formed XHTML ({error});"
            " write entities such as &nbsp; as characters."
        )
    if reader.problems:
        listed = " ".join(dict.fromkeys(reader.problems))
        return "invariant", f"txt-1: A narrative holds basic formatting only. {listed}"
    if not reader.has_content:
        return "invariant", "txt-2: The narrative has nothing to read; give it text or an image."
    return None


class _Reader:
    """One pass over one narrative; handlers that have done their work step aside."""

    __slots__ = ("_parser", "has_content", "problems")

    def __init__(self) -> None:
        self.has_content = False
        self.problems: list[str] = []
        parser = self._parser = expat.ParserCreate("UTF-8", " ")
        parser.ordered_attributes = True
        parser.StartElementHandler = self._root
        parser.CharacterDataHandler = self._characters
        parser.StartDoctypeDeclHandler = _refuse_document_type
        parser.ProcessingInstructionHandler = self._instruction
        parser.XmlDeclHandler = _refuse_declaration

    def read(self, text: str) -> None:
        self._parser.Parse(text, True)

    def _root(self, name: str, attributes: list[str]) -> None:
        if name != f"{_XHTML} div":
            raise _UnreadableError(f'The narrative must be one <div xmlns="{_XHTML}"> element.')
        self._parser.StartElementHandler = self._start
        self._start(name, attributes)

    def _start(self, name: str, attributes: list[str]) -> None:
        if name not in _ELEMENTS:
            self._forbid(f"Remove the element {quoted(name.removeprefix(_XHTML + ' '))}.")
        if attributes:
            self._check_attributes(attributes)
            self.has_content |= name == f"{_XHTML} img" and "src" in attributes[::2]

    def _check_attributes(self, attributes: list[str]) -> None:
        for position in range(0, len(attributes), 2):
            problem = _attribute_problem(attributes[position], attributes[position + 1])
            if problem is not None:
                self._forbid(problem)

    def _characters(self, text: str) -> None:
        if not text.isspace():
            self.has_content = True
            self._parser.CharacterDataHandler = None

    def _instruction(self, target: str, _data: str) -> None:
        self._forbid(f"Remove the processing instruction {quoted(target)}.")

    def _forbid(self, text: str) -> None:
        if len(self.problems) < _MAX_PROBLEMS:
            self.problems.append(text)


def _attribute_problem(name: str, value: str) -> str | None:
    if name not in _ATTRIBUTES:
        return f"Remove the attribute {quoted(name)}."
    if name in _ADDRESSES:
        scheme = _SCHEME.match(_IGNORED_IN_ADDRESSES.sub("", value))
        if scheme and scheme[1].lower() not in _SCHEMES and not _IMAGE_DATA.match(value):
            allowed = ", ".join(sorted(_SCHEMES))
            return f"Change the address {quoted(value)} in {name}: schemes allowed are {allowed}."
    elif name == "style" and _LOADING_STYLE.search("".join(value.split()).lower()):
        return f"Change the style {quoted(value)}: it loads or runs something."
    return None


def _refuse_document_type(*_: object) -> None:
    raise _UnreadableError(
        "A narrative has no document type and no entities of its own; remove it."
    )


def _refuse_declaration(*_: object) -> None:
    raise _UnreadableError("A narrative has no XML declaration; begin with its div element.")
