"""Breaking the glass: reaching, in an emergency, a patient whom one has no relation with.

Spec: 45 CFR 164.312(a)(2)(ii); https://hl7.org/fhir/R4/security-labels.html (BTG)

Only for roles that may, after a fresh proof of who it is, with a reason, for one patient and an
hour at most. It is told at once, to the audit trail and in the log, every access meanwhile is
marked there, and somebody else has to review it.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

from psycopg import Connection

from fhirserver.access import AuthContext, effective_role
from fhirserver.audit import audit_row
from fhirserver.errors import ConflictError, ForbiddenError, InvalidRequestError, NotFoundError
from fhirserver.identity.accounts import Account
from fhirserver.interactions import Services
from fhirserver.model.reference import is_id
from fhirserver.store.audit_row import AuditPlace, record

LASTS_US = 60 * 60 * 1_000_000
REASON_MIN = 10
REASON_MAX = 500
_BREAK = """
INSERT INTO broken_glass (account, patient, reason, broken, expires) VALUES (%s, %s, %s, %s, %s)
"""
_ROW = "SELECT rid FROM resource WHERE tid = %s AND id = %s AND state = 1"
_COLUMNS = """
SELECT b.number, b.account, coalesce(a.name, b.account), b.patient, b.reason, b.broken, b.expires
FROM broken_glass b LEFT JOIN account a ON a.id = b.account
"""
_MINE = f"{_COLUMNS} WHERE b.account = %s AND b.expires > %s ORDER BY b.number DESC"
_WAITING = f"{_COLUMNS} WHERE b.reviewed IS NULL ORDER BY b.number LIMIT 200"
_REVIEW = """
UPDATE broken_glass SET reviewed = %s, reviewer = %s, justified = %s, remark = %s
WHERE number = %s AND reviewed IS NULL AND account <> %s RETURNING patient
"""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class BrokenGlass:
    """One time that somebody broke the glass.

    Attributes:
        number: of it.
        account: id of who did it; `name` is for people.
        patient: logical id.
        reason: in the words of who did it.
        broken: when, epoch microseconds; `expires` when it ends.
    """

    number: int
    account: str
    name: str
    patient: str
    reason: str
    broken: int
    expires: int


def may_break(account: Account, now_us: int) -> bool:
    """Whether an account's role may break the glass at all."""
    role = effective_role(account.role, trained=account.is_trained(now_us))
    return role is not None and role.breaks_glass


def break_glass(
    services: Services, account: Account, auth: AuthContext, patient: str, reason: str
) -> None:
    """Let somebody reach a patient for an hour.

    Args:
        services: where it is kept and told.
        account: whose; the caller has asked for a fresh proof.
        auth: names the request in the audit trail.
        patient: logical id, also as "Patient/23".
        reason: REASON_MIN to REASON_MAX characters.

    Raises:
        ForbiddenError: the role may not.
        InvalidRequestError: no reason, or too long a one.
        NotFoundError: no such patient.
    """
    now = services.now()
    if not may_break(account, now):
        raise ForbiddenError("Your role may not reach patients whom you have no relation with.")
    patient, reason = patient.strip().removeprefix("Patient/"), reason.strip()
    if not REASON_MIN <= len(reason) <= REASON_MAX:
        raise InvalidRequestError(
            f"Say why in {REASON_MIN} to {REASON_MAX} characters; it will be reviewed.",
            expression=("reason",),
        )
    tid = services.definitions.type_id("Patient")
    with services.database.connection() as connection, connection.transaction():
        found = connection.execute(_ROW, (tid, patient)).fetchone() if is_id(patient) else None
        if found is None:
            raise NotFoundError(f"There is no patient {patient}.", expression=("patient",))
        place = AuditPlace(tid, patient, found[0])
        connection.execute(_BREAK, (account.id, patient, reason, now, now + LASTS_US))
        row = audit_row(auth, "break-glass")
        record(connection, row, 200, place, reason=reason, detail={"until": now + LASTS_US})
    _log.warning("glass broken", extra={"account": account.id, "request_id": auth.request_id})


def in_force(connection: Connection[Any], account_id: str, now_us: int) -> list[BrokenGlass]:
    """List what somebody has broken and is still open, the latest first."""
    rows = connection.execute(_MINE, (account_id, now_us)).fetchall()
    return [BrokenGlass(*row) for row in rows]


def waiting_for_review(connection: Connection[Any]) -> list[BrokenGlass]:
    """List what nobody has reviewed yet, the oldest first."""
    return [BrokenGlass(*row) for row in connection.execute(_WAITING).fetchall()]


def review(
    services: Services,
    reviewer: Account,
    auth: AuthContext,
    number: int,
    *,
    justified: bool,
    remark: str,
) -> None:
    """Say whether breaking the glass was right.

    Raises:
        ConflictError: it has been reviewed, or is the reviewer's own.
    """
    now = services.now()
    with services.database.connection() as connection, connection.transaction():
        values = (now, reviewer.id, justified, remark.strip()[:REASON_MAX], number, reviewer.id)
        found = connection.execute(_REVIEW, values).fetchone()
        if found is None:
            raise ConflictError("It has been reviewed already, or is your own.")
        place = AuditPlace(services.definitions.type_id("Patient"), found[0])
        detail = {"number": number, "justified": justified}
        record(connection, audit_row(auth, "break-glass-review"), 200, place, detail=detail)
