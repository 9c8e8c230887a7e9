"""The audit row of a search: who asked for what, and all that a page showed.

Spec: https://hl7.org/fhir/R4/auditevent.html

It is part of the statement that reads the page; where the page includes more, it is a statement of
its own once that is known.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from psycopg import Connection

from fhirserver.search.conditions import Fragment
from fhirserver.search.plan import Plan
from fhirserver.store.audit_row import AUDIT_COLUMNS, AuditRow
from fhirserver.store.include import Found, Included

_NOTHING = Fragment("0, NULL")


def tell(
    connection: Connection[Any], plan: Plan, audit: AuditRow, shown: Fragment = _NOTHING
) -> None:
    """Write the row by itself; see `audit_sql`."""
    sql = audit_sql(plan, audit, shown)
    connection.execute(sql.text.encode(), sql.params)


def shown_with(matches: Sequence[Found], included: Included) -> Fragment:
    """Write how many matches a page shows, and all that it shows."""
    rids = [found.stored.rid for found in matches] + [each.rid for each in included.resources]
    return Fragment("%s::integer, %s::bigint[]", (len(matches), rids))


def shown_of_page(most: int) -> Fragment:
    """Write how many rows of `page`, in the same statement, are shown, and which.

    Args:
        most: rows of the page; what is beyond only tells that there is more.
    """
    page = "(array_agg(rid))[1 : %s]"
    text = f"(SELECT least(count(*), %s) FROM page), (SELECT {page} FROM page)"  # noqa: S608
    return Fragment(text, (most, most))


def audit_sql(plan: Plan, audit: AuditRow, shown: Fragment = _NOTHING) -> Fragment:
    """Write the audit row's INSERT; every parameter has its type, as SELECT infers none.

    Args:
        plan: what is searched.
        audit: who asks.
        shown: number of matches, and the rids of all that is shown.
    """
    types = plan.query.types
    tid = plan.confined.definitions.type_id(types[0]) if len(types) == 1 else None
    return Fragment(
        f"INSERT INTO audit (tid, outcome, matches, rids, {AUDIT_COLUMNS})"
        f" SELECT %s::smallint, 200, {shown.text}, %s::text, %s::text, %s::text, %s::text,"
        " %s::text, %s::text, %s::text, %s::text",
        (
            tid, *shown.params, audit.interaction, audit.actor, audit.client,
            audit.request_id, audit.address, audit.query, audit.token, audit.purpose,
        ),
    )  # fmt: skip
