"""Text: searching, cutting, encoding.

Spec: http://hl7.org/fhirpath/N1/index.html#string-manipulation
"""

import base64
import binascii
import html

from fhirserver.fhirpath.cost import refuse_long_text
from fhirserver.fhirpath.errors import FhirPathError
from fhirserver.fhirpath.function_table import FunctionDef, heavy, need_integer, need_text, scalar
from fhirserver.fhirpath.lexer import unescape
from fhirserver.fhirpath.values import Collection, single, to_system
from fhirserver.model.json import write_json


def _starts_with(text: str, prefix: str) -> bool:
    return need_text(text).startswith(need_text(prefix))


def _ends_with(text: str, suffix: str) -> bool:
    return need_text(text).endswith(need_text(suffix))


def _contains(text: str, part: str) -> bool:
    return need_text(part) in need_text(text)


def _index_of(text: str, part: str) -> int:
    return need_text(text).find(need_text(part))


def _last_index_of(text: str, part: str) -> int:
    return need_text(text).rfind(need_text(part))


def _substring(text: str, start: int, length: int | None = None) -> str | None:
    text, start = need_text(text), need_integer(start)
    if not 0 <= start < len(text):
        return None
    return text[start:] if length is None else text[start : start + max(need_integer(length), 0)]


def _replace(text: str, part: str, replacement: str) -> str:
    text, growth = need_text(text), len(need_text(replacement)) - len(need_text(part))
    refuse_long_text(len(text) + max(growth, 0) * text.count(part))
    return text.replace(part, replacement)


def _split(text: str, separator: str) -> list[str]:
    return need_text(text).split(need_text(separator)) if separator else list(need_text(text))


def _join(items: Collection, separator: Collection | None = None) -> Collection:
    glue = "" if not separator else need_text(single(separator))
    texts = [need_text(to_system(item)) for item in items]
    refuse_long_text(sum(map(len, texts)) + len(glue) * len(texts))
    return [glue.join(texts)] if items else []


def _encode(text: str, encoding: str) -> str | None:
    raw = need_text(text).encode()
    match encoding:
        case "base64":
            return base64.b64encode(raw).decode()
        case "urlbase64":
            return base64.urlsafe_b64encode(raw).decode()
        case "hex":
            return raw.hex()
        case _:
            return None


def _decode(text: str, encoding: str) -> str | None:
    try:
        match encoding:
            case "base64":
                return base64.b64decode(need_text(text), validate=True).decode()
            case "urlbase64":
                return base64.urlsafe_b64decode(need_text(text)).decode()
            case "hex":
                return bytes.fromhex(need_text(text)).decode()
            case _:
                return None
    except (binascii.Error, ValueError) as error:
        raise FhirPathError(f"the text is not {encoding}") from error


def _escape(text: str, target: str) -> str | None:
    match target:
        case "html":
            return html.escape(need_text(text))
        case "json":
            return write_json(need_text(text)).decode()[1:-1]
        case _:
            return None


def _unescape(text: str, target: str) -> str | None:
    match target:
        case "html":
            return html.unescape(need_text(text))
        case "json":
            return unescape(need_text(text))
        case _:
            return None


STRING_FUNCTIONS: dict[str, FunctionDef] = {
    "contains": scalar(_contains, 1),
    "decode": scalar(_decode, 1),
    "encode": scalar(_encode, 1),
    "endsWith": scalar(_ends_with, 1),
    "escape": scalar(_escape, 1),
    "indexOf": scalar(_index_of, 1),
    "join": heavy(_join, 0, 1),
    "lastIndexOf": scalar(_last_index_of, 1),
    "length": scalar(lambda text: len(need_text(text))),
    "lower": scalar(lambda text: need_text(text).lower()),
    "replace": scalar(_replace, 2),
    "split": scalar(_split, 1),
    "startsWith": scalar(_starts_with, 1),
    "substring": scalar(_substring, 1, 2),
    "toChars": scalar(lambda text: list(need_text(text))),
    "trim": scalar(lambda text: need_text(text).strip()),
    "unescape": scalar(_unescape, 1),
    "upper": scalar(lambda text: need_text(text).upper()),
}
