"""The steps from a password to a session.

    password --+------------------------------+--> complete
               +--> second-factor --+---------+
               +--> enrolment ------+---------+    (who must have a second factor and has none)
               +--> new-password <--+--> ^
                    (one that was handed out)

Each step that succeeds ends the session before it and begins one with another secret. Whatever is
wrong with username or password, the answer is the same after the same time. `prove_again` is the
way to what needs a fresh proof.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any, NamedTuple

from fhirserver.errors import InvalidRequestError, UnauthorizedError
from fhirserver.identity import accounts, app_access, attempts, passwords, second_factor, sessions
from fhirserver.identity.accounts import Account
from fhirserver.identity.attempts import Guessed
from fhirserver.identity.sessions import Session, SessionLimits, Stage, Whence
from fhirserver.identity.told import somebody, told
from fhirserver.interactions import Services

_BOTH = ("pwd", "otp", "mfa")
_KEPT = "SELECT password FROM account WHERE username = %s"
_SET = "UPDATE account SET password = %s, must_change = FALSE WHERE id = %s"
_REHASH = "UPDATE account SET password = %s WHERE username = %s AND password = %s"


class Step(NamedTuple):
    """A step that was taken: the secret for the cookie, and what comes next."""

    secret: str
    stage: Stage


def give_password(services: Services, username: str, password: str, whence: Whence) -> Step:
    """Begin a login.

    Raises:
        UnauthorizedError: no such account, a wrong password, or the account is disabled.
        ThrottledError: too many attempts.
        UnavailableError: too many people log in at once.
    """
    account = accounts.find_named(services.database, username)
    _count(services, username, account, whence)
    with _told(services, "login", account, whence):
        right = _is_password(services, username, password)
        if not right or account is None or account.disabled:
            raise UnauthorizedError(
                "The username or the password is wrong.", expression=("password",)
            )
        return _proceed(services, account, _after_password(services, account), ("pwd",), whence)


def give_code(services: Services, code: str, whence: Whence) -> Step:
    """Go on with a code of the authenticator application, or with a recovery code.

    Raises:
        UnauthorizedError: the code is wrong or was used, or the login has taken too long.
        ThrottledError: too many attempts.
    """
    session = _half(services, whence, "second-factor")
    account = session.account
    _count(services, account.username, account, whence)
    with _told(services, "login-code", account, whence):
        if not second_factor.use_code(services, account.id, code):
            raise _wrong_code()
        return _proceed(services, account, _after_proof(account), _BOTH, whence)


def enrol(services: Services, code: str, whence: Whence) -> tuple[Step, tuple[str, ...]]:
    """Go on with the first code of an application that has to be added; give recovery codes too.

    Raises:
        UnauthorizedError: the login has taken too long.
        InvalidRequestError: the code is wrong, or nothing was offered.
    """
    session = _half(services, whence, "enrolment")
    account = session.account
    with _told(services, "account-second-factor", account, whence):
        codes = second_factor.enrol(services, session, code)
    return _proceed(services, account, _after_proof(account), _BOTH, whence), codes


def give_new_password(services: Services, password: str, whence: Whence) -> Step:
    """Replace a password that somebody else has handed out, and end the login.

    Raises:
        UnauthorizedError: the login has taken too long.
        InvalidRequestError: this password is not taken.
    """
    session = _half(services, whence, "new-password")
    change_password(services, session, password, whence)
    return _proceed(services, session.account, "complete", session.amr, whence)


def change_password(
    services: Services, session: Session, password: str, whence: Whence, *, keep_apps: bool = False
) -> None:
    """Give one's own account another password; its other sessions end, and what apps may.

    Args:
        services: what a login works with.
        session: of the account.
        password: the new one.
        whence: where the request comes from.
        keep_apps: whether apps keep what does not end with a session.

    Raises:
        InvalidRequestError: this password is not taken.
    """
    account = session.account
    with _told(services, "account-password", account, whence) as detail:
        passwords.check_password(password, (account.username, account.name, account.role))
        if _is_password(services, account.username, password):
            raise InvalidRequestError("This is the password so far.", expression=("password",))
        hashed = passwords.hash_password(password)
        with services.database.connection() as connection, connection.transaction():
            connection.execute(_SET, (hashed, account.id))
            ended = sessions.end_all(connection, account.id, session.id)
            detail["grants"] = (
                app_access.end_online(connection, ended, services.now())
                if keep_apps
                else app_access.end_all(connection, account.id, services.now())
            )


def prove_again(
    services: Services, session: Session, password: str, code: str, whence: Whence
) -> str:
    """Take the proof of somebody who is logged in once more; give the session's new secret.

    Raises:
        UnauthorizedError: the password or the code is wrong.
        ThrottledError: too many attempts.
    """
    account = session.account
    _count(services, account.username, account, whence)
    with _told(services, "login-again", account, whence):
        if not _is_password(services, account.username, password):
            raise UnauthorizedError("The password is wrong.", expression=("password",))
        if account.second_factor and not second_factor.use_code(services, account.id, code):
            raise _wrong_code()
    amr = _BOTH if account.second_factor else ("pwd",)
    with services.database.connection() as connection:
        attempts.forgive(connection, whence.address)
        attempts.forget(connection, account.username)
        return sessions.renew(connection, session, amr, now=services.now())


def log_out(services: Services, account: Account, whence: Whence) -> None:
    """End the session of a browser."""
    with (
        _told(services, "logout", account, whence),
        services.database.connection() as connection,
    ):
        sessions.end(connection, whence.cookie_secret)


def _told(
    services: Services, event: str, account: Account | None, whence: Whence
) -> AbstractContextManager[dict[str, Any]]:
    """Tell the audit trail what somebody does about an account of their own."""
    about = None if account is None else {"account": account.id}
    return told(services.database, event, somebody(account, whence.address), about)


def _after_password(services: Services, account: Account) -> Stage:
    if account.second_factor:
        return "second-factor"
    if second_factor.is_required(services.settings.second_factor, account.role):
        return "enrolment"
    return _after_proof(account)


def _after_proof(account: Account) -> Stage:
    return "new-password" if account.must_change else "complete"


def _count(services: Services, username: str, account: Account | None, whence: Whence) -> None:
    administrator = account is not None and account.role == "administrator"
    most = services.settings.login_failures_per_address
    with services.database.connection() as connection:
        guessed = Guessed(username, whence.address, administrator)
        attempts.count(connection, guessed, most, now=services.now())


def _proceed(
    services: Services, account: Account, stage: Stage, amr: tuple[str, ...], whence: Whence
) -> Step:
    """Begin the next session; a password alone opens no account that has a second factor."""
    settings = services.settings
    limits = SessionLimits(settings.session_idle_s, settings.session_max_s)
    with services.database.connection() as connection:
        attempts.forgive(connection, whence.address)
        if stage != "second-factor":
            attempts.forget(connection, account.username)
        sessions.end(connection, whence.cookie_secret)
        now = services.now()
        secret = sessions.begin(connection, account.id, stage, amr, whence, limits, now=now)
    return Step(secret, stage)


def _half(services: Services, whence: Whence, stage: Stage) -> Session:
    now = services.now()
    session = sessions.current(services.database, whence.cookie_secret, now=now, stage=stage)
    if session is None:
        raise UnauthorizedError("This login has taken too long; begin again.")
    return session


def _is_password(services: Services, username: str, password: str) -> bool:
    """Compare a password, and hash it anew where it was kept at another cost."""
    if len(password) > passwords.LENGTH_MOST:
        password = ""  # nobody's, and as slow to compare as any other
    name = accounts.compared(username)
    with services.database.connection() as connection:
        row = connection.execute(_KEPT, (name,)).fetchone()
    kept = None if row is None else str(row[0])
    if not passwords.is_password(kept, password):
        return False
    if kept is not None and passwords.is_outdated(kept):
        with services.database.connection() as connection:
            connection.execute(_REHASH, (passwords.hash_password(password), name, kept))
    return True


def _wrong_code() -> UnauthorizedError:
    return UnauthorizedError(
        "This is not the code that the application shows now, or it was used already; wait for "
        "the next one, or use a recovery code.",
        expression=("code",),
    )
