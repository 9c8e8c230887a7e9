"""Strings as R4 compares them.

Spec: https://hl7.org/fhir/R4/search.html#string, of which each sentence is a step here:
"insensitive to casing and included combining characters, like accents or other diacritical marks.
Punctuation and non-significant whitespace (...) should also be ignored."

What the specification leaves open is decided as the server documents it: characters are whole ones,
so a Hangul syllable does not begin with its consonant, and compares as a syllable; an apostrophe is
ignored as if it were not there, other punctuation like whitespace; letters with a stroke lose it; a
text that is punctuation and nothing else is looked for as it is.
"""

import unicodedata
from functools import lru_cache

STROKES = dict(zip("øłđħı", "oldhi", strict=True)) | {"æ": "ae", "œ": "oe", "þ": "th", "ð": "d"}
APOSTROPHES = "'’‘`´"


@lru_cache(maxsize=1000)
def comparable(text: str) -> str:
    """Bring a text to the form in which texts are compared."""
    words, word = [], ""
    for character in unicodedata.normalize("NFD", text):
        if character in APOSTROPHES or unicodedata.category(character) == "Mn":
            continue
        if character.isspace() or unicodedata.category(character).startswith("P"):
            words.append(word)
            word = ""
        else:
            small = unicodedata.normalize("NFKD", character).casefold()
            word += "".join(STROKES.get(letter, letter) for letter in small)
    return unicodedata.normalize("NFC", " ".join(filter(None, [*words, word]))) or text.strip()


def starts(text: str, value: str) -> bool:
    """Test the default: the text equals or starts with the value."""
    return comparable(text).startswith(comparable(value))


def contains(text: str, value: str) -> bool:
    """Test `:contains`: the value stands anywhere in the text."""
    return comparable(value) in comparable(text)


def exactly(text: str, value: str) -> bool:
    """Test `:exact`: the whole text, with casing and accents."""
    return text == value


def parts(value: object, datatype: str) -> list[str]:
    """Name the texts of a value: itself, or the string elements of a name or an address."""
    if isinstance(value, str):
        return [value]
    assert isinstance(value, dict)
    assert datatype in ("HumanName", "Address")
    leave_out = {"use", "type", "period", "extension", "id"}
    found = []
    for name, element in value.items():
        if name not in leave_out and not name.startswith("_"):
            found += element if isinstance(element, list) else [element]
    return [text for text in found if text is not None]
