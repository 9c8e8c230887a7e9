"""The character set of a message: MSH-18 by HL7 table 0211, else what its source is configured for.

Of several repetitions the first holds outside escapes. UTF-16 and UTF-32 are refused: their zero
bytes and separators cannot be told apart in a frame.
"""

from fhirserver_device_bridge.protocols.hl7v2.errors import MessageError

CODECS = {
    "ASCII": "ascii",
    **{f"8859/{part}": f"iso8859-{part}" for part in (1, 2, 3, 4, 5, 6, 7, 8, 9, 15)},
    "UNICODE UTF-8": "utf-8",
    "UNICODE": "utf-8",
    "UTF-8": "utf-8",
    "ISO IR6": "ascii",
    "ISO IR100": "iso8859-1",
    "ISO IR144": "iso8859-5",
    "ISO IR14": "shift_jis",
    "ISO IR87": "iso2022_jp",
    "ISO IR159": "iso2022_jp_1",
    "GB 18030-2000": "gb18030",
    "KS X 1001": "euc_kr",
    "BIG-5": "big5",
}
"""MSH-18 -> Python's codec. The last names of UTF-8 are not in the table, but are sent."""


def decode(raw: bytes, name: str, fallback: str) -> str:
    """Decode a message.

    Args:
        raw: the whole message.
        name: MSH-18, "" if empty.
        fallback: codec for messages without MSH-18.

    Raises:
        MessageError: an unknown character set, or bytes that are not of it.
    """
    codec = CODECS.get(name.upper()) if name else fallback
    if codec is None:
        raise MessageError(
            f"MSH-18 names a character set that is not read: one of {', '.join(CODECS)}"
        )
    try:
        return raw.decode(codec)
    except UnicodeDecodeError as error:
        raise MessageError(
            f"byte {error.start} is not {codec}: correct MSH-18 or the source's character_set"
        ) from None
