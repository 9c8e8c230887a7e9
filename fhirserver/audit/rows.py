"""The values of an audit row.

Spec: https://hl7.org/fhir/R4/auditevent.html

`interaction` is the code of the restful-interaction code system, so that a row becomes an
AuditEvent without a table in between. `query` holds the parameters of a search as sent; bodies
never enter the row, only what points to them.
"""

from collections.abc import Sequence

from fhirserver.access import AuthContext
from fhirserver.search.render import join_pairs
from fhirserver.store.audit_row import AuditRow

_QUERY_LIMIT = 4000
_BROKEN_GLASS = "BTG"


def audit_row(
    auth: AuthContext, interaction: str, pairs: Sequence[tuple[str, str]] | None = None
) -> AuditRow:
    """Make the row of one interaction.

    Args:
        auth: the caller.
        interaction: FHIR's code, e.g. "read", "search-type".
        pairs: parameters of a search or of a conditional interaction; cut at 4,000 characters.
    """
    return AuditRow(
        interaction=interaction,
        actor=auth.actor,
        client=auth.client,
        request_id=auth.request_id,
        address=auth.address,
        query=None if pairs is None else join_pairs(pairs)[:_QUERY_LIMIT],
        token=auth.token or None,
        purpose=_BROKEN_GLASS if auth.rights and auth.rights.broken_glass else None,
    )
