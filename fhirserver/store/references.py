"""The stored resources that new content refers to: found, confirmed, or named as missing.

An identity that nothing has been stored under yet gets an absent row unless that is refused, so
that the index rows that point to it, and the compartment of a patient who arrives later, need no
change then.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from psycopg import pq

from fhirserver.errors import ConflictError, Issue, Severity
from fhirserver.store import binary
from fhirserver.store.concealed import Conceal, nothing_concealed
from fhirserver.store.database import Database
from fhirserver.store.identities import Identity
from fhirserver.store.schema import State
from fhirserver.store.statement import StoreConnection, run
from fhirserver.store.write_plan import Change
from fhirserver.store.write_sql import PLACEHOLDERS, RESOLVE

Integrity = Literal["enforce", "warn", "off"]
"""What a reference to nothing does: it is refused, named, or stored in silence."""
_ISSUES_MAX = 20


class StaleIdentityError(Exception):
    """What this process remembers of row ids no longer holds; forget it and try again."""


@dataclass(slots=True)
class References:
    """Looks up identities over one connection.

    Attributes:
        learnt: receives row ids to remember once the transaction has committed.
        conceal: what it conceals from the caller counts as not stored, to whoever refers to it.
    """

    database: Database
    connection: StoreConnection
    learnt: dict[Identity, int]
    conceal: Conceal = nothing_concealed

    def find(
        self,
        identities: Collection[Identity],
        added: Collection[Identity],
        changes: Sequence[Change],
        integrity: Integrity,
    ) -> dict[Identity, int]:
        """Return the row ids of identities, making absent rows unless integrity is enforced.

        Args:
            identities: all that old and new content name.
            added: those that only new content names, that the caller must see and that the same
                write does not store; an error tells of them too.
            changes: what is wanted.
            integrity: what becomes of those that have no row.

        Raises:
            ConflictError: integrity is enforced and there is no row for some.
        """
        if added and integrity == "enforce" and self.conceal(self.connection, added):
            raise self._dangling(self.not_live(added), changes)
        found = self.database.identities.find(identities)
        missing = [each for each in identities if each not in found]
        if missing:
            found |= self._look_up(missing)
            missing = [each for each in missing if each not in found]
        if missing and integrity == "enforce":
            raise self._dangling(self.not_live(added) | set(missing), changes)
        if missing:
            self._make_absent(missing)
            found |= self._look_up(missing)
        return found

    def explain(self, targets: dict[Identity, int], changes: Sequence[Change]) -> None:
        """Say why the database did not confirm `targets`.

        Raises:
            ConflictError: some are deleted or were never stored.
            StaleIdentityError: a remembered row id was wrong, or it changed meanwhile.
        """
        now = self._look_up(list(targets))
        dead = self.not_live(targets)
        if now == targets and dead:
            raise self._dangling(dead, changes)
        raise StaleIdentityError

    def not_live(self, identities: Collection[Identity]) -> set[Identity]:
        """Return those of the identities under which nothing is stored that the caller may see."""
        rows = _look_up(self.connection, list(identities))
        dead = {each for each in identities if rows.get(each, (0, 0))[1] != State.LIVE}
        return dead | self.conceal(self.connection, identities)

    def _look_up(self, identities: Sequence[Identity]) -> dict[Identity, int]:
        found = {each: rid for each, (rid, _) in _look_up(self.connection, identities).items()}
        self.learnt.update(found)
        return found

    def _make_absent(self, identities: Iterable[Identity]) -> None:
        ordered = sorted(identities)
        rids = self.database.rids.take(self.connection, len(ordered))
        arguments = {**identity_arguments(ordered), "rids": binary.int8_array(rids)}
        run(self.connection, PLACEHOLDERS, arguments)

    def _dangling(self, missing: set[Identity], changes: Sequence[Change]) -> ConflictError:
        type_id = self.database.definitions.type_id
        issues = [
            issue for change in changes for issue in dangling("error", missing, change, type_id)
        ][:_ISSUES_MAX]
        first = issues[0].diagnostics if issues else "A patient referred to is not stored here."
        return ConflictError(first, issues=issues)


def identity_arguments(identities: Sequence[Identity]) -> dict[str, bytes | None]:
    """Pack identities as the parameters `tids` and `ids`."""
    return {
        "tids": binary.int2_array([tid for tid, _ in identities]),
        "ids": binary.text_array([id for _, id in identities]),
    }


def dangling(
    severity: Severity, missing: set[Identity], change: Change, type_id: Callable[[str], int]
) -> Iterator[Issue]:
    """Name every reference of a change to one of `missing`, and those that lead astray. Pure."""
    for each in change.rows.references if change.rows is not None else ():
        if (type_id(each.type), each.id) in missing:
            yield Issue(
                severity,
                "not-found",
                f"{change.type}/{change.id} refers to {each.type}/{each.id}, which is not stored "
                "here: store that first, in the same transaction, or correct the reference.",
                (each.path,),
            )
    yield from _stray(severity, change)


def refuse_stray(changes: Sequence[Change]) -> None:
    """Refuse references below this server's base that are no resource's address. Pure.

    Raises:
        ConflictError: one issue for each.
    """
    issues = [issue for change in changes for issue in _stray("error", change)][:_ISSUES_MAX]
    if issues:
        raise ConflictError(issues[0].diagnostics, issues=issues)


def _stray(severity: Severity, change: Change) -> Iterator[Issue]:
    for each in change.rows.stray if change.rows is not None else ():
        yield Issue(
            severity,
            "not-found",
            f"{change.type}/{change.id} refers to {each.literal[:200]!r}, which is below this "
            "server's base and no address of a resource: write [base]/[type]/[id].",
            (each.path,),
        )


def _look_up(
    connection: StoreConnection, identities: Sequence[Identity]
) -> dict[Identity, tuple[int, int]]:
    """Return row id and state of the identities that have a row."""
    result: pq.abc.PGresult = run(connection, RESOLVE, identity_arguments(identities))
    found = {}
    for row in range(result.ntuples):
        tid, id, rid, state = (result.get_value(row, column) for column in range(4))
        assert id is not None
        found[binary.read_int2(tid), id.decode()] = (
            binary.read_int8(rid),
            binary.read_int2(state),
        )
    return found
