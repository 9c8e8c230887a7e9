"""The second factor: enrolling an authenticator application, its codes, and recovery codes.

    totp_offered  the secret shown for enrolling, sealed for one session; becomes `totp` with the
                  first right code
    totp          the secret shared with the application, sealed; with the key of today once used
    totp_step     step of the last code that was taken; a code counts once

Ten recovery codes of 80 random bits stand in for a lost application; each counts once and is kept
as SHA-256.
"""

from __future__ import annotations

import hashlib
import secrets
from typing import Any

from psycopg import Connection

from fhirserver.errors import InvalidRequestError, UnavailableError
from fhirserver.identity import totp
from fhirserver.identity.seal import seal, unseal
from fhirserver.identity.sessions import Session
from fhirserver.interactions import Services

RECOVERY_CODES = 10
_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"

_OFFER = "UPDATE account SET totp_offered = %s WHERE id = %s"
_OFFERED = "SELECT totp_offered FROM account WHERE id = %s"
_ENROL = """
UPDATE account SET totp = %s, totp_offered = NULL, totp_step = %s
WHERE id = %s AND totp_offered = %s RETURNING id
"""
_SHARED = "SELECT totp, totp_step FROM account WHERE id = %s"
_RESEAL = "UPDATE account SET totp = %s WHERE id = %s AND totp = %s"
_USE = "UPDATE account SET totp_step = %(step)s WHERE id = %(id)s AND totp_step < %(step)s"
_USE_RECOVERY = "DELETE FROM account_recovery WHERE account = %s AND code = %s"
_DROP = "UPDATE account SET totp = NULL, totp_offered = NULL WHERE id = %s"
_DROP_RECOVERY = "DELETE FROM account_recovery WHERE account = %s"
_ADD_RECOVERY = "INSERT INTO account_recovery (account, code) SELECT %s, unnest(%s::bytea[])"
_COUNT_RECOVERY = "SELECT count(*) FROM account_recovery WHERE account = %s"


def is_required(setting: str, role: str) -> bool:
    """Whether a role must have a second factor; `setting` is `Settings.second_factor`. Pure."""
    return setting == "all" or role in required_roles(setting)


def required_roles(setting: str) -> tuple[str, ...]:
    """Name the roles that must have one, where the setting names roles. Pure."""
    kind, _, names = setting.partition(":")
    return tuple(names.split(",")) if kind == "roles" else ()


def offer(services: Services, session: Session) -> bytes:
    """Make a secret for an application to scan, or give the one that is being shown already.

    What another session was shown is nobody else's to enrol: somebody may have looked at it who
    knew the password then.
    """
    with services.database.connection() as connection:
        sealed = _value(connection, _OFFERED, session.account.id)
        shown = _opened(services, session, sealed)
        if shown is not None:
            return shown
        secret = totp.new_secret()
        resealed = seal(services, _place(session), secret)
        connection.execute(_OFFER, (resealed, session.account.id))
    return secret


def enrol(services: Services, session: Session, code: str) -> tuple[str, ...]:
    """Take an application as second factor, shown by its first code; give new recovery codes.

    Raises:
        InvalidRequestError: the code is wrong, or nothing was offered to this session.
    """
    account_id = session.account.id
    with services.database.connection() as connection, connection.transaction():
        offered = _value(connection, _OFFERED, account_id)
        secret = _opened(services, session, offered) or b""
        step = totp.step_of(secret, code, services.now(), 0) if secret else None
        sealed = seal(services, account_id, secret)
        if step is None or _value(connection, _ENROL, sealed, step, account_id, offered) is None:
            raise InvalidRequestError(
                "This is not the code that the application shows now; see that the device's clock "
                "is right and type the next one.",
                expression=("code",),
            )
        return _new_recovery_codes(connection, account_id)


def use_code(services: Services, account_id: str, code: str) -> bool:
    """Use a code of the application, or a recovery code; False where it is not one, or used up."""
    with services.database.connection() as connection:
        row = connection.execute(_SHARED, (account_id,)).fetchone()
        if row is None or row[0] is None:
            return False
        secret, is_old = unseal(services, account_id, row[0])
        if is_old:
            resealed = seal(services, account_id, secret)
            connection.execute(_RESEAL, (resealed, account_id, row[0]))
        step = totp.step_of(secret, code, services.now(), row[1])
        if step is not None:
            return connection.execute(_USE, {"step": step, "id": account_id}).rowcount == 1
        return connection.execute(_USE_RECOVERY, (account_id, _digest(code))).rowcount == 1


def renew_recovery_codes(services: Services, account_id: str) -> tuple[str, ...]:
    """Make new recovery codes; the old ones count no longer."""
    with services.database.connection() as connection, connection.transaction():
        return _new_recovery_codes(connection, account_id)


def recovery_codes_left(services: Services, account_id: str) -> int:
    """Count the recovery codes that have not been used."""
    with services.database.connection() as connection:
        return int(_value(connection, _COUNT_RECOVERY, account_id))


def drop(connection: Connection[Any], account_id: str) -> None:
    """Go back to the password alone."""
    connection.execute(_DROP, (account_id,))
    connection.execute(_DROP_RECOVERY, (account_id,))


def _place(session: Session) -> str:
    return f"{session.account.id} {session.id}"


def _opened(services: Services, session: Session, sealed: bytes | None) -> bytes | None:
    """Open what was offered; None for what another session was offered, or none."""
    if sealed is None:
        return None
    try:
        return unseal(services, _place(session), sealed).secret
    except UnavailableError:
        return None


def _new_recovery_codes(connection: Connection[Any], account_id: str) -> tuple[str, ...]:
    codes = tuple(
        "-".join("".join(secrets.choice(_ALPHABET) for _ in range(4)) for _ in range(4))
        for _ in range(RECOVERY_CODES)
    )
    connection.execute(_DROP_RECOVERY, (account_id,))
    connection.execute(_ADD_RECOVERY, (account_id, [_digest(code) for code in codes]))
    return codes


def _digest(code: str) -> bytes:
    """Give what is kept of a recovery code; case, spaces and hyphens do not count."""
    letters = "".join(each for each in code.lower() if each in _ALPHABET)
    return hashlib.sha256(letters.encode()).digest()


def _value(connection: Connection[Any], sql: str, *values: object) -> Any:
    row = connection.execute(sql, values).fetchone()
    return None if row is None else row[0]
