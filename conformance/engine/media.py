"""Formats: the short codes of scripts, and MIME types.

Spec: https://hl7.org/fhir/R4/valueset-mimetypes.html and https://hl7.org/fhir/R4/http.html#mime-type
"""

from fhirserver_conformance.paths.document import Format

SHORT_CODES = {
    "json": "application/fhir+json",
    "xml": "application/fhir+xml",
    "ttl": "text/turtle",
}
NONE = "none"

_SYNONYMS = {
    "json": {"application/fhir+json", "application/json+fhir", "application/json", "text/json"},
    "xml": {"application/fhir+xml", "application/xml+fhir", "application/xml", "text/xml"},
    "ttl": {"text/turtle", "application/x-turtle", "application/fhir+turtle"},
}


def mime_type(code: str) -> str:
    """Give the MIME type that a short code stands for; others stay as they are."""
    return SHORT_CODES.get(code.strip().lower(), code)


def format_of(mime: str) -> Format | None:
    """Tell whether a MIME type is JSON or XML; None for neither."""
    name = _bare(mime)
    if name in ("json", "xml"):
        return "json" if name == "json" else "xml"
    kind = name.rpartition("/")[2]
    if kind.split("+")[-1] == "json" or kind == "json+fhir":
        return "json"
    return "xml" if kind.split("+")[-1] == "xml" or kind == "xml+fhir" else None


def same_type(expected: str, found: str) -> bool:
    """Tell whether a Content-Type is the expected one.

    Args:
        expected: a short code, which any MIME type of that format satisfies; or a MIME type,
            whose parameters count where it has some.
        found: a header's value.
    """
    synonyms = _SYNONYMS.get(_bare(expected))
    if synonyms is not None:
        return _bare(found) in synonyms
    if ";" in expected:
        return _parameters(expected) <= _parameters(found) and _bare(expected) == _bare(found)
    return _bare(expected) == _bare(found)


def _bare(mime: str) -> str:
    return mime.partition(";")[0].strip().lower()


def _parameters(mime: str) -> set[str]:
    return {part.strip().lower().replace(" ", "") for part in mime.split(";")[1:] if part.strip()}
