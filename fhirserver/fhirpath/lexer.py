r"""FHIRPath source to tokens.

Spec: http://hl7.org/fhirpath/N1/index.html#lexical-elements

    number      12  1.5                       datetime   @2015  @2015-02-04T14:34:28Z  @2015T
    string      'a\'b\u0041'                  time       @T14:34
    identifier  name  `a name`                variable   %resource  %`vs-name`  %'a'
    special     $this $index $total           operator   . , ( ) [ ] { } + - * / & | = ~ ...
    comments    // to the end of the line     /* ... */
"""

import re
from typing import Literal, NamedTuple

from fhirserver.fhirpath.errors import FhirPathError

Kind = Literal[
    "number", "string", "temporal", "identifier", "quoted", "variable", "special", "operator", "end"
]

_TOKEN = re.compile(
    r"""
    (?P<blank>\s+|//[^\r\n]*|/\*.*?\*/)
  | (?P<temporal>@(?:
        T\d\d(?::\d\d(?::\d\d(?:\.\d+)?)?)?
      | \d{4}(?:-\d\d(?:-\d\d)?)?
        (?:T(?:\d\d(?::\d\d(?::\d\d(?:\.\d+)?)?)?(?:Z|[+-]\d\d:\d\d)?)?)?
    ))
  | (?P<number>\d+(?:\.\d+)?)
  | (?P<string>'(?:\\.|[^'\\])*')
  | (?P<quoted>`(?:\\.|[^`\\])*`)
  | (?P<identifier>[A-Za-z_]\w*)
  | (?P<variable>%(?:[A-Za-z_][\w-]*|`(?:\\.|[^`\\])*`|'(?:\\.|[^'\\])*'))
  | (?P<special>\$(?:this|index|total)\b)
  | (?P<operator><=|>=|!=|!~|[()\[\]{}.,+\-*/&|<>=~])
    """,
    re.VERBOSE | re.DOTALL | re.ASCII,
)
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
_ESCAPED = {
    "'": "'", '"': '"', "`": "`", "\\": "\\", "/": "/",
    "n": "\n", "t": "\t", "r": "\r", "f": "\f",
}  # fmt: skip


class Token(NamedTuple):
    """A token; strings, quoted identifiers and variables come without their quotes.

    Attributes:
        position: offset in the source.
        length: characters in the source, quotes included.
    """

    kind: Kind
    text: str
    position: int
    length: int


def tokenize(source: str) -> list[Token]:
    """Split an expression; the last token has kind "end"."""
    tokens: list[Token] = []
    position = 0
    while position < len(source):
        match = _TOKEN.match(source, position)
        if match is None:
            raise FhirPathError(f"unexpected {source[position]!r}", position)
        kind = match.lastgroup
        if kind != "blank":
            tokens.append(_token(kind, match.group(), position))
        position = match.end()
    tokens.append(Token("end", "end of expression", position, 0))
    return tokens


def _token(kind: str | None, text: str, position: int) -> Token:
    length = len(text)
    match kind:
        case "string":
            return Token("string", unescape(text[1:-1], position), position, length)
        case "quoted":
            return Token("quoted", unescape(text[1:-1], position), position, length)
        case "variable":
            name = text[1:] if text[1] not in "`'" else unescape(text[2:-1], position)
            return Token("variable", name, position, length)
        case "temporal":
            return Token("temporal", text[1:], position, length)
        case "number":
            return Token("number", text, position, length)
        case "identifier":
            return Token("identifier", text, position, length)
        case "special":
            return Token("special", text, position, length)
        case _:
            return Token("operator", text, position, length)


def unescape(text: str, position: int | None = None) -> str:
    """Replace the escapes of a string or quoted identifier."""

    def replace(match: re.Match[str]) -> str:
        escape = match[1]
        if len(escape) == 5:
            return chr(int(escape[1:], 16))
        if escape not in _ESCAPED:
            raise FhirPathError(f"unknown escape \\{escape}", position)
        return _ESCAPED[escape]

    return _in_pairs(_ESCAPE.sub(replace, text), position) if "\\" in text else text


def _in_pairs(text: str, position: int | None) -> str:
    """Join code points that were escaped as two halves; a half alone is no character."""
    try:
        return text.encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError:
        raise FhirPathError("an escape \\u is half of a character", position) from None
