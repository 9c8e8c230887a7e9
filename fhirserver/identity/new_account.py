"""What an account may be, and making one.

username  2 to 64 of a-z 0-9 . _ @ -, beginning with a letter or digit; upper case is lowered
name      1 to 100 printable characters
role      one of ROLES
fhirUser  a relative reference of a type that the role allows, e.g. "Practitioner/7"
patients  logical ids, for proxies only, each with the instant at which it ends
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from psycopg import Connection
from psycopg.errors import UniqueViolation

from fhirserver.errors import ConflictError, FhirError, InvalidRequestError
from fhirserver.identity import passwords
from fhirserver.identity.accounts import Account, Proxied, compared, keep_proxied
from fhirserver.identity.roles import ROLES
from fhirserver.model.reference import is_id
from fhirserver.store.database import Database
from fhirserver.store.read import peek

_USERNAME = re.compile(r"[a-z0-9][a-z0-9._@-]{1,63}", re.ASCII)
_NAME_MOST = 100
_ADD = """
INSERT INTO account
    (id, username, name, role, fhir_user, training_expires, created, password, must_change)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
"""


@dataclass(frozen=True, slots=True)
class NewAccount:
    """An account to be.

    Attributes:
        username: what is typed to log in.
        name: for people.
        role: name of a role.
        fhir_user: reference of the resource that stands for the person.
        training_expires: last day on which the training counts.
        patients: for a proxy, for whom it may act and until when.
    """

    username: str
    name: str
    role: str
    fhir_user: str | None = None
    training_expires: date | None = None
    patients: Sequence[Proxied] = ()

    @property
    def references(self) -> list[str]:
        """All that it refers to."""
        own = () if self.fhir_user is None else (self.fhir_user,)
        return [*own, *(f"Patient/{each.patient}" for each in self.patients)]


def add(
    database: Database, wanted: NewAccount, password: str, *, must_change: bool, now: int
) -> Account:
    """Make an account.

    Args:
        database: where it will be.
        wanted: what it is.
        password: that it begins with.
        must_change: whether its owner replaces that at the first login.
        now: epoch microseconds.

    Raises:
        InvalidRequestError: something of it breaks a rule; `expression` names the field.
        ConflictError: the username is taken.
    """
    username = compared(wanted.username)
    _check(username, wanted)
    passwords.check_password(password, (username, wanted.name, wanted.role))
    hashed = passwords.hash_password(password)
    made = Account(
        secrets.token_hex(12), username, wanted.name.strip(), wanted.role, wanted.fhir_user,
        wanted.training_expires, False, now, must_change, False,
    )  # fmt: skip
    with database.connection() as connection, connection.transaction():
        _insert(connection, made, hashed)
        keep_proxied(connection, made.id, wanted.patients)
    return made


def check_role(role: str, fhir_user: str | None) -> None:
    """Check that a role exists and that its people can be what the reference names.

    Raises:
        InvalidRequestError: one of them does not fit; `expression` names which.
    """
    known = ROLES.get(role)
    if known is None:
        raise InvalidRequestError(
            f"There is no role {role!r}; use one of {', '.join(ROLES)}.", expression=("role",)
        )
    allowed = f"of type {' or '.join(known.types)}, e.g. {known.types[0]}/1"
    if fhir_user is None:
        if known.required:
            raise _wrong("fhirUser", f"the role {role} needs a reference {allowed}")
        return
    type_, _, id_ = fhir_user.partition("/")
    if type_ not in known.types or not is_id(id_):
        raise _wrong("fhirUser", f"{fhir_user!r} is no reference {allowed}")


def check_patients(role: str, patients: Sequence[Proxied]) -> None:
    """Check whom somebody may act for.

    Raises:
        InvalidRequestError: not a proxy, or no logical id.
    """
    if patients and role != "proxy":
        raise _wrong("patients", f"only a proxy acts for patients, and this is a {role}")
    for patient in patients:
        if not is_id(patient.patient):
            raise _wrong("patients", f"{patient.patient!r} is no logical id of a Patient")


def missing(database: Database, references: Sequence[str]) -> list[str]:
    """Give those references that nothing is stored under, for a warning."""
    return [each for each in references if peek(database, *each.split("/", 1)) is None]


def _check(username: str, wanted: NewAccount) -> None:
    if not _USERNAME.fullmatch(username):
        raise _wrong(
            "username",
            f"{wanted.username!r} is none: use 2 to 64 letters a-z, digits, and . _ @ - after the "
            "first",
        )
    name = wanted.name.strip()
    if not name or len(name) > _NAME_MOST or not name.isprintable():
        raise _wrong("name", f"use 1 to {_NAME_MOST} printable characters")
    check_role(wanted.role, wanted.fhir_user)
    check_patients(wanted.role, wanted.patients)


def _insert(connection: Connection[Any], made: Account, hashed: str) -> None:
    row = (
        made.id, made.username, made.name, made.role, made.fhir_user, made.training_expires,
        made.created, hashed, made.must_change,
    )  # fmt: skip
    try:
        connection.execute(_ADD, row)
    except UniqueViolation:
        raise ConflictError(
            f"The username {made.username!r} is taken.", expression=("username",)
        ) from None


def _wrong(field: str, why: str) -> FhirError:
    return InvalidRequestError(f"{field}: {why}.", expression=(field,))
