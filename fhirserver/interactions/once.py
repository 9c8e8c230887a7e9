"""Idempotency-Key: a request that is sent again is answered again and done once.

Spec: https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/

    the key is             the request is
    unknown, or expired    performed, and its answer kept in the same database transaction
    known                  answered with what is kept
    known, of another      refused with 422
    request
    under way elsewhere    refused with 409, to be sent again

A key belongs to its caller, who is another one with a token for less. What fails has done nothing
and is not kept: sent again it is judged anew. A batch is no single transaction: `BatchOnce` keeps
the answer to each of its entries.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from fhirserver.access import AuthContext, Decision, principal
from fhirserver.audit import audit_row
from fhirserver.errors import ConflictError, ForbiddenError, UnprocessableError
from fhirserver.interactions.permit import permit
from fhirserver.interactions.session_database import SessionDatabase
from fhirserver.interactions.types import Result, Services
from fhirserver.model.json import parse_json, write_json
from fhirserver.model.stored import StoredResource
from fhirserver.store.audit_row import AuditPlace, record
from fhirserver.store.kept_answers import (
    KeptAnswer,
    find_answer,
    find_entry_answer,
    find_entry_answers,
    keep_answer,
    keep_entry_answer,
    try_lock,
)
from fhirserver.store.write import WriteSession, run_write

_PLACE = ("http.Idempotency-Key",)
_RETRY_AFTER_S = 1
_VERSION = ("rid", "type", "id", "version", "updated_us", "method")


@dataclass(frozen=True, slots=True)
class Keyed:
    """A request that has a key.

    Attributes:
        key: the caller's.
        request: digest of everything that shapes what is done and answered.
        interaction: FHIR's code, for the policy and the audit.
        type: resource type of the address; None at the base.
        id: logical id of the address.
    """

    key: str
    request: bytes
    interaction: str
    type: str | None = None
    id: str | None = None


def once(
    services: Services, auth: AuthContext, keyed: Keyed | None, work: Callable[[Services], Result]
) -> Result:
    """Perform a request unless that was done, and answer it.

    Args:
        services: what interactions work with.
        auth: the caller, who may have used the key before.
        keyed: None where the request has no key; then it is performed as it is.
        work: performs it, given services inside the transaction.

    Raises:
        UnprocessableError: the key was used for another request.
        ConflictError: a request with this key is under way.
        ForbiddenError: the caller may no longer do what it did.
        FhirError: whatever `work` raises; the key is free again then.
    """
    if keyed is None:
        return work(services)
    claim = _Claim(services, auth, keyed)

    def attempt(session: WriteSession) -> Result:
        known = claim.find(session)
        if known is not None:
            result = _unpack(known)
            claim.audit(session, result)
            return replace(result, replayed=True)
        inside = replace(services, database=SessionDatabase(services.database, session))
        result = work(inside)
        claim.keep(session, _pack(result), result.body)
        return result

    return run_write(services.database, attempt)


class BatchOnce:
    """Remembers the answers to the entries of a batch that has a key; a `Memory`.

    Args:
        services: what interactions work with.
        auth: the caller.
        keyed: the batch.
    """

    def __init__(self, services: Services, auth: AuthContext, keyed: Keyed) -> None:
        self._services = services
        self._claim = _Claim(services, auth, keyed)
        self.replayed = False

    def recall(self) -> dict[int, bytes]:
        """Take the key, or give the answers to the entries that are done.

        Raises:
            FhirError: as `once`.
        """

        def attempt(session: WriteSession) -> dict[int, bytes]:
            self.replayed = self._claim.find(session) is not None
            if not self.replayed:
                self._claim.keep(session, None, None)
                return {}
            self._claim.audit(session, Result(200))
            return find_entry_answers(session.connection, self._claim.id)

        return run_write(self._services.database, attempt)

    def check_caller(self) -> None:
        """Refuse nothing: the caller was looked up for this request."""

    def weigh(self, answer: bytes) -> None:
        """Refuse nothing: what can be answered at once can be kept."""

    def claim(self, session: WriteSession, entry: int) -> bytes | None:
        """Wait until nobody else is at an entry, and give its answer where it is done."""
        session.lock_conditions([f"{self._claim.id.hex()} {entry}"])
        return find_entry_answer(session.connection, self._claim.id, entry)

    def remember(self, session: WriteSession, entry: int, answer: bytes) -> bytes:
        """Remember the answer to an entry, and give it; an earlier one stays."""
        return keep_entry_answer(session.connection, self._claim.id, entry, answer)

    def conclude(self, session: WriteSession, result: Result) -> None:
        """Have nothing to do with transactions: those are remembered by `once`."""


class _Claim:
    """A caller's hold on a key."""

    def __init__(self, services: Services, auth: AuthContext, keyed: Keyed) -> None:
        self._services = services
        self._auth = auth
        self._keyed = keyed
        self._decision = permit(services, auth, keyed.interaction, keyed.type, keyed.id)
        self.id = _digest(principal(auth), keyed.key)
        self._request = keyed.request + _office(auth)

    def find(self, session: WriteSession) -> KeptAnswer | None:
        """Take the key for the length of a transaction and give what is known of it."""
        session.begin()
        if not try_lock(session.connection, self.id):
            raise ConflictError(
                "A request with this Idempotency-Key is under way; send it again for its answer.",
                expression=_PLACE,
                headers=(("Retry-After", str(_RETRY_AFTER_S)),),
            )
        ttl_us = self._services.settings.idempotency_ttl_s * 1_000_000
        known = find_answer(session.connection, self.id, self._services.now() - ttl_us)
        if known is None:
            return None
        if not known.request.startswith(self._keyed.request):
            raise UnprocessableError(
                "This Idempotency-Key was used for another request: the method, address, headers "
                "or body differ. Use a new key for a new request.",
                expression=_PLACE,
            )
        patients = _patients(self._auth, self._decision)
        if known.request != self._request or not _covers(patients, known.patients):
            raise ForbiddenError(
                "The caller may no longer see all that the first answer holds; read what it may.",
                expression=_PLACE,
            )
        return known

    def keep(self, session: WriteSession, result: bytes | None, body: bytes | None) -> None:
        """Keep an answer; `result` is None of a batch."""
        patients = _patients(self._auth, self._decision)
        granted = None if patients is None else list(patients)
        kept = KeptAnswer(self._request, granted, result, body)
        keep_answer(session.connection, self.id, kept, self._services.now())

    def audit(self, session: WriteSession, result: Result) -> None:
        """Record that an answer is given again."""
        keyed, stored = self._keyed, result.stored
        type_ = stored.type if stored is not None else keyed.type
        place = AuditPlace(
            tid=None if type_ is None else self._services.definitions.type_id(type_),
            id=stored.id if stored is not None else keyed.id,
            rid=stored.rid if stored is not None else None,
            version=stored.version if stored is not None else None,
        )
        row = audit_row(self._auth, keyed.interaction)
        record(session.connection, row, result.status, place)


