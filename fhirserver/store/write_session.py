"""A write, from its locks to its commit, as one database transaction.

The isolation is READ COMMITTED; what makes it safe is the order of things:

    1  advisory locks of conditional requests, sorted
    2  the rows to change, FOR NO KEY UPDATE (a delete: FOR UPDATE), in row-id order
    3  one statement that locks the rows referred to FOR KEY SHARE, in row-id order, and writes
    4  after a delete, a look for referrers in a statement of its own: writers that referred to
       the row before our lock have committed by then, and later ones find it deleted

A write that needs no lock of its own is one statement that commits itself.
"""

from __future__ import annotations

import hashlib
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from psycopg import errors, pq

from fhirserver.errors import UnavailableError
from fhirserver.model.stored import StoredResource
from fhirserver.search.extract import extract, extractor_of
from fhirserver.store import binary
from fhirserver.store.audit_row import AuditRow
from fhirserver.store.concealed import Conceal, nothing_concealed
from fhirserver.store.contents import keep_content
from fhirserver.store.database import Database
from fhirserver.store.identities import Identity
from fhirserver.store.integrity_warnings import with_warnings
from fhirserver.store.outliving import holding
from fhirserver.store.packed_keys import NO_KEYS, PackedKeys, keys_of, numbered, unpack
from fhirserver.store.references import Integrity, References, StaleIdentityError, refuse_stray
from fhirserver.store.referrers import refuse_referenced
from fhirserver.store.row_locks import RowLocks, as_stored
from fhirserver.store.schema import State
from fhirserver.store.search_registry import (
    DEFINING_TYPE,
    StaleRegistryError,
    confirm,
    register,
)
from fhirserver.store.statement import StoreConnection, begin, command, run, statement
from fhirserver.store.write_arguments import (
    Arguments,
    audit_argument,
    index_arguments,
    index_rows,
    resource_argument,
    target_argument,
)
from fhirserver.store.write_plan import Change, Current, Planner, Step, Written, check_preconditions
from fhirserver.store.write_sql import write_statement

Result = TypeVar("Result")

_ATTEMPTS = 12
_ADVISORY = statement("SELECT pg_advisory_xact_lock(:key::bigint)")
_PLAN_FOR_VALUES = b"SET LOCAL plan_cache_mode = force_custom_plan; SET LOCAL enable_seqscan = on"
_KEEP_PLANS = b"SET LOCAL plan_cache_mode = force_generic_plan; SET LOCAL enable_seqscan = off"


class StaleMatchError(Exception):
    """What a condition selected has changed since; search again."""


_RETRIED = (
    StaleIdentityError,
    StaleMatchError,
    StaleRegistryError,
    errors.DeadlockDetected,
    errors.SerializationFailure,
    errors.UniqueViolation,  # two requests created the same id; the second now finds it
)


def run_write(database: Database, work: Callable[[WriteSession], Result]) -> Result:
    """Run `work` in a write session and commit; again when the database asks for it.

    Inside a session that is open already `work` runs once; whoever opened that commits, or runs it
    all again.

    Args:
        database: where to write.
        work: may run several times, each time in a new transaction; must have no other effects.

    Raises:
        UnavailableError: still in conflict after a dozen attempts.
        FhirError: whatever `work` raises; nothing is written then.
    """
    if database.session is not None:
        return work(database.session)
    for attempt in range(_ATTEMPTS):
        with database.connection() as connection:
            session = WriteSession(database, connection, cautious=attempt > 0)
            try:
                result = work(session)
                session.commit()
            except _RETRIED as error:
                session.roll_back()
                if isinstance(error, StaleIdentityError):
                    database.identities.forget()
            except BaseException:
                session.roll_back()
                raise
            else:
                return result
        time.sleep(random.uniform(0, 0.002 * 2 ** min(attempt, 6)))  # noqa: S311 - only a pause
    raise UnavailableError("Too many others are changing the same resources; try again shortly.")


def write(
    database: Database,
    changes: Sequence[Change],
    audit: AuditRow | Sequence[AuditRow],
    integrity: Integrity = "enforce",
) -> list[Written]:
    """Write changes that need nothing else in their transaction; see `WriteSession.apply`."""
    return run_write(database, lambda session: session.apply(changes, audit, integrity, alone=True))


