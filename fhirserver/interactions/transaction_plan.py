"""What a transaction will do, as far as it can be known without the database. Pure but for ids.

Spec: https://hl7.org/fhir/R4/http.html#trules
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fhirserver.access import AuthContext, Decision
from fhirserver.errors import FhirError, InvalidRequestError, Issue, UnprocessableError
from fhirserver.interactions.bundle_request import patch_document
from fhirserver.interactions.conditions import Condition, condition, condition_text
from fhirserver.interactions.identity import new_id
from fhirserver.interactions.permit import permit
from fhirserver.interactions.prepare import check, checked_id, checked_type, identified
from fhirserver.interactions.transaction_entries import Entry, at_entry, processing_order
from fhirserver.interactions.transaction_patch_links import find_patch_links
from fhirserver.interactions.transaction_references import Links, Place
from fhirserver.interactions.types import Patch, Services
from fhirserver.interactions.update import conditional_id, require_if_match
from fhirserver.model.json import JsonObject


@dataclass(frozen=True, slots=True)
class PlannedWrite:
    """One entry that changes something.

    Attributes:
        entry: the request.
        type: resource type.
        id: id that it writes unless its condition selects another; None for a conditional patch
            or delete, which have none of their own.
        content: body with that id and without the server's part of meta; None where there is none.
        condition: what must be searched first; None for an unconditional one.
        places: links in its content or its patch.
        issues: warnings of validation.
        decision: the policy's answer.
        patch: what it does to the resource; None for other methods.
    """

    entry: Entry
    type: str
    id: str | None
    content: JsonObject | None
    condition: Condition | None
    places: Sequence[Place]
    issues: Sequence[Issue]
    decision: Decision
    patch: Patch | None = None


@dataclass(frozen=True, slots=True)
class TransactionPlan:
    """A whole transaction.

    Attributes:
        entries: all of them, in the Bundle's order.
        writes: in R4's processing order.
        reads: GET and HEAD.
        links: fills in the places.
    """

    entries: Sequence[Entry]
    writes: Sequence[PlannedWrite]
    reads: Sequence[Entry]
    links: Links


def plan_transaction(
    services: Services, auth: AuthContext, entries: Sequence[Entry]
) -> TransactionPlan:
    """Ask the policy, give ids, validate bodies and find their links.

    Raises:
        InvalidRequestError: two entries with one fullUrl, or a condition or body that cannot be.
        UnprocessableError: bodies that break FHIR's rules, one issue for each break.
    """
    full_urls = _full_urls(entries)
    links = Links(services.definitions, services.settings.public_url, full_urls)
    types = {
        entry.full_url: entry.target.type
        for entry in entries
        if entry.full_url in full_urls and entry.target.type
    }
    writes: list[PlannedWrite] = []
    broken: list[Issue] = []
    reads: list[Entry] = []
    for entry in processing_order(entries):
        if entry.method in ("GET", "HEAD"):
            reads.append(entry)
            continue
        try:
            writes.append(_plan_write(services, auth, entry, (links, types)))
        except UnprocessableError as error:
            broken.extend(at_entry(error, entry.path).issues)
        except FhirError as error:
            raise at_entry(error, entry.path) from None
    if broken:
        raise UnprocessableError(broken[0].diagnostics, issues=broken)
    return TransactionPlan(entries, writes, reads, links)


def _full_urls(entries: Sequence[Entry]) -> dict[str, int]:
    """Map each fullUrl to its entry; only writes of a body have an identity to point at."""
    found: dict[str, int] = {}
    for entry in entries:
        if not entry.full_url or entry.method not in ("POST", "PUT"):
            continue
        other = found.setdefault(entry.full_url, entry.index)
        if other != entry.index:
            raise InvalidRequestError(
                f"Bundle.entry[{other}] and {entry.path} have the same fullUrl "
                f"{entry.full_url[:200]!r}; each needs one of its own.",
                expression=(f"Bundle.entry[{other}].fullUrl", f"{entry.path}.fullUrl"),
            )
    return found


def _plan_write(
    services: Services, auth: AuthContext, entry: Entry, known: tuple[Links, Mapping[str, str]]
) -> PlannedWrite:
    links, types = known
    type_ = entry.target.type
    assert type_ is not None
    interaction = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
    decision = permit(services, auth, interaction[entry.method], type_, entry.target.id)
    wanted = _condition(entry, type_)
    id_ = entry.target.id
    if entry.method == "DELETE":
        return PlannedWrite(entry, type_, id_, None, wanted, (), (), decision)
    if entry.method == "PATCH":
        document = patch_document(services.definitions, entry)
        places = find_patch_links(links, services.definitions, type_, document)
        return PlannedWrite(entry, type_, id_, None, wanted, places, (), decision, document)
    sent = checked_type(type_, entry.resource)
    if entry.method == "PUT":
        require_if_match(services, entry.options)
    id_ = _own_id(services, entry, type_)
    content = identified(sent, id_)
    issues = check(services.definitions, content, entry_types=types)
    places = links.find(content, entry.full_url)
    return PlannedWrite(entry, type_, id_, content, wanted, places, issues, decision)


def _own_id(services: Services, entry: Entry, type_: str) -> str:
    if entry.method == "POST":
        return new_id(services.now())
    if entry.target.id is not None:
        checked_id(type_, entry.target.id, entry.resource)
        return entry.target.id
    sent = (entry.resource or {}).get("id")
    return conditional_id(type_, None, sent, new_id(services.now()))


def _condition(entry: Entry, type_: str) -> Condition | None:
    if entry.method == "POST":
        query = entry.options.if_none_exist
        return None if query is None else condition_text(type_, query)
    if entry.target.id is None:
        return condition(type_, entry.target.pairs)
    return None
