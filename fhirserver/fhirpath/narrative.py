"""htmlChecks(): the XHTML that a narrative may hold.

Spec: https://hl7.org/fhir/R4/narrative.html#xhtml

Formatting elements and attributes of HTML 4.0, links, images and inline styles; no scripts, forms,
frames, events or external styles. Something must be there to read: text or an image.
"""

import re
import xml.etree.ElementTree as ET
from html.entities import html5

from fhirserver.fhirpath.errors import FhirPathError

_XHTML = "{http://www.w3.org/1999/xhtml}"
_ELEMENTS = frozenset(
    {"a", "abbr", "acronym", "address", "area", "b", "bdo", "big", "blockquote", "br",
     "caption", "center", "cite", "code", "col", "colgroup", "dd", "del", "dfn", "div",
     "dl", "dt", "em", "font", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "i", "img", "ins",
     "kbd", "li", "map", "ol", "p", "pre", "q", "s", "samp", "small", "span", "strike",
     "strong", "sub", "sup", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "tt",
     "u", "ul", "var",}
)  # fmt: skip
_ATTRIBUTES = frozenset(
    {"abbr", "accesskey", "align", "alt", "axis", "bgcolor", "border", "cellhalign",
     "cellpadding", "cellspacing", "cellvalign", "char", "charoff", "charset", "cite",
     "class", "color", "colspan", "compact", "coords", "dir", "face", "frame", "headers",
     "height", "href", "hreflang", "hspace", "id", "lang", "longdesc", "name", "noshade",
     "nowrap", "rel", "rev", "rowspan", "rules", "scope", "shape", "size", "span", "src",
     "start", "style", "summary", "tabindex", "title", "type", "usemap", "valign", "value",
     "vspace", "width",
     "{http://www.w3.org/XML/1998/namespace}lang", "{http://www.w3.org/XML/1998/namespace}space"}
)  # fmt: skip
_ENTITY = re.compile(r"&(?!(?:amp|lt|gt|quot|apos);)([A-Za-z][A-Za-z0-9]*);")
_SCRIPT = re.compile(r"\s*(?:javascript|vbscript)\s*:", re.IGNORECASE)


def is_plain_narrative(text: object) -> bool:
    """Tell whether a narrative's div holds nothing but what it may, and something to read."""
    if not isinstance(text, str) or "<!" in text.replace("<!--", ""):
        return False
    try:
        root = _parse(text)
    except (ET.ParseError, FhirPathError, ValueError):
        return False
    if root.tag != f"{_XHTML}div":
        return False
    if not all(_is_allowed(element) for element in root.iter()):
        return False
    has_image = any(element.tag == f"{_XHTML}img" for element in root.iter())
    return has_image or bool("".join(root.itertext()).strip())


def _parse(text: str) -> ET.Element:
    def replace(match: re.Match[str]) -> str:
        character = html5.get(f"{match[1]};")
        if character is None:
            raise FhirPathError("unknown entity")
        return character

    return ET.fromstring(_ENTITY.sub(replace, text))  # noqa: S314 - no DTD gets here


def _is_allowed(element: ET.Element) -> bool:
    if element.tag.removeprefix(_XHTML) not in _ELEMENTS:
        return False
    return all(name in _ATTRIBUTES and not _SCRIPT.match(value) for name, value in element.items())
