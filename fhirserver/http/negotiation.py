"""Formats: what the caller wants back, and what the caller's body is.

Spec: https://hl7.org/fhir/R4/http.html#mime-type, RFC 9110 section 12.5.1

    JSON  application/fhir+json   also asked for as application/json, text/json, `_format=json`
    XML   application/fhir+xml    also application/xml, text/xml, `_format=xml`
    HTML  text/html               also application/xhtml+xml, `_format=html`

`_format` wins over Accept. Among formats of equal quality the one that the caller named more
exactly wins, then JSON, because it is stored and goes out as it is. A range such as `*/*` stands
for the first of JSON, XML and HTML whose own type is not refused with `q=0`. The media type
parameter `fhirVersion` is 4.0; any other version cannot be produced or read here.
"""

from collections.abc import Iterator
from enum import Enum
from functools import lru_cache
from typing import NamedTuple

from fhirserver.errors import NotAcceptableError, UnsupportedMediaTypeError


class Format(Enum):
    """A representation of a resource."""

    JSON = "application/fhir+json"
    XML = "application/fhir+xml"
    HTML = "text/html"


class MediaType(NamedTuple):
    """A media type or range, taken apart: names in lower case, parameters by lower-case name."""

    name: str
    parameters: dict[str, str]


class Wanted(NamedTuple):
    """The caller's choice.

    Attributes:
        format: of the answer.
        by_fhir_type: the caller asked for a FHIR media type, so a Binary comes as a resource.
        versioned: the caller named fhirVersion, so the answer names it too.
    """

    format: Format
    by_fhir_type: bool = True
    versioned: bool = False

    @property
    def content_type(self) -> str:
        """The answer's Content-Type."""
        version = "; fhirVersion=4.0" if self.versioned else ""
        return f"{self.format.value}; charset=utf-8{version}"


FORMATS_BY_TYPE = {
    "application/fhir+json": Format.JSON,
    "application/json": Format.JSON,
    "text/json": Format.JSON,
    "application/json+fhir": Format.JSON,
    "application/fhir+xml": Format.XML,
    "application/xml": Format.XML,
    "text/xml": Format.XML,
    "application/xml+fhir": Format.XML,
    "text/html": Format.HTML,
    "application/xhtml+xml": Format.HTML,
}
_FORMATS_BY_CODE = {"json": Format.JSON, "xml": Format.XML, "html": Format.HTML}
_RANGES = {
    "*/*": (Format.JSON, Format.XML, Format.HTML),
    "application/*": (Format.JSON, Format.XML),
    "text/*": (Format.HTML,),
}
_FHIR_VERSIONS = frozenset(("4.0", "4.0.1", "4"))
_REMEDY = "Ask for application/fhir+json, application/fhir+xml or text/html."
_DEFAULT = Wanted(Format.JSON, by_fhir_type=False)
_LENGTH_LIMIT = 1000
"""Longer Accept and Content-Type headers are refused: nobody needs them, and answers are cached."""


def negotiate(
    format_parameter: str | None, accept: str | None, *, raw_allowed: bool = False
) -> Wanted:
    """Choose the format of the answer.

    Args:
        format_parameter: the value of `_format`, decoded; None where absent.
        accept: the Accept header; None where absent.
        raw_allowed: any Accept will do, because content of any type may come back (Binary).

    Raises:
        NotAcceptableError: no format that can be produced satisfies the caller.
    """
    if format_parameter:
        return _by_format_parameter(format_parameter[:_LENGTH_LIMIT])
    if not accept:
        return _DEFAULT
    if len(accept) > _LENGTH_LIMIT:
        raise NotAcceptableError(
            f"Accept is longer than {_LENGTH_LIMIT} characters. {_REMEDY}",
            expression=("http.Accept",),
        )
    wanted = _by_accept(accept)
    if wanted is not None:
        return wanted
    if raw_allowed:
        return _DEFAULT
    raise NotAcceptableError(
        f"Nothing in Accept {accept!r} can be produced. {_REMEDY}", expression=("http.Accept",)
    )


def body_format(content_type: str | None) -> Format:
    """Tell the format of a request body that carries a resource.

    Raises:
        UnsupportedMediaTypeError: no Content-Type, not a FHIR one, another FHIR version, or a
            charset other than UTF-8.
    """
    media_type = parse_content_type(content_type)
    found = FORMATS_BY_TYPE.get(media_type.name)
    if found is None or found is Format.HTML:
        raise UnsupportedMediaTypeError(
            f"A body of Content-Type {media_type.name!r} is not read here; "
            "send application/fhir+json or application/fhir+xml.",
            expression=("http.Content-Type",),
        )
    return found


