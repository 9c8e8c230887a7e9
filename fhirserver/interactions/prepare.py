"""From content as sent to a change as stored: pure, and the same for every door.

Spec: https://hl7.org/fhir/R4/http.html#create and #update

What is wrong with the shape of the request is a 400 (no object, another type, another id); what is
wrong with the resource is one 422 with every issue. `meta.versionId` and `meta.lastUpdated` are the
server's and fall away here; the store writes them again. All else stays as it was sent.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fhirserver.definitions import Definitions
from fhirserver.errors import InvalidRequestError, Issue, UnprocessableError
from fhirserver.model.content_apart import content_apart
from fhirserver.model.json import JsonObject, JsonValue
from fhirserver.search.extract import IndexRows, extract
from fhirserver.search.own_parameters import read_own
from fhirserver.validation import validate

_SUBSETTED = "SUBSETTED"


@dataclass(frozen=True, slots=True)
class Prepared:
    """Content that may be stored.

    Attributes:
        content: with the id, without the server's part of meta.
        rows: its index rows.
        issues: warnings and information from validation.
    """

    content: JsonObject
    rows: IndexRows
    issues: tuple[Issue, ...]


def prepare(
    definitions: Definitions, base_url: str, type_: str, id_: str, content: JsonValue
) -> Prepared:
    """Check content and extract its index rows. Pure.

    Args:
        definitions: the R4 specification.
        base_url: this server's FHIR base; absolute references below it are local.
        type_: type of the endpoint.
        id_: id that the resource will have.
        content: parsed JSON of any shape.

    Raises:
        InvalidRequestError: not an object, or of another type.
        UnprocessableError: the resource breaks FHIR's rules; one issue each.
    """
    resource = identified(checked_type(type_, content), id_)
    issues = check(definitions, resource)
    rows = extract(resource, definitions=definitions, base_url=base_url)
    return Prepared(resource, rows, issues)


def checked_type(type_: str, content: JsonValue) -> JsonObject:
    """Require an object of the endpoint's type.

    Raises:
        InvalidRequestError: it is not.
    """
    if not isinstance(content, dict):
        raise InvalidRequestError(f"The body must be one JSON object, a {type_} resource.")
    found = content.get("resourceType")
    if found != type_:
        said = f"is {found!r}" if isinstance(found, str) else "is missing"
        raise InvalidRequestError(
            f"resourceType {said}; this address takes {type_}.", expression=("resourceType",)
        )
    return content


def checked_id(type_: str, id_: str, content: JsonValue) -> None:
    """Require that the body of an update carries the id of its address.

    Raises:
        InvalidRequestError: the id is missing or another one.
    """
    found = content.get("id") if isinstance(content, dict) else None
    if found == id_:
        return
    said = f"is {found!r}" if isinstance(found, str) else "is missing"
    raise InvalidRequestError(
        f"The id in the body {said}; an update of {type_}/{id_} needs id {id_!r}.",
        expression=(f"{type_}.id",),
    )


def identified(content: JsonObject, id_: str) -> JsonObject:
    """Copy the top level with the id set and without the server's part of meta.

    The order stays; an id that was not there stands behind the type.
    """
    resource: JsonObject = {}
    for key, value in content.items():
        if key == "meta":
            kept = _client_meta(value)
            if kept is not None:
                resource[key] = kept
        else:
            resource[key] = value
            if key == "resourceType" and "id" not in content:
                resource["id"] = id_
    resource["id"] = id_
    return resource


def check(
    definitions: Definitions,
    resource: JsonObject,
    *,
    entry_types: Mapping[str, str] | None = None,
) -> tuple[Issue, ...]:
    """Validate one resource.

    Args:
        definitions: the R4 specification.
        resource: with its id.
        entry_types: of the transaction, by fullUrl; see `validate`.

    Returns:
        Warnings and information.

    Raises:
        UnprocessableError: with all issues, errors first.
    """
    found = validate(resource, definitions=definitions, entry_types=entry_types)
    issues = [*found, *_subset_issues(resource), *_apart_issues(resource)]
    _refuse_errors(issues)
    if resource["resourceType"] == "SearchParameter":
        issues += read_own(resource, definitions).issues
        _refuse_errors(issues)
    return tuple(issues)


def _refuse_errors(issues: Sequence[Issue]) -> None:
    errors = [issue for issue in issues if issue.severity in ("fatal", "error")]
    if errors:
        others = [issue for issue in issues if issue.severity not in ("fatal", "error")]
        raise UnprocessableError(errors[0].diagnostics, issues=errors + others)


def _client_meta(meta: JsonValue) -> JsonValue:
    """Drop what the server manages; None where nothing is left."""
    if not isinstance(meta, dict):
        return meta
    kept = {
        key: value
        for key, value in meta.items()
        if key.removeprefix("_") not in ("versionId", "lastUpdated")
    }
    return kept or None


def _apart_issues(resource: JsonObject) -> Sequence[Issue]:
    if content_apart(resource) is None:
        return ()
    return (
        Issue(
            "error",
            "business-rule",
            "The content was left out when this Binary was read in a Bundle. Read the Binary by "
            "itself and send that, or send the content alone, under its own Content-Type.",
            ("Binary.data",),
        ),
    )


def _subset_issues(resource: JsonObject) -> Sequence[Issue]:
    meta = resource.get("meta")
    tags = meta.get("tag") if isinstance(meta, dict) else None
    if not isinstance(tags, list):
        return ()
    if not any(isinstance(tag, dict) and tag.get("code") == _SUBSETTED for tag in tags):
        return ()
    return (
        Issue(
            "error",
            "business-rule",
            "The content is tagged SUBSETTED: parts of it were left out when it was read. "
            "Read the whole resource and send that.",
            (f"{resource['resourceType']}.meta.tag",),
        ),
    )
