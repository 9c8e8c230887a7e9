"""Text: searching, cutting, encoding.

Spec: http://hl7.org/fhirpath/N1/index.html#string-manipulation
"""

import base64
import binascii
import html
import re
from functools import lru_cache

from fhirserver.fhirpath.errors import FhirPathError
from fhirserver.fhirpath.function_table import FunctionDef, eager, need_integer, need_text, scalar
from fhirserver.fhirpath.lexer import unescape
from fhirserver.fhirpath.values import Collection, single, to_system
from fhirserver.model.json import write_json

_GROUP = re.compile(r"\$(\d)")


@lru_cache(maxsize=512)
def _pattern(text: str) -> re.Pattern[str]:
    try:
        return re.compile(text, re.DOTALL)
    except (re.error, OverflowError, RecursionError) as error:
        raise FhirPathError("the regular expression is wrong") from error


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


def _matches(text: str, pattern: str) -> bool:
    return _pattern(need_text(pattern)).search(need_text(text)) is not None


def _matches_full(text: str, pattern: str) -> bool:
    return _pattern(need_text(pattern)).fullmatch(need_text(text)) is not None


def _replace(text: str, part: str, replacement: str) -> str:
    return need_text(text).replace(need_text(part), need_text(replacement))


def _replace_matches(text: str, pattern: str, replacement: str) -> str:
    if pattern == "":
        return need_text(text)
    template = _GROUP.sub(r"\\g<\1>", need_text(replacement).replace("\\", "\\\\"))
    try:
        return _pattern(need_text(pattern)).sub(template, need_text(text))
    except (re.error, IndexError) as error:
        raise FhirPathError("the replacement names a group that is not there") from error


def _split(text: str, separator: str) -> list[str]:
    return need_text(text).split(need_text(separator)) if separator else list(need_text(text))


def _join(items: Collection, separator: Collection | None = None) -> Collection:
    glue = "" if not separator else need_text(single(separator))
    return [glue.join(need_text(to_system(item)) for item in items)] if items else []


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
    "join": eager(_join, 0, 1),
    "lastIndexOf": scalar(_last_index_of, 1),
    "length": scalar(lambda text: len(need_text(text))),
    "lower": scalar(lambda text: need_text(text).lower()),
    "matches": scalar(_matches, 1),
    "matchesFull": scalar(_matches_full, 1),
    "replace": scalar(_replace, 2),
    "replaceMatches": scalar(_replace_matches, 2),
    "split": scalar(_split, 1),
    "startsWith": scalar(_starts_with, 1),
    "substring": scalar(_substring, 1, 2),
    "toChars": scalar(lambda text: list(need_text(text))),
    "trim": scalar(lambda text: need_text(text).strip()),
    "unescape": scalar(_unescape, 1),
    "upper": scalar(lambda text: need_text(text).upper()),
}
