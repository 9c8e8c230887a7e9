"""Which search parameters of one's own there are, in step with the SearchParameter resources.

Every (type, code) of an active SearchParameter has a row with a number of its own; a changed
definition is a new row with a new number, so rows of the old one never answer for it.

    waiting    defined; writers index it from now on, searches are refused
    indexing   resources of before are being indexed
    active     all are; searches take it
    retired    gone for searches and writers; its number is not used again yet
    removing   its rows are being taken away; then the row goes

Every change raises the version in the same transaction. A write commits only with rows made under
the version in force (`known` in write_sql), and a search that uses more than R4's own parameters
looks at the version first: nobody has to be told, and no two processes have to agree on a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from psycopg import pq

from fhirserver.definitions import FIRST_OWN, LAST_OWN, Definitions
from fhirserver.errors import Issue, UnprocessableError
from fhirserver.model.json import JsonObject, write_json
from fhirserver.search.own_parameters import Own, read_own
from fhirserver.store import binary
from fhirserver.store.statement import StoreConnection, run, statement
from fhirserver.store.write_plan import Change

DEFINING_TYPE = "SearchParameter"

_VERSION = statement("SELECT coalesce((SELECT version FROM search_registry), 0)")
_LOAD = """
SELECT coalesce((SELECT version FROM search_registry), 0), sp, base, code, id, entry, state
FROM (SELECT 1) one LEFT JOIN search_parameter ON state IN ('waiting', 'indexing', 'active')
"""
_LOCK = """
INSERT INTO search_registry AS r (version) VALUES (nextval('search_registry_versions'))
ON CONFLICT (one) DO UPDATE SET version = r.version
"""
RAISE = "UPDATE search_registry SET version = nextval('search_registry_versions')"
_OF_RESOURCE = """
SELECT sp, base, code, entry FROM search_parameter
WHERE id = %s AND state IN ('waiting', 'indexing', 'active')
"""
_RETIRE = """
UPDATE search_parameter SET state = 'retired', since = clock_timestamp(), horizon = NULL,
    after = '', done = 0, total = 0
WHERE sp = ANY (%s)
"""
_TAKEN = """
SELECT p.base, p.code, p.id FROM unnest(%s::text[], %s::text[]) wanted (base, code)
JOIN search_parameter p ON p.base = wanted.base AND p.code = wanted.code
WHERE p.state IN ('waiting', 'indexing', 'active')
"""
_FREE = """
SELECT n FROM generate_series(%s::int, %s::int) n
WHERE NOT EXISTS (SELECT FROM search_parameter WHERE sp = n) ORDER BY n LIMIT %s
"""
_ADD = """
INSERT INTO search_parameter (sp, base, code, id, entry)
SELECT sp, base, code, id, entry::jsonb
FROM unnest(%s::smallint[], %s::text[], %s::text[], %s::text[], %s::text[])
    made (sp, base, code, id, entry)
