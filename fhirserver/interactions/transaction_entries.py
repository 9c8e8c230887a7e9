"""The entries of a batch or transaction Bundle, taken apart and checked for shape. Pure.

Spec: https://hl7.org/fhir/R4/bundle.html (invariants bdl-3 and bdl-8) and http.html#transaction

What is wrong with one entry is named by its place, e.g. `Bundle.entry[3].request.url`; a
transaction is refused for it as a whole, a batch answers that entry with it.
"""

import re
from collections.abc import Container, Sequence
from dataclasses import dataclass

from fhirserver.definitions import Definitions
from fhirserver.errors import FhirError, InvalidRequestError, Issue
from fhirserver.interactions.preconditions import unheeded
from fhirserver.interactions.request_url import Target, parse_request_url
from fhirserver.interactions.types import Preference, WriteOptions
from fhirserver.model.instant import interval_us
from fhirserver.model.json import JsonObject, JsonValue
from fhirserver.model.stored import ANY_VERSION, StoredResource

_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
_ENTITY_TAG = re.compile(r'(?:W/)?"([^"]*)"|([A-Za-z0-9\-.]+)', re.ASCII)


@dataclass(frozen=True, slots=True)
class Entry:
    """One request of a Bundle.

    Attributes:
        index: place in the Bundle, from 0.
        method: HTTP method, upper case.
        target: what the URL addresses.
        full_url: identity of the resource on the source; None where there is none.
        resource: the body; None where there is none.
        options: preconditions, and the Bundle's preference.
        if_none_match: versions of which a GET wants 304; None where it does not say.
        if_modified_since_us: end of the instant since which a GET wants what has changed, epoch
            microseconds; None where it does not say.
    """

    index: int
    method: str
    target: Target
    full_url: str | None
    resource: JsonObject | None
    options: WriteOptions
    if_none_match: Container[int] | None = None
    if_modified_since_us: int | None = None

    def is_current(self, stored: StoredResource) -> bool:
        """Whether who asks has this version already; the tag wins over the instant."""
        if self.if_none_match is not None:
            return stored.version in self.if_none_match
        since_us = self.if_modified_since_us
        return since_us is not None and stored.updated_us < since_us

    @property
    def path(self) -> str:
        """Where the entry stands, e.g. "Bundle.entry[3]"."""
        return f"Bundle.entry[{self.index}]"


def bundle_entries(bundle: JsonObject) -> list[JsonValue]:
    """Give the raw entries.

    Raises:
        InvalidRequestError: `entry` is not a list.
    """
    entries = bundle.get("entry", [])
    if not isinstance(entries, list):
        raise InvalidRequestError("Bundle.entry must be a list.", expression=("Bundle.entry",))
    return entries


def parse_entry(
    index: int,
    raw: JsonValue,
    definitions: Definitions,
    base_url: str,
    prefer: Preference,
) -> Entry:
    """Take one entry apart.

    Raises:
        FhirError: whatever is wrong with it, with the place as expression.
    """
    path = f"Bundle.entry[{index}]"
    if not isinstance(raw, dict):
        raise InvalidRequestError(f"{path} must be an object.", expression=(path,))
    request = raw.get("request")
    if not isinstance(request, dict):
        raise InvalidRequestError(
            f"{path} has no request; each entry of a batch or transaction needs method and url.",
            expression=(f"{path}.request",),
        )
    method = request.get("method")
    if method not in _METHODS:
        raise InvalidRequestError(
            f"{path}.request.method must be one of {', '.join(_METHODS)}, not {method!r}.",
            expression=(f"{path}.request.method",),
        )
    target = _target(path, method, request.get("url"), definitions, base_url)
    is_read = method in ("GET", "HEAD")
    options = WriteOptions() if is_read else _options(f"{path}.request", request, prefer)
    _refuse_unheeded(f"{path}.request", target.interaction, options)
    return Entry(
        index=index,
        method=method,
        target=target,
        full_url=_text(path, raw, "fullUrl"),
        resource=_resource(path, method, raw),
        options=options,
        if_none_match=_versions(f"{path}.request", request, "ifNoneMatch") if is_read else None,
        if_modified_since_us=_since_us(f"{path}.request", request) if is_read else None,
    )


def at_entry(error: FhirError, path: str) -> FhirError:
    """Name the entry in an error: its issues point below it, its message begins with it."""
    issues = [
        Issue(
            issue.severity,
            issue.code,
            issue.diagnostics
            if issue.diagnostics.startswith("Bundle.entry")
            else f"{path}: {issue.diagnostics}",
            _placed(path, issue.expression),
            issue.details,
        )
        for issue in error.issues
    ]
    return with_issues(error, issues)


