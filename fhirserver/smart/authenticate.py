"""From an access token to what its bearer may do, looked up anew for every request.

Spec: https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html#access-fhir-api

What the token stands for is one row (`fhirserver.store.standing`), and a bearer is made of nothing
else but that row, the day, for trainings end with one, and the search parameters that scopes use.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from functools import lru_cache

from fhirserver.access import Rights
from fhirserver.access.scope_text import granted_scopes
from fhirserver.definitions import Definitions
from fhirserver.identity.accounts import actor_of
from fhirserver.model.json import parse_json
from fhirserver.smart.relations import CONFINED, GRACE_US, clinician_of, patients_in_reach
from fhirserver.smart.tokens import digest
from fhirserver.store.database import Database
from fhirserver.store.standing import Presumed, Standing, Terms, ask

REMEMBERED_MAX = 1024
"""Tokens of which a process remembers what they stood for."""


@dataclass(frozen=True, slots=True)
class Bearer:
    """Who presents an access token.

    Attributes:
        token: public number of the token.
        scopes: of the token, as text.
        client: id of the client it was issued to.
        account: id of the person's account; None where the client acts for itself.
        rights: what it may do.
        treated: patients whom it treats, of `rights.patients`.
        proxied: patients whom its account acts for, of the same.
    """

    token: str
    scopes: str
    client: str
    account: str | None
    rights: Rights
    treated: tuple[str, ...] = ()
    proxied: tuple[str, ...] = ()

    @property
    def actor(self) -> str:
        """Name who acts: a resource, an account, or the client."""
        return actor_of(self.rights.user, self.account) if self.account else self.client


def find_bearer(
    database: Database, definitions: Definitions, secret: str, audience: str, now_us: int
) -> Bearer | None:
    """Find who an access token was issued to; None for one that counts for nothing here.

    Args:
        database: where tokens are kept.
        definitions: say what scopes mean.
        secret: as presented.
        audience: FHIR base that is asked.
        now_us: epoch microseconds.

    Raises:
        UnavailableError: the database cannot be asked.
    """
    standing = _ask(database, definitions, digest(secret), _terms(audience, now_us))
    return standing and bearer_of(standing, definitions, _day(now_us))


def find_numbered(
    database: Database,
    definitions: Definitions,
    number: int,
    audience: str,
    now_us: int,
    *,
    even_expired: bool = False,
) -> Bearer | None:
    """Find who an access token was issued to by its public number; as `find_bearer` otherwise.

    Args:
        database: see `find_bearer`, as for the others.
        definitions: say what scopes mean.
        number: of the token.
        audience: FHIR base that is asked.
        now_us: epoch microseconds.
        even_expired: whether one counts that is over by its own end alone.
    """
    terms = replace(_terms(audience, now_us), even_expired=even_expired)
    standing = _ask(database, definitions, number, terms)
    return standing and bearer_of(standing, definitions, _day(now_us))


class Remembered:
    """What tokens stood for when this process asked last, as a guess of what they stand for now.

    Args:
        database: where tokens are kept.
        audience: FHIR base that is asked.
    """

    def __init__(self, database: Database, audience: str) -> None:
        self._database = database
        self._audience = audience
        self._last: dict[bytes, Standing] = {}

    def find(self, secret: str, now_us: int) -> Bearer | None:
        """Find who an access token was issued to, as `find_bearer` does, and remember it."""
        definitions, hashed = self._database.definitions, digest(secret)
        standing = _ask(self._database, definitions, hashed, _terms(self._audience, now_us))
        if standing is None:
            self._last.pop(hashed, None)
            return None
        if len(self._last) >= REMEMBERED_MAX:
            self._last.clear()
        self._last[hashed] = standing
        return bearer_of(standing, definitions, _day(now_us))

    def presume(self, secret: str, now_us: int) -> tuple[Bearer, Presumed] | None:
        """Guess who an access token was issued to; None where nothing is known of it.

        Nothing may be answered before a statement has confirmed it. Nothing is guessed of a
        clinician who is somebody's proxy, too: treatment may end where that goes on.
        """
        hashed = digest(secret)
        standing = self._last.get(hashed)
        if standing is None:
            return None
        bearer = bearer_of(standing, self._database.definitions, _day(now_us))
        clinician = clinician_of(bearer.rights.user, bearer.rights.role)
        if clinician is not None and bearer.proxied:
            return None
        terms = _terms(self._audience, now_us)
        return bearer, Presumed(hashed, terms, standing.row, clinician, bearer.treated)


@lru_cache(maxsize=REMEMBERED_MAX)
def bearer_of(standing: Standing, definitions: Definitions, today: date) -> Bearer:
    """Make the bearer of a token. Pure.

    Args:
        standing: see `fhirserver.store.standing`.
        definitions: say what scopes mean.
        today: UTC's.
    """
    found = parse_json(standing.row)
    treated = tuple(parse_json(standing.related)) if standing.related else ()
    proxied = tuple(found["proxied"] or ())
    user, role, scopes, training = (
        found[name] for name in ("fhir_user", "role", "scopes", "training_expires")
    )
    rights = Rights(
        scopes=granted_scopes(scopes, definitions),
        patient=found["patient"],
        user=user,
        role=role,
        patients=patients_in_reach(user, role, treated, proxied),
        broken_glass=tuple(found["broken_glass"] or ()),
        reads_user={"openid", "fhirUser"} <= set(scopes.split()),
        trained=training is None or today <= date.fromisoformat(training),
    )
    number, client, account = (found[name] for name in ("number", "client", "account"))
    return Bearer(number, scopes, client, account, rights, treated, proxied)


def _ask(
    database: Database, definitions: Definitions, which: bytes | int, terms: Terms
) -> Standing | None:
    with database.connection() as connection:
        return ask(connection, definitions, which, terms)


def _terms(audience: str, now_us: int) -> Terms:
    return Terms(audience, now_us, GRACE_US, CONFINED)


def _day(now_us: int) -> date:
    return datetime.fromtimestamp(now_us // 1_000_000, UTC).date()
