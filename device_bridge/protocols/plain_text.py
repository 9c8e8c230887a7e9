"""Texts of devices, as FHIR may hold them.

Spec: https://hl7.org/fhir/R4/datatypes.html#string
"""

_CONTROLS = {code: "\N{REPLACEMENT CHARACTER}" for code in range(32) if chr(code) not in "\t\n\r"}


def plain_text(text: str) -> str:
    """Take white space away at both ends; control characters, which FHIR forbids, become U+FFFD."""
    return text.strip() if text.isprintable() else text.translate(_CONTROLS).strip()