def _office(auth: AuthContext) -> bytes:
    """Digest the role that a person acts in; nothing of a client of its own. Pure."""
    if auth.rights is None or auth.rights.role is None:
        return b""
    return _digest(auth.rights.role, str(auth.rights.trained))


def _patients(auth: AuthContext, decision: Decision) -> Sequence[str] | None:
    """List the patients that the caller has to do with; None for no limits. Pure.

    For whom the glass is broken is listed apart, too: it shows more than a relation does.
    """
    if auth.rights is None:
        return decision.patients
    if auth.rights.patients is None:
        return None
    opened = auth.rights.broken_glass
    return (*auth.rights.patients, *opened, *(f"broken glass {each}" for each in opened))


def _covers(now: Sequence[str] | None, then: Sequence[str] | None) -> bool:
    """Whether the patients of now include those of then. Pure."""
    if now is None:
        return True
    return then is not None and set(then) <= set(now)


def _digest(*parts: str) -> bytes:
    whole = write_json(parts)
    return hashlib.blake2b(whole, digest_size=32).digest()


def _pack(result: Result) -> bytes:
    """Write an answer down, but for its body and what only whoever is answered first is told."""
    stored = result.stored
    version = stored and {name: getattr(stored, name) for name in _VERSION}
    return write_json(
        {
            "status": result.status,
            "stored": version,
            "location": result.location,
            "follow": result.follow,
            "no_store": result.no_store,
            "provenance": result.provenance,
        }
    )


def _unpack(known: KeptAnswer) -> Result:
    assert known.result is not None
    kept = parse_json(known.result)
    version = kept.pop("stored")
    stored = None if version is None else StoredResource(**version, body=None)
    return Result(**kept, stored=stored, body=known.body)