"""
_STATUS = """
SELECT id, base, code, state, done, total FROM search_parameter
WHERE id = %(id)s OR %(id)s::text IS NULL ORDER BY id, base, code, sp
"""


class StaleRegistryError(Exception):
    """Index rows were made with search parameters that are not in force; make them again."""


@dataclass(slots=True)
class Registry:
    """The definitions as one process last saw them; shared by its threads.

    Attributes:
        definitions: R4's with those of one's own.
    """

    definitions: Definitions

    def renew(self, connection: StoreConnection) -> Definitions:
        """Look whether the search parameters have changed, and give those that are in force."""
        held = self.definitions
        version = binary.read_int8(run(connection, _VERSION, {}).get_value(0, 0))
        if version != held.registry:
            held = self.definitions = _load(connection, held.specification)
        return held


def confirm(registry: Registry, connection: StoreConnection, result: pq.abc.PGresult) -> bool:
    """Read the answer of a statement that writes index rows.

    Returns:
        False if a target was not there, and nothing was written.

    Raises:
        StaleRegistryError: nothing was written; the registry has been renewed.
    """
    if result.get_value(0, 1) != binary.boolean(True):
        registry.renew(connection)
        raise StaleRegistryError
    return result.get_value(0, 0) == binary.boolean(True)


@dataclass(frozen=True, slots=True)
class ParameterStatus:
    """How far a parameter of one's own is.

    Attributes:
        id: of the SearchParameter; "" for one of R4's.
        base, code: type, and name in a query.
        state: see above.
        percent: of the resources of the type that the present pass is through with; for one of
            R4's, of all resources.
    """

    id: str
    base: str
    code: str
    state: str
    percent: int


def read_status(connection: StoreConnection, id: str | None = None) -> list[ParameterStatus]:
    """List the parameters of a SearchParameter, or all."""
    rows = connection.execute(_STATUS, {"id": id}).fetchall()
    return [
        ParameterStatus(id, base, code, state, _percent(state, done, total))
        for id, base, code, state, done, total in rows
    ]


def _percent(state: str, done: int, total: int) -> int:
    if state == "active":
        return 100
    return min(99, 100 * done // total) if total else 0


def register(
    connection: StoreConnection, definitions: Definitions, changes: Sequence[Change]
) -> None:
    """Bring the registry in step with SearchParameter resources that this transaction writes.

    Args:
        connection: in the transaction, the resources' rows locked.
        definitions: the R4 specification.
        changes: of SearchParameter resources.

    Raises:
        UnprocessableError: what a resource defines cannot be, or is another one's already.
    """
    wanted = {change.id: _wanted(change, definitions) for change in changes}
    lock_registry(connection)
    missing: list[tuple[str, Own]] = []
    retired: list[int] = []
    for id, owns in wanted.items():
        rows = connection.execute(_OF_RESOURCE, (id,)).fetchall()
        there = {sp: Own(*definition) for sp, *definition in rows}
        retired += [sp for sp, own in there.items() if own not in owns]
        missing += [(id, own) for own in owns if own not in there.values()]
    if not missing and not retired:
        return
    connection.execute(_RETIRE, (retired,))
    _add(connection, missing)
    connection.execute(RAISE)


def lock_registry(connection: StoreConnection) -> None:
    """Keep others from changing the registry until the transaction ends."""
    connection.execute(_LOCK)


def _wanted(change: Change, definitions: Definitions) -> tuple[Own, ...]:
    if change.content is None:
        return ()
    reading = read_own(change.content, definitions)
    errors = [issue for issue in reading.issues if issue.severity == "error"]
    if errors:
        raise UnprocessableError(errors[0].diagnostics, issues=errors)
    return reading.parameters


def _add(connection: StoreConnection, missing: Sequence[tuple[str, Own]]) -> None:
    free = connection.execute(_FREE, (FIRST_OWN, LAST_OWN, len(missing))).fetchall()
    if len(free) < len(missing):
        raise _refusal(
            missing[len(free)][0],
            "base",
            f"{LAST_OWN - FIRST_OWN + 1} search parameters of one's own, counted per type, are "
            "the limit; delete others, or name fewer types",
        )
    bases, codes = [own.base for _, own in missing], [own.code for _, own in missing]
    rows = connection.execute(_TAKEN, (bases, codes)).fetchall()
    taken = {(base, code): id for base, code, id in rows}
    for id, own in missing:
        holder = taken.get((own.base, own.code))
        if holder is not None:
            _refuse_taken(id, own, holder)
        taken[own.base, own.code] = id
    ids, entries = [id for id, _ in missing], [write_json(own.entry) for _, own in missing]
    texts = [entry.decode() for entry in entries]
    connection.execute(_ADD, ([sp for (sp,) in free], bases, codes, ids, texts))


def _refuse_taken(id: str, own: Own, holder: str) -> NoReturn:
    raise _refusal(
        id,
        "code",
        f"{own.code!r} on {own.base} is defined by SearchParameter/{holder} already; choose "
        "another code, or change that",
    )


def _refusal(id: str, element: str, what: str) -> UnprocessableError:
    """Refuse a SearchParameter; it is named first, as whoever finds its entry of a Bundle needs."""
    diagnostics = f"SearchParameter/{id}, element {element}: {what}."
    place = (f"SearchParameter.{element}",)
    return UnprocessableError(
        diagnostics, issues=[Issue("error", "business-rule", diagnostics, place)]
    )


def _load(connection: StoreConnection, specification: Definitions) -> Definitions:
    added: dict[str, dict[str, JsonObject]] = {}
    version = 0
    rows: list[tuple[Any, ...]] = connection.execute(_LOAD).fetchall()
    for found, sp, base, code, id, entry, state in rows:
        version = found
        if sp is not None:
            pending = None if state == "active" else id
            added.setdefault(base, {})[code] = {"id": sp, **entry, "pending": pending}
    return specification.extended(version, added) if version else specification
