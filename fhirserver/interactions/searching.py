"""Every search: parse, narrow by access, run, and answer with a searchset Bundle.

Spec: https://hl7.org/fhir/R4/search.html and https://hl7.org/fhir/R4/http.html#search

A paging link carries the whole query, sealed: `_page=<token>` and nothing else.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import replace
from itertools import chain
from typing import NamedTuple

from fhirserver.access import AuthContext, Masks, principal
from fhirserver.audit import audit_row
from fhirserver.errors import InvalidSearchError, Issue, NotSupportedError
from fhirserver.interactions.bundle import bundle_json, entry_json
from fhirserver.interactions.explain import asks_to_explain, report, take_out
from fhirserver.interactions.look_ups import Finder, StoredContent, StoredHierarchies
from fhirserver.interactions.masking import masked, masks_of
from fhirserver.interactions.permit import confine
from fhirserver.interactions.request_url import Pairs
from fhirserver.interactions.subset import Subset, apply_subset
from fhirserver.interactions.types import Query, Result, Services
from fhirserver.interactions.withheld import withheld
from fhirserver.model.json import write_json
from fhirserver.model.outcome import operation_outcome
from fhirserver.model.stored import StoredResource
from fhirserver.search import since
from fhirserver.search.allowance import Allowance, BoundedHierarchies, BoundedTerminology
from fhirserver.search.context import SearchContext
from fhirserver.search.cursor import PARAMETER, open_cursor, page_links
from fhirserver.search.order import Position
from fhirserver.search.parse import parse
from fhirserver.search.plan import make_plan
from fhirserver.search.query import Query as ParsedQuery
from fhirserver.search.settled import is_settled
from fhirserver.search.terminology import ContentTerminology
from fhirserver.store.explain import explain
from fhirserver.store.extractors import extractors
from fhirserver.store.search import SearchPage, execute
from fhirserver.store.statement import StoreConnection

_MATCH = {"search": {"mode": "match"}}
_INCLUDE = {"search": {"mode": "include"}}
_OUTCOME = {"search": {"mode": "outcome"}}


def search_context(
    services: Services,
    auth: AuthContext,
    *,
    lenient: bool = False,
    connection: StoreConnection | None = None,
) -> SearchContext:
    """Say what parsing a search needs to know of this server and this moment.

    Args:
        services: what the interaction works with.
        auth: the caller; value sets and hierarchies are looked up as it may see them, and what
            is withheld from it is no criterion.
        lenient: unknown parameters are left out instead of refused.
        connection: of a transaction that the search belongs to.
    """
    settings = services.settings
    context = SearchContext(
        definitions=services.definitions,
        base_url=settings.public_url,
        now_us=services.now(),
        page_size=settings.page_size,
        page_size_max=settings.page_size_max,
        include_limit=settings.include_limit,
        lenient=lenient,
        masks=masks_of(services, auth),
    )
    database = services.database
    finder = Finder(
        context,
        confine(services, auth),
        database.search_connection if connection is None else lambda: nullcontext(connection),
    )
    allowance = Allowance()
    terminology = ContentTerminology(StoredContent(finder))
    return replace(
        context,
        terminology=BoundedTerminology(terminology, allowance),
        hierarchies=BoundedHierarchies(StoredHierarchies(finder), allowance),
    )


def newest(services: Services) -> Services:
    """Give the services with the search parameters that are in force now.

    Raises:
        UnavailableError: the database cannot be asked.
    """
    return replace(services, definitions=services.database.current_definitions())


def parse_search(
    services: Services,
    auth: AuthContext,
    pairs: Sequence[tuple[str, str]],
    types: tuple[str, ...] | None,
    *,
    compartment: tuple[str, str] | None = None,
    lenient: bool = False,
) -> tuple[ParsedQuery, SearchContext]:
    """Parse a search with R4's parameters, and with those of one's own where it may need them.

    The latter are looked at in the database each time, so that one that is new, changed or gone is
    so at once in every process.

    Raises:
        InvalidSearchError: an unknown parameter or a wrong value.
        NotSupportedError: known to FHIR and not offered here.
        UnavailableError: resources are still being indexed for a parameter, one's own or R4's.
    """
    alone = replace(services, definitions=services.definitions.specification)
    context = search_context(alone, auth, lenient=lenient)
    try:
        parsed = parse(pairs, types, context, compartment=compartment)
    except (InvalidSearchError, NotSupportedError):
        parsed = None
    if parsed is None or not is_settled(parsed):
        context = search_context(newest(services), auth, lenient=lenient)
        parsed = parse(pairs, types, context, compartment=compartment)
    _refuse_unindexed(services, parsed)
    return parsed, context


def _refuse_unindexed(services: Services, parsed: ParsedQuery) -> None:
    """Look in the database, for the few searches that index rows of before do not answer.

    Raises:
        UnavailableError: resources have such rows still.
    """
    read = since.reads(parsed)
    if not read:
        return
    with services.database.connection() as connection:
        made = extractors(connection)
    lacked = [code for code in read if since.lacked(code, made)]
    if lacked:
        raise since.refuse(lacked)


def caller_key(auth: AuthContext, place: str) -> str:
    """Name whom a paging link belongs to, and which address it pages."""
    return f"{principal(auth)}\n{place}"


class Scope(NamedTuple):
    """Where a search looks.

    Attributes:
        interaction: for the audit row, e.g. "search-type".
        place: path below the base, e.g. "Patient", "Patient/1/Observation", "".
        types: types that the URL names; None where `_type` or all types count.
        compartment: ("Patient", id) where the URL names one.
    """

    interaction: str
    place: str
    types: tuple[str, ...] | None = None
    compartment: tuple[str, str] | None = None


def run_search(services: Services, auth: AuthContext, scope: Scope, query: Query) -> Result:
    """Search.

    Args:
        services: what the interaction works with.
        auth: the caller; narrows matches, includes and totals type by type.
        scope: where to look.
        query: parameters.

    Raises:
        InvalidSearchError: an unknown parameter or a wrong value.
        UnavailableError: resources are still being indexed for a parameter.
        ForbiddenError: an explanation is wanted by somebody who is no administrator.
    """
    if asks_to_explain(query.pairs):
        return _explain(services, auth, scope, query)
    caller = caller_key(auth, scope.place)
    pairs, position = _resume(services.cursor_key, caller, query.pairs)
    parsed, context = parse_search(
        services,
        auth,
        pairs,
        scope.types,
        compartment=scope.compartment,
        lenient=query.handling == "lenient",
    )
    plan = make_plan(parsed, context, confine(services, auth), position)
    page = execute(services.database, plan, audit_row(auth, scope.interaction, pairs))
    url = f"{services.settings.public_url}/{scope.place}".rstrip("/")
    links = page_links(services.cursor_key, caller, url, parsed, page)
    remarks = [*_remarks(parsed, page), *withheld(auth, parsed, services.definitions)]
    found = _entries(services, masks_of(services, auth), parsed, page)
    entries = chain(found, _told(remarks))
    body = bundle_json("searchset", entries, links=links, total=page.total)
    is_cut = page.next is not None and not services.cursor_key
    return Result(200, body=body, issues=cut_short(len(page.matches)) if is_cut else ())


def cut_short(count: int) -> tuple[Issue, ...]:
    """Say of an answer without pages that there is more than it holds."""
    return (
        Issue(
            "warning",
            "too-costly",
            f"Only the first {count} are in this answer, and there are more: _count and the "
            "server's FHIRSERVER_ASYNC_RESULT_LIMIT bound what is answered in the background. "
            "Ask for less at once, or page through it without respond-async.",
        ),
    )


def refuse_page() -> InvalidSearchError:
    """Make the error of a paging link where there are no pages."""
    return InvalidSearchError(
        "_page with Prefer: respond-async: a paging link leads to one page, and what is answered "
        "in the background has none; follow the link without respond-async, or send its query.",
        expression=("http._page",),
    )


def _explain(services: Services, auth: AuthContext, scope: Scope, query: Query) -> Result:
    """Explain a search instead of answering it."""
    pairs, run = take_out(services, auth, query.pairs)
    began = time.perf_counter()
    parsed, context = parse_search(
        services,
        auth,
        pairs,
        scope.types,
        compartment=scope.compartment,
        lenient=query.handling == "lenient",
    )
    done = time.perf_counter()
    plan = make_plan(parsed, context, confine(services, auth))
    took_ms = {"parse": 1000 * (done - began), "plan": 1000 * (time.perf_counter() - done)}
    audited = audit_row(auth, scope.interaction, query.pairs)
    statements = explain(services.database, plan, audited, run=run)
    return report(services, auth, plan, took_ms, statements)


def _resume(key: bytes, caller: str, pairs: Pairs) -> tuple[Pairs, Position | None]:
    tokens = [value for name, value in pairs if name == PARAMETER]
    if not tokens:
        return pairs, None
    if not key:
        raise refuse_page()
    if len(pairs) > 1:
        raise InvalidSearchError(
            "_page stands alone: a paging link holds the whole query; follow it as it is."
        )
    sealed, position = open_cursor(key, caller, tokens[0])
    return tuple(sealed), position


def _entries(
    services: Services, masks: Masks, parsed: ParsedQuery, page: SearchPage
) -> Iterator[bytes]:
    definitions, base_url = services.definitions, services.settings.public_url
    subset = Subset(parsed.summary, parsed.elements)
    for found, rest in ((page.matches, _MATCH), (page.includes, _INCLUDE)):
        for stored in found:
            assert stored.body is not None
            body = apply_subset(definitions, masked(stored.body, masks, definitions), subset)
            yield entry_json(body, _full_url(base_url, stored), rest)


def _told(issues: Sequence[Issue]) -> Iterator[bytes]:
    if issues:
        yield entry_json(write_json(operation_outcome(issues)), None, _OUTCOME)


def _full_url(base_url: str, stored: StoredResource) -> str | None:
    """Give the address of a resource; one that is contained without an id has none."""
    if not stored.container:
        return f"{base_url}/{stored.type}/{stored.id}"
    return f"{base_url}/{stored.container}#{stored.id}" if stored.id else None


def _remarks(parsed: ParsedQuery, page: SearchPage) -> Iterator[Issue]:
    yield from parsed.ignored
    if page.includes_cut:
        yield Issue(
            "warning",
            "too-costly",
            "More resources are included than one page holds; some are left out. "
            "Lower _count or include less.",
        )
