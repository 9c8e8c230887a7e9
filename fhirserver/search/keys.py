"""Normalisations that stored values and search values share.

Spec: https://hl7.org/fhir/R4/search.html#string and https://hl7.org/fhir/R4/search.html#token

A row matches a search value only because both went through the same function here; a change of any
of them changes stored rows, so it needs a new `EXTRACTOR_VERSION`. Everything is pure.

A parameter's values that are looked up in another way stand under an offset of its number:

    sp                       code, Coding, Identifier ...        system, code
    sp + IDENTIFIER_OFFSET   Reference.identifier                system, value
    sp + EXTERNAL_OFFSET     external references, canonicals     version, URL without its version
    sp + OF_TYPE_OFFSET      Identifier for :of-type             type's system, type's code | value
"""

import unicodedata
from functools import lru_cache
from hashlib import blake2b

IDENTIFIER_OFFSET = 8000
EXTERNAL_OFFSET = 16000
OF_TYPE_OFFSET = 24000

LONGEST_KEY_BYTES = 1000
"""Longest text that is its own key: a btree row holds 2.7 kB, and one row may hold two keys."""
KEY_PREFIX_BYTES = 900
"""So much of a longer text is kept at the beginning of its key."""

_LAST = chr(0x10FFFF)
_APOSTROPHES = dict.fromkeys(map(ord, "'`´‘’‛′ʹʻʼʽˈ＇"))
_LETTERS_WITHOUT_DECOMPOSITION = str.maketrans(
    {
        "ø": "o", "ł": "l", "đ": "d", "ð": "d", "ħ": "h", "ŧ": "t", "ı": "i",
        "æ": "ae", "œ": "oe", "þ": "th",
    }
)  # fmt: skip
_PUNCTUATION = frozenset({"Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po"})
_INVISIBLE = frozenset({"Cc", "Cf"})


def fold(text: str) -> str:
    """Take away what a string search ignores: case, accents, punctuation, idle whitespace.

    In this order: apostrophes vanish ("O'Brien" is "OBrien"); compatibility decomposition (NFKD);
    case folding; letters with a stroke and ligatures become plain ("ø" o, "ł" l, "æ" ae); combining
    marks and control and format characters vanish; other punctuation becomes a blank
    ("Smith-Jones" is "Smith Jones"); runs of whitespace become one blank, none at either end;
    composition (NFC), so that a Hangul syllable is one character again.

    A text of punctuation alone keeps it, otherwise it would be a prefix of everything.

    Returns:
        The folded text; folding it again changes nothing. "" only for a text without any
        visible character.
    """
    plain = text.lower().translate(_ASCII) if text.isascii() else _fold_unicode(text)
    return " ".join(plain.split()) or _visible(text)


def short_key(text: str) -> str:
    """Give a key for equality that fits into an index.

    Returns:
        `text` itself up to `LONGEST_KEY_BYTES` of UTF-8; else its first characters (900 bytes),
        U+0001 and 32 hex digits of a hash of all of it. U+0000, which no database text can
        hold, is left out.
    """
    if len(text) <= LONGEST_KEY_BYTES // 4 and "\0" not in text:
        return text
    raw = text.replace("\0", "").encode()
    if len(raw) <= LONGEST_KEY_BYTES:
        return raw.decode()
    prefix = raw[:KEY_PREFIX_BYTES].decode(errors="ignore")
    return f"{prefix}\x01{blake2b(raw, digest_size=16).hexdigest()}"


def local_key(type_name: str, id: str) -> str:
    """Give the key of a resource of this server where it is part of a composite."""
    return f"{type_name}/{id}"


def after_prefix(prefix: str) -> str:
    """Give the least text above everything that begins with a prefix, in code point order."""
    stem = prefix.rstrip(_LAST)
    if not stem:
        return _LAST * (len(prefix) + 1)
    following = ord(stem[-1]) + 1
    if 0xD800 <= following <= 0xDFFF:
        following = 0xE000
    return stem[:-1] + chr(following)


@lru_cache(maxsize=4096)
def system_key(uri: str | None) -> int:
    """Give the 64 bit key of a system or version.

    Returns:
        0 for no system, else a signed number that is never 0.
    """
    if not uri:
        return 0
    return int.from_bytes(blake2b(uri.encode(), digest_size=8).digest(), "big", signed=True) or 1


def _ascii_table() -> dict[int, str | None]:
    table: dict[int, str | None] = {}
    for point in range(128):
        category = unicodedata.category(chr(point))
        if point in _APOSTROPHES or (category in _INVISIBLE and not chr(point).isspace()):
            table[point] = None
        elif category in _PUNCTUATION:
            table[point] = " "
    return table


_ASCII = _ascii_table()


def _fold_unicode(text: str) -> str:
    lowered = unicodedata.normalize("NFKD", text.translate(_APOSTROPHES)).casefold()
    letters = unicodedata.normalize("NFKD", lowered.translate(_LETTERS_WITHOUT_DECOMPOSITION))
    kept = "".join(map(_kept, letters.translate(_APOSTROPHES)))
    return unicodedata.normalize("NFC", kept)


@lru_cache(maxsize=4096)
def _kept(letter: str) -> str:
    """One character's share of a folded text: itself, a blank or nothing."""
    category = unicodedata.category(letter)
    if category in _PUNCTUATION:
        return " "
    if unicodedata.combining(letter) or (category in _INVISIBLE and not letter.isspace()):
        return ""
    return letter


def _visible(text: str) -> str:
    lowered = unicodedata.normalize("NFKC", text.casefold())
    shown = (c for c in lowered if unicodedata.category(c) not in _INVISIBLE or c.isspace())
    return " ".join("".join(shown).split())