class WriteSession:
    """One write transaction. Made by `run_write`. `made` lists the versions that it has made.

    `conceal` tells what errors and warnings may not name, because the caller may not see it.

    Args:
        cautious: look up even ids that should be new.
    """

    def __init__(
        self, database: Database, connection: StoreConnection, *, cautious: bool = False
    ) -> None:
        self._connection = connection
        self._plans_for_values = False
        self._database = database
        self._definitions = database.definitions
        self._cautious = cautious
        self._learnt: dict[Identity, int] = {}
        self._rows = RowLocks(connection, self._learnt)
        self._references = References(database, connection, self._learnt)
        self._dangling = 0
        self.conceal: Conceal = nothing_concealed
        self.made: list[StoredResource] = []

    @property
    def connection(self) -> StoreConnection:
        """The transaction's connection, for searches inside it, planned for their values."""
        begin(self._connection)
        if not self._plans_for_values:
            command(self._connection, _PLAN_FOR_VALUES)
            self._plans_for_values = True
        return self._connection

    @property
    def by_key(self) -> StoreConnection:
        """The connection as it is, for statements by key; in a transaction if one was begun."""
        return self._connection

    def begin(self) -> None:
        """Open the transaction, so that a write that would commit itself is part of it."""
        begin(self._connection)

    def lock_conditions(self, keys: Sequence[str]) -> None:
        """Take the locks of conditional requests, so that equal conditions run one by one.

        Args:
            keys: type and normalised query of each condition.
        """
        begin(self._connection)
        numbers = {
            int.from_bytes(
                hashlib.blake2b(key.encode(), digest_size=8).digest(), "big", signed=True
            )
            for key in keys
        }
        for number in sorted(numbers):
            run(self._connection, _ADVISORY, {"key": binary.int8(number)})

    def lock(
        self, targets: Sequence[tuple[str, str]]
    ) -> dict[tuple[str, str], StoredResource | None]:
        """Lock resources by type and id and return their current versions.

        Returns:
            For each target its version, without a body if it is deleted; None if there is none.
        """
        identities = {
            target: (self._definitions.type_id(target[0]), target[1]) for target in targets
        }
        self._rows.lock_with_body(list(identities.values()))
        found: dict[tuple[str, str], StoredResource | None] = dict.fromkeys(identities)
        for target, identity in identities.items():
            current = self._rows.current(identity)
            if current is not None and current.state is not State.ABSENT:
                found[target] = as_stored(target[0], current)
        return found

    def apply(
        self,
        changes: Sequence[Change],
        audit: AuditRow | Sequence[AuditRow],
        integrity: Integrity = "enforce",
        *,
        alone: bool = False,
    ) -> list[Written]:
        """Write changes, each of another resource.

        Args:
            changes: at most one of each resource.
            audit: one for all, or one for each change.
            integrity: whether what the content refers to must be stored here and live, or
                warnings say so.
            alone: nothing else happens in this session; a write without locks then commits
                itself.

        Returns:
            What became of each change, in their order.

        Raises:
            PreconditionFailedError: a condition of a change does not hold.
            ConflictError: a reference to nothing, naming path and target; or a delete of
                something that is referred to, naming the referrers.
        """
        self._references.conceal = self.conceal
        changes = list(map(self._up_to_date, changes))
        defining = [each for each in changes if each.type == DEFINING_TYPE]
        identities = [(self._definitions.type_id(each.type), each.id) for each in changes]
        if len(set(identities)) < len(changes):
            raise ValueError("two changes of one resource in one write")
        if defining or not alone or any(each.upload for each in changes):
            begin(self._connection)
        self._rows.lock_changed(identities, changes, cautious=self._cautious)
        currents = [self._rows.current(identity) for identity in identities]
        for change, current in zip(changes, currents, strict=True):
            check_preconditions(change, current)
        keys = list(map(self._keys, changes, currents))
        rids, targets = self._resolve(identities, keys, changes, integrity)
        planner = Planner(rids, self._database.clock())
        steps = list(map(planner.step, changes, identities, keys, currents))
        written = list(map(_written, changes, steps, currents))
        done = [step for step in steps if step is not None]
        if not self._write(done, targets, _audited(audit, identities, written), integrity):
            self._references.explain(targets, changes)
        self._rows.forget(identities)
        self._keep_contents(changes, written)
        self.made += [step.stored for step in done]
        if defining:
            register(self._connection, self._definitions.specification, defining)
            self._definitions = self._database.registry.renew(self._connection)
        deleted = [step for step in done if step.state is State.DELETED]
        if deleted and integrity == "enforce":
            refuse_referenced(self._references, deleted)
        if integrity == "warn":
            written = with_warnings(self._references, changes, written, targets, deleted)
            self._dangling += sum(len(each.issues) for each in written)
        return written

    def commit(self) -> None:
        """Commit what has been written, and remember the row ids that this session saw."""
        if self._connection.pgconn.transaction_status == pq.TransactionStatus.INTRANS:
            command(self._connection, b"COMMIT")
        if self._dangling:
            self._database.on_dangling(self._dangling)
        self._database.identities.remember(self._learnt)

    def roll_back(self) -> None:
        """Undo everything; safe on a broken connection."""
        if self._connection.pgconn.transaction_status in (
            pq.TransactionStatus.INTRANS,
            pq.TransactionStatus.INERROR,
        ):
            command(self._connection, b"ROLLBACK")

    def _keep_contents(self, changes: Sequence[Change], written: Sequence[Written]) -> None:
        for change, each in zip(changes, written, strict=True):
            if change.upload is not None:
                stored = each.stored
                keep_content(self._connection, change.upload, stored.rid, stored.version)

    def _up_to_date(self, change: Change) -> Change:
        """Extract the index rows again where they lack search parameters that are in force."""
        rows = change.rows
        if change.content is None or rows is None or rows.registry == self._definitions.registry:
            return change
        return replace(
            change,
            rows=extract(change.content, definitions=self._definitions, base_url=rows.base_url),
        )

    def _keys(self, change: Change, current: Current | None) -> PackedKeys:
        """Pack what the content is found by; what it contains gets row ids of its own."""
        if change.rows is None:
            return NO_KEYS
        keys = keys_of(change.rows, self._definitions)
        if not keys.contained:
            return keys
        before = NO_KEYS if current is None else unpack(current.keys)
        return numbered(
            keys, before, lambda count: self._database.rids.take(self._connection, count)
        )

    def _resolve(
        self,
        identities: Sequence[Identity],
        keys: Sequence[PackedKeys],
        changes: Sequence[Change],
        integrity: Integrity,
    ) -> tuple[dict[Identity, int], dict[Identity, int]]:
        """Find the row ids of everything that the old and new keys name.

        Returns:
            All of them; and those that only new content refers to and that must be live, for the
            database to confirm.
        """
        own = self._own_rids(identities, changes)
        named: set[Identity] = set()
        after: set[Identity] = set()
        told_of: set[Identity] = set()
        for identity, own_keys in zip(identities, keys, strict=True):
            current = self._rows.current(identity)
            known = unpack(current.keys).identities() if current is not None else set()
            named |= known | own_keys.identities()
            held, outlived = holding(own_keys, self._definitions.specification)
            after |= held - known
            told_of |= outlived - known
        if integrity == "enforce":
            refuse_stray(changes)
        after -= {each for each, change in zip(identities, changes, strict=True) if change.content}
        # A Provenance tells of what was written just now, even where its writer cannot read that.
        told_of -= {*identities, *self._made_here()}
        found = self._references.find(named - own.keys(), after | told_of, changes, integrity)
        return own | found, {each: found[each] for each in after if each in found}

    def _made_here(self) -> set[Identity]:
        return {(self._definitions.type_id(each.type), each.id) for each in self.made}

    def _own_rids(
        self, identities: Sequence[Identity], changes: Sequence[Change]
    ) -> dict[Identity, int]:
        own, fresh = {}, []
        for identity, change in zip(identities, changes, strict=True):
            current = self._rows.current(identity)
            if current is not None:
                own[identity] = current.rid
            elif change.content is not None:
                fresh.append(identity)
        rids = self._database.rids.take(self._connection, len(fresh))
        own.update(zip(fresh, rids, strict=True))
        self._learnt.update(own)
        return own

    def _write(
        self,
        steps: Sequence[Step],
        targets: dict[Identity, int],
        audited: Sequence[tuple[AuditRow, int, int, Written]],
        integrity: Integrity,
    ) -> bool:
        """Write everything in one statement; False if a target was not there, and nothing was."""
        if self._plans_for_values:
            command(self._connection, _KEEP_PLANS)
            self._plans_for_values = False
        connection = self._connection
        fresh = [step for step in steps if step.fresh]
        changed = [step for step in steps if not step.fresh]
        gone = index_rows(step.removed for step in steps)
        new = index_rows(step.added for step in steps)
        wanted = write_statement(
            targets=bool(targets),
            live=integrity == "enforce",
            fresh=bool(fresh),
            changed=bool(changed),
            gone=frozenset(gone),
            new=frozenset(new),
        )
        arguments: Arguments = {
            "extractor": binary.int2(extractor_of(self._definitions)),
            "registry": binary.int8(self._definitions.registry),
            "target": target_argument(connection, targets) if targets else None,
            "fresh": resource_argument(connection, fresh) if fresh else None,
            "changed": resource_argument(connection, changed) if changed else None,
            "audit": audit_argument(connection, audited),
            **index_arguments(connection, "gone", gone),
            **index_arguments(connection, "new", new),
        }
        return confirm(self._database.registry, connection, run(connection, wanted, arguments))


def _written(change: Change, step: Step | None, current: Current | None) -> Written:
    if step is not None:
        return Written(step.stored, created=step.created, changed=True)
    if current is None or current.state is State.ABSENT:
        nothing = StoredResource(0, change.type, change.id, 0, 0, change.method, None)
        return Written(nothing, created=False, changed=False)
    return Written(as_stored(change.type, current), created=False, changed=False)


def _audited(
    audit: AuditRow | Sequence[AuditRow],
    identities: Sequence[Identity],
    written: Sequence[Written],
) -> list[tuple[AuditRow, int, int, Written]]:
    rows = [audit] * len(written) if isinstance(audit, AuditRow) else audit
    return [
        (row, tid, 201 if each.created else 200, each)
        for row, (tid, _), each in zip(rows, identities, written, strict=True)
    ]
