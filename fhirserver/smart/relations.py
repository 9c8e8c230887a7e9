"""Which patients a person has a relation with: of care, as a proxy, or as the patient."""

from __future__ import annotations

from typing import Any

from psycopg import Connection

from fhirserver.access.roles import ROLES
from fhirserver.definitions import Definitions


def patients_in_reach(
    connection: Connection[Any],
    definitions: Definitions,
    user: str | None,
    role: str | None,
    listed: tuple[str, ...],
    now_us: int,
) -> tuple[str, ...] | None:
    """Give the patients that somebody has a relation with, by logical id.

    Args:
        connection: in any transaction state.
        definitions: number search parameters.
        user: relative reference of the person; None for nobody of whom there is a resource.
        role: of the person; None for a client of its own.
        listed: patients that the account lists, for a proxy.
        now_us: epoch microseconds.

    Returns:
        None where the role is confined to none.
    """
    known = ROLES.get(role or "")
    if known is None or not known.confined:
        return () if known is None else None
    type_, _, id_ = (user or "").partition("/")
    own = (id_,) if type_ == "Patient" else ()
    return tuple(dict.fromkeys((*own, *listed)))
