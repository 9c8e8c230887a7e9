"""Every history: parameters, access, pages, and a Bundle of versions.

Spec: https://hl7.org/fhir/R4/http.html#history

    _since   instant: versions made at or after it
    _at      date or dateTime: versions that were current at some point of that interval
    _count   versions of a page
    _sort    -_lastUpdated, newest first, as without it; _lastUpdated, oldest first

Each may stand once. A deleted version is an entry without a resource. A paging link holds the
parameters, sealed: `_page=<token>` and nothing else.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import NamedTuple
from urllib.parse import urlencode

from fhirserver.access import Access, AuthContext, Decision
from fhirserver.audit import audit_row
from fhirserver.errors import InvalidRequestError
from fhirserver.interactions.bundle import Link, bundle_json, entry_json
from fhirserver.interactions.covered import sees
from fhirserver.interactions.grants import reach_of
from fhirserver.interactions.masking import shown
from fhirserver.interactions.permit import confine
from fhirserver.interactions.read import absent
from fhirserver.interactions.searching import caller_key, cut_short, refuse_page
from fhirserver.interactions.types import Query, Result, Services
from fhirserver.model.instant import format_instant, interval_us
from fhirserver.model.json import JsonObject
from fhirserver.model.stored import StoredResource
from fhirserver.search.condition_sql import Row, test
from fhirserver.search.cursor import PARAMETER, open_cursor, seal_cursor
from fhirserver.search.granted import Confined
from fhirserver.search.order import Position
from fhirserver.store.audit_row import AuditRow
from fhirserver.store.history import HistoryPage, HistoryQuery, Place, history
from fhirserver.store.named import Named, named

_PARAMETERS = ("_since", "_at", "_count", "_sort")


class HistoryScope(NamedTuple):
    """Whose history.

    Attributes:
        interaction: for the audit row, e.g. "history-type".
        type: resource type; None for the whole system.
        id: logical id of one resource.
    """

    interaction: str
    type: str | None = None
    id: str | None = None

    @property
    def path(self) -> str:
        """Address below the base, e.g. "Patient/1/_history"."""
        return "/".join(part for part in (self.type, self.id, "_history") if part)


def run_history(
    services: Services, auth: AuthContext, decision: Decision, scope: HistoryScope, query: Query
) -> Result:
    """Read a page of versions.

    Args:
        services: what the interaction works with.
        auth: the caller.
        decision: the policy's answer; confines what is listed and counted.
        scope: whose history.
        query: parameters.

    Raises:
        InvalidRequestError: an unknown parameter or a wrong value.
    """
    given, position = _resume(services, auth, scope, query)
    types, reach = _within(services, auth, decision, scope)
    wanted = replace(
        parse_history(services, given),
        types=types,
        id=scope.id,
        beyond=None if position is None else _place(position),
        reach=reach,
    )
    row = audit_row(auth, scope.interaction, tuple(given.items()))
    page = history(services.database, wanted, row)
    if page.total == 0:
        _require_instance(services, scope, wanted, row)
    if reach is not None:
        page = _seen(services, auth, decision if scope.type else None, page)
    base_url = services.settings.public_url
    links = _links(services, auth, scope, given, page)
    entries = (
        history_entry(shown(stored, decision.masks, services.definitions), base_url)
        for stored in page.entries
    )
    body = bundle_json("history", entries, links=links, total=page.total)
    is_cut = page.next_beyond is not None and not services.cursor_key
    return Result(200, body=body, issues=cut_short(len(page.entries)) if is_cut else ())


def parse_history(services: Services, given: Mapping[str, str]) -> HistoryQuery:
    """Parse the parameters of a history.

    Raises:
        InvalidRequestError: a wrong value.
    """
    settings = services.settings
    count = settings.page_size
    if "_count" in given:
        text = given["_count"]
        if not (text.isascii() and text.isdigit() and len(text) < 10):
            raise _wrong("_count", text, "use a whole number, 0 or more")
        count = min(int(text), settings.page_size_max)
    sort = given.get("_sort", "-_lastUpdated")
    if sort not in ("_lastUpdated", "-_lastUpdated"):
        raise _wrong("_sort", sort, "use -_lastUpdated or _lastUpdated")
    since = _interval("_since", given)
    return HistoryQuery(
        since_us=None if since is None else since[0],
        at_us=_interval("_at", given),
        ascending=sort == "_lastUpdated",
        count=count,
    )


def history_entry(stored: StoredResource, base_url: str) -> bytes:
    """Write one version as an entry."""
    place = f"{stored.type}/{stored.id}"
    method = "PUT" if stored.method == "PATCH" else stored.method
    status = {"POST": "201 Created", "DELETE": "204 No Content"}.get(method, "200 OK")
    rest: JsonObject = {
        "request": {"method": method, "url": stored.type if method == "POST" else place},
        "response": {
            "status": "201 Created" if stored.version == 1 and stored.body else status,
            "etag": stored.etag,
            "lastModified": format_instant(stored.updated_us),
        },
    }
    return entry_json(stored.body, f"{base_url}/{place}", rest)


def _require_instance(
    services: Services, scope: HistoryScope, wanted: HistoryQuery, row: AuditRow
) -> None:
    """Tell an instance without versions in a span of time from one that never was."""
    if wanted.since_us is not None or wanted.at_us is not None:
        whole = replace(wanted, since_us=None, at_us=None, beyond=None, count=0)
        if history(services.database, whole, row).total:
            return
    raise absent(f"{scope.type}/{scope.id}")


def _within(
    services: Services, auth: AuthContext, decision: Decision, scope: HistoryScope
) -> tuple[tuple[str, ...], Named | None]:
    """Say of which types, and of which resources of them, the caller may see versions."""
    if scope.type is not None:
        return (scope.type,), reach_of(services, scope.type, decision)
    confined = Confined(services.definitions, confine(services, auth, "history-type"))
    types = tuple(name for name in services.definitions.resource_types if confined.confine(name))
    reach = confined.in_reach(types)
    return types, None if reach is None else named(test(reach, Row("r")))


def _seen(
    services: Services, auth: AuthContext, decision: Decision | None, page: HistoryPage
) -> HistoryPage:
    """Leave out what the caller may not see of resources whose current version it may see.

    How many there are in all is not told: that counts what is left out. Without a decision each
    type's own is asked for.
    """
    decisions: dict[str, Decision] = {}
    entries = []
    for each in page.entries:
        asked = decision or decisions.get(each.type)
        if asked is None:
            access = Access("history-type", each.type)
            asked = decisions[each.type] = services.policy(auth, access)
        if sees(services, auth, asked, each):
            entries.append(each)
    return replace(page, entries=entries, total=None)


def _place(position: Position) -> Place:
    """Take the place out of a paging link; one of a search has none."""
    values = position.values
    if len(values) == 2 and isinstance(values[0], int) and isinstance(values[1], int):
        return values[0], values[1]
    raise InvalidRequestError("The paging link is not one of a history.")


def _resume(
    services: Services, auth: AuthContext, scope: HistoryScope, query: Query
) -> tuple[dict[str, str], Position | None]:
    """Sort out the parameters, or open the paging link that holds them."""
    pairs = query.pairs
    position = None
    tokens = [value for name, value in pairs if name == PARAMETER]
    if tokens and not services.cursor_key:
        raise refuse_page()
    if tokens and len(pairs) == 1:
        caller = caller_key(auth, scope.path)
        sealed, position = open_cursor(services.cursor_key, caller, tokens[0])
        pairs = tuple(sealed)
    given: dict[str, str] = {}
    for name, value in pairs:
        if name in given:
            raise _wrong(name, value, "give it once")
        if name in _PARAMETERS:
            given[name] = value
        elif query.handling == "strict":
            offered = ", ".join(_PARAMETERS)
            raise _wrong(name, value, f"a history takes {offered}; a paging link stands alone")
    return given, position


def _links(
    services: Services,
    auth: AuthContext,
    scope: HistoryScope,
    given: Mapping[str, str],
    page: HistoryPage,
) -> Iterator[Link]:
    url = f"{services.settings.public_url}/{scope.path}"
    yield "self", f"{url}?{urlencode(given)}" if given else url
    if page.next_beyond is not None and services.cursor_key:
        caller = caller_key(auth, scope.path)
        position = Position(values=page.next_beyond, total=page.total)
        token = seal_cursor(services.cursor_key, caller, tuple(given.items()), position)
        yield "next", f"{url}?{PARAMETER}={token}"


def _interval(name: str, given: Mapping[str, str]) -> tuple[int, int] | None:
    if name not in given:
        return None
    try:
        return interval_us(given[name].replace(" ", "+"))
    except ValueError:
        raise _wrong(
            name, given[name], "use a date or instant such as 2026-01-31T12:00:00Z"
        ) from None


def _wrong(name: str, value: str, remedy: str) -> InvalidRequestError:
    return InvalidRequestError(
        f"{name}={value[:100]!r} does not fit: {remedy}.", expression=(f"http.{name}",)
    )