def with_issues(error: FhirError, issues: Sequence[Issue]) -> FhirError:
    """Copy an error with other issues: same status, same headers."""
    found = error.__class__.__new__(error.__class__)
    FhirError.__init__(found, issues[0].diagnostics, issues=issues, headers=error.headers)
    return found


def _placed(path: str, expressions: Sequence[str]) -> tuple[str, ...]:
    """Move the places of an issue below an entry; what stands behind a header is of that header."""
    if expressions and expressions[0].startswith("http."):
        return tuple(expressions)
    return tuple(_below(path, each) for each in expressions) or (path,)


def _below(path: str, expression: str) -> str:
    """Re-root "Patient.name[0]" at the entry's resource."""
    if expression.startswith("Bundle.entry"):
        return expression
    _, dot, rest = expression.partition(".")
    return f"{path}.resource{dot}{rest}"


def _target(
    path: str, method: str, url: JsonValue, definitions: Definitions, base_url: str
) -> Target:
    if not isinstance(url, str):
        raise InvalidRequestError(
            f'{path}.request.url must be a text such as "Patient/1".',
            expression=(f"{path}.request.url",),
        )
    try:
        return parse_request_url(method, url, definitions, base_url)
    except FhirError as error:
        first = error.issues[0]
        place = (f"{path}.request.url",)
        raise error.__class__(f"{path}: {first.diagnostics}", expression=place) from None


def _resource(path: str, method: str, raw: JsonObject) -> JsonObject | None:
    resource = raw.get("resource")
    if method in ("POST", "PUT", "PATCH") and not isinstance(resource, dict):
        raise InvalidRequestError(
            f"{path}.resource is missing; {method} needs a body.",
            expression=(f"{path}.resource",),
        )
    return resource if isinstance(resource, dict) else None


def _options(path: str, request: JsonObject, prefer: Preference) -> WriteOptions:
    if_none_match = _text(path, request, "ifNoneMatch")
    if if_none_match not in (None, "*"):
        raise InvalidRequestError(
            f"{path}.ifNoneMatch on a write is understood as * only.",
            expression=(f"{path}.ifNoneMatch",),
        )
    return WriteOptions(
        if_match=_versions(path, request, "ifMatch"),
        if_none_match_any=if_none_match == "*",
        if_none_exist=_text(path, request, "ifNoneExist"),
        prefer=prefer,
    )


def _refuse_unheeded(path: str, interaction: str, options: WriteOptions) -> None:
    for header in unheeded(interaction, options):
        name = header[0].lower() + header[1:].replace("-", "")
        raise InvalidRequestError(
            f"{path}.{name} is not heeded by this entry; leave it out, or make an update, patch "
            "or delete depend on the version by ifMatch.",
            expression=(f"{path}.{name}",),
        )


def _since_us(path: str, request: JsonObject) -> int | None:
    text = _text(path, request, "ifModifiedSince")
    if text is None:
        return None
    try:
        return interval_us(text)[1]
    except (ValueError, OverflowError):
        raise InvalidRequestError(
            f"{path}.ifModifiedSince {text[:100]!r} is no instant; write it as "
            "2026-01-02T03:04:05Z.",
            expression=(f"{path}.ifModifiedSince",),
        ) from None


def _versions(path: str, request: JsonObject, name: str) -> Container[int] | None:
    """Read ifMatch or ifNoneMatch; a bare version such as 3 is taken for its entity tag."""
    tags = _text(path, request, name)
    if tags is None:
        return None
    if tags.strip() == "*":
        return ANY_VERSION
    versions = set()
    for tag in tags.split(","):
        match = _ENTITY_TAG.fullmatch(tag.strip())
        if match is None:
            raise InvalidRequestError(
                f'{path}.{name} {tags[:100]!r} is not an entity tag; write it as W/"1".',
                expression=(f"{path}.{name}",),
            )
        text = match[1] if match[1] is not None else match[2]
        versions.add(int(text) if text.isdigit() and len(text) < 10 else 0)
    return frozenset(versions)


def _text(path: str, holder: JsonObject, name: str) -> str | None:
    value = holder.get(name)
    if value is None or isinstance(value, str):
        return value
    raise InvalidRequestError(f"{path}.{name} must be a text.", expression=(f"{path}.{name}",))


def processing_order(entries: Sequence[Entry]) -> list[Entry]:
    """Sort entries as R4 processes them: DELETE, POST, PUT and PATCH, GET and HEAD."""
    rank = {"DELETE": 0, "POST": 1, "PUT": 2, "PATCH": 2, "GET": 3, "HEAD": 3}
    return sorted(entries, key=lambda entry: rank[entry.method])
