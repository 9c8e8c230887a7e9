"""One row of the audit trail, written by the statement that it records.

An AuditEvent is rendered from it on demand. It holds who, what, when and from where; bodies and
values are in the version that it names.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from psycopg import Connection
from psycopg.types.json import Jsonb


@dataclass(frozen=True, slots=True)
class AuditRow:
    """Who asks for what; the store adds the outcome, the instant and the row it touched.

    Attributes:
        interaction: R4 code, e.g. "read", "search-type", "update", or an operation's.
        actor: who, e.g. "Practitioner/7" or a user name.
        client: the application, by client id.
        request_id: the X-Request-Id of the request.
        address: network address of the caller.
        query: parameters of a search, as sent; None otherwise.
        token: public number of the access token; None where there is none.
        purpose: code of v3-PurposeOfUse, e.g. "BTG" for broken glass; None where nothing is said.
    """

    interaction: str
    actor: str
    client: str
    request_id: str
    address: str
    query: str | None = None
    token: str | None = None
    purpose: str | None = None

    def parameters(self) -> dict[str, bytes | None]:
        """Return the values of `AUDIT_PARAMETERS`, packed."""
        return {
            "interaction": self.interaction.encode(),
            "actor": self.actor.encode(),
            "client": self.client.encode(),
            "request_id": self.request_id.encode(),
            "address": self.address.encode(),
            "query": None if self.query is None else self.query.encode(),
            "token": None if self.token is None else self.token.encode(),
            "purpose": None if self.purpose is None else self.purpose.encode(),
        }


DURABILITY = """
CASE WHEN :lazy::boolean THEN set_config('synchronous_commit', 'off', true) END
"""
"""In a read's statement: whether its commit, which is the audit row's, waits for the disk."""
AUDIT_COLUMNS = "interaction, actor, client, request_id, address, query, token, purpose"
AUDIT_PARAMETERS = (
    ":interaction::text, :actor::text, :client::text, :request_id::text, :address::text,"
    " :query::text, :token::text, :purpose::text"
)
"""Values for `AUDIT_COLUMNS` in a `Statement`."""
_RECORD = f"""
INSERT INTO audit (tid, id, rid, version, outcome, reason, detail, {AUDIT_COLUMNS})
VALUES (%(tid)s, %(id)s, %(rid)s, %(version)s, %(outcome)s, %(reason)s, %(detail)s,
    %(interaction)s, %(actor)s, %(client)s, %(request_id)s, %(address)s, %(query)s, %(token)s,
    %(purpose)s)
"""  # noqa: S608 - constants


@dataclass(frozen=True, slots=True)
class AuditPlace:
    """What an audit row tells of; None where that is unknown or does not apply.

    Attributes:
        tid: number of the resource type.
        id: logical id.
        rid, version: of the version that was shown.
    """

    tid: int | None = None
    id: str | None = None
    rid: int | None = None
    version: int | None = None


NOWHERE = AuditPlace()


def record(
    connection: Connection[Any],
    row: AuditRow,
    outcome: int,
    place: AuditPlace = NOWHERE,
    *,
    reason: str | None = None,
    detail: dict[str, Any] | None = None,
) -> None:
    """Write an audit row by itself: of what no statement of its own has recorded.

    Args:
        connection: autocommit, or in the transaction of what is recorded.
        row: who did what.
        outcome: status of the answer.
        place: what it is about.
        reason: the rule that decided; never a value of a resource.
        detail: what else an investigator needs, without clinical content.
    """
    values = {name: getattr(row, name) for name in AUDIT_COLUMNS.split(", ")}
    values |= {"outcome": outcome, "reason": reason, **asdict(place)}
    connection.execute(_RECORD, values | {"detail": None if detail is None else Jsonb(detail)})
