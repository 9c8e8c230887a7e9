"""A person who is logged in, as a caller of interactions: for what pages look up for them."""

from __future__ import annotations

from fhirserver.access import AuthContext, Right, Rights, Scope
from fhirserver.identity import accounts, broken_glass
from fhirserver.identity.accounts import Account
from fhirserver.interactions import Services
from fhirserver.smart.relations import patients_in_reach, treated

PICKER_SCOPES = tuple(
    Scope("user", type_, Right.READ | Right.SEARCH) for type_ in ("Patient", "Encounter")
)
"""What choosing a patient and an encounter takes; the role says how much of it there is."""


def as_caller(
    services: Services,
    account: Account,
    client: str,
    *,
    scopes: tuple[Scope, ...] = PICKER_SCOPES,
    request_id: str,
    address: str,
) -> AuthContext:
    """Make a person the caller of interactions.

    Args:
        services: where accounts and relations are kept, and the clock.
        account: of the person.
        client: id of the application for which something is looked up.
        scopes: what may be looked up.
        request_id: of the page.
        address: where the person is.
    """
    now_us = services.now()
    with services.database.connection() as connection:
        broken = broken_glass.in_force(connection, account.id, now_us)
        listed = tuple(each.patient for each in accounts.proxied(connection, account.id, now_us))
        definitions = services.database.definitions
        cared_for = treated(connection, definitions, account.fhir_user, account.role, now_us)
    rights = Rights(
        scopes=scopes,
        user=account.fhir_user,
        role=account.role,
        patients=patients_in_reach(account.fhir_user, account.role, cared_for, listed),
        broken_glass=tuple(each.patient for each in broken),
        trained=account.is_trained(now_us),
    )
    return AuthContext(account.actor, client, request_id, address, rights=rights)