def parse_content_type(content_type: str | None) -> MediaType:
    """Take a Content-Type apart and check its charset and fhirVersion.

    Raises:
        UnsupportedMediaTypeError: absent, malformed, a charset other than UTF-8 or another
            FHIR version.
    """
    if not content_type:
        raise UnsupportedMediaTypeError(
            "The body has no Content-Type; send application/fhir+json or application/fhir+xml.",
            expression=("http.Content-Type",),
        )
    media_type = None
    if len(content_type) <= _LENGTH_LIMIT:
        media_type = parse_media_type(content_type)
    if media_type is None or "*" in media_type.name:
        raise UnsupportedMediaTypeError(
            f"Content-Type {content_type[:100]!r} is not a media type.",
            expression=("http.Content-Type",),
        )
    charset = media_type.parameters.get("charset", "utf-8").lower()
    if charset not in ("utf-8", "utf8", "us-ascii", "ascii"):
        raise UnsupportedMediaTypeError(
            f"Charset {charset!r} is not read here; send UTF-8.", expression=("http.Content-Type",)
        )
    version = media_type.parameters.get("fhirversion")
    if version is not None and version not in _FHIR_VERSIONS:
        raise UnsupportedMediaTypeError(
            f"FHIR version {version!r} is not read here; this server speaks 4.0.",
            expression=("http.Content-Type",),
        )
    return media_type


def parse_media_type(text: str) -> MediaType | None:
    """Take a media type or range apart; None where it is malformed."""
    name, *rest = (part.strip() for part in text.split(";"))
    kind, slash, subtype = name.lower().partition("/")
    if not slash or not kind or not subtype or "/" in subtype or " " in name:
        return None
    parameters: dict[str, str] = {}
    for parameter in rest:
        key, _, value = parameter.partition("=")
        if key:
            parameters[key.strip().lower()] = value.strip().strip('"')
    return MediaType(name.lower(), parameters)


@lru_cache(maxsize=64)
def _by_format_parameter(text: str) -> Wanted:
    # "+" in a query string is a blank; clients forget to write it as %2B.
    name, semicolon, rest = text.strip().partition(";")
    media_type = parse_media_type(name.replace(" ", "+") + semicolon + rest)
    if media_type is None:
        found = _FORMATS_BY_CODE.get(text.strip().lower())
        versioned = False
    else:
        found = FORMATS_BY_TYPE.get(media_type.name)
        version = media_type.parameters.get("fhirversion")
        versioned = version is not None
        if version is not None and version not in _FHIR_VERSIONS:
            found = None
    if found is None:
        raise NotAcceptableError(
            f"_format {text!r} cannot be produced. Use json, xml or html.",
            expression=("http._format",),
        )
    return Wanted(found, versioned=versioned)


@lru_cache(maxsize=512)
def _by_accept(accept: str) -> Wanted | None:
    best: tuple[float, int, int] | None = None
    wanted = None
    for quality, specificity, media_type, found in _acceptable(accept):
        rank = (quality, specificity, 1 if found is Format.JSON else 0)
        if best is None or rank > best:
            best = rank
            wanted = Wanted(
                found,
                by_fhir_type="fhir" in media_type.name,
                versioned="fhirversion" in media_type.parameters,
            )
    return wanted


def _acceptable(accept: str) -> Iterator[tuple[float, int, MediaType, Format]]:
    """Give the ranges that can be satisfied: quality, exactness 0-2, range, format."""
    ranges = [
        (parse_quality(each.parameters.get("q")), each)
        for each in map(parse_media_type, accept.split(","))
        if each is not None
    ]
    refused = {each.name for quality, each in ranges if quality == 0}
    for quality, media_type in ranges:
        version = media_type.parameters.get("fhirversion")
        if quality == 0 or (version is not None and version not in _FHIR_VERSIONS):
            continue
        if media_type.name in _RANGES:
            exactness = 0 if media_type.name == "*/*" else 1
            for found in _RANGES[media_type.name]:
                if found.value not in refused:
                    yield quality, exactness, media_type, found
                    break
        elif media_type.name in FORMATS_BY_TYPE:
            yield quality, 2, media_type, FORMATS_BY_TYPE[media_type.name]


def parse_quality(text: str | None) -> float:
    """Read a q value; 1 where absent, 0 where it is no number from 0 to 1."""
    if text is None:
        return 1.0
    try:
        quality = float(text)
    except ValueError:
        return 0.0
    return quality if 0.0 <= quality <= 1.0 else 0.0
