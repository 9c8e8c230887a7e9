"""Who refers to a resource that is being deleted."""

from __future__ import annotations

import functools
from collections.abc import Collection, Sequence

from fhirserver.definitions import Definitions
from fhirserver.errors import ConflictError, Issue
from fhirserver.search.conditions import Fragment
from fhirserver.store import binary
from fhirserver.store.identities import Identity
from fhirserver.store.outliving import outliving_parameter
from fhirserver.store.references import References
from fhirserver.store.schema import NOT_SEARCHED
from fhirserver.store.statement import StoreConnection, run
from fhirserver.store.write_plan import Step
from fhirserver.store.write_sql import REFERRERS


def refuse_referenced(references: References, deleted: Sequence[Step]) -> None:
    """Refuse deletes of what live resources refer to, after the deletes were written.

    Raises:
        ConflictError: one issue per referrer, at most ten of a deleted resource.
    """
    found = find_referrers(references, deleted)
    issues = [
        Issue(
            "error",
            "conflict",
            f"{referrer} refers to {step.stored.type}/{step.stored.id}: delete or change that "
            "first, or in the same transaction.",
        )
        for step in deleted
        for referrer in found.get(step.stored.rid, ())
    ]
    if issues:
        raise ConflictError(issues[0].diagnostics, issues=issues)


def find_referrers(references: References, deleted: Sequence[Step]) -> dict[int, list[str]]:
    """Look for live resources that refer to deleted ones.

    Args:
        references: of the transaction; they know what the caller may not.
        deleted: the steps that deleted something.

    Returns:
        By row id of a deleted resource what refers to it, e.g. "Observation/1"; ten at most.
    """
    connection, definitions = references.connection, references.database.definitions
    found: dict[int, list[Identity]] = {}
    for type in sorted({step.stored.type for step in deleted}):
        rids = [step.stored.rid for step in deleted if step.stored.type == type]
        arguments = {
            "rids": binary.int8_array(rids),
            "sps": binary.int2_array(reference_parameters(definitions.specification, type)),
        }
        result = run(connection, REFERRERS, arguments)
        for row in range(result.ntuples):
            rid, tid, id = (result.get_value(row, column) for column in range(3))
            assert id is not None
            referrer = binary.read_int2(tid), id.decode()
            found.setdefault(binary.read_int8(rid), []).append(referrer)
    every = {each for referrers in found.values() for each in referrers}
    hidden = references.conceal(connection, every) if every else set()
    return {rid: _named(referrers, hidden, definitions) for rid, referrers in found.items()}


def _named(
    referrers: Sequence[Identity], hidden: Collection[Identity], definitions: Definitions
) -> list[str]:
    """Name what refers to something, but for what the caller may not see."""
    names = (
        "Something that the caller may not see"
        if (tid, id) in hidden
        else f"{definitions.type_name(tid)}/{id}"
        for tid, id in referrers
    )
    return list(dict.fromkeys(names))


def is_referred_to(
    connection: StoreConnection, rid: int, sps: Sequence[int], condition: Fragment
) -> bool:
    """Whether a reference to a resource fulfils a condition.

    Args:
        connection: in any state.
        rid: row id of the resource.
        sps: numbers of the parameters whose rows are looked at.
        condition: on the row `f` of `ref`.
    """
    where = f"f.sp = ANY(%s::smallint[]) AND f.target = %s AND {condition.text}"
    text = f"SELECT TRUE FROM ref f WHERE {where} LIMIT 1"  # noqa: S608 - values are parameters
    row = connection.execute(text.encode(), (list(sps), rid, *condition.params)).fetchone()
    return row is not None


@functools.lru_cache(maxsize=512)
def reference_parameters(definitions: Definitions, type: str) -> tuple[int, ...]:
    """Return the search parameters whose rows may point to a type and hold it. Pure."""
    found = {NOT_SEARCHED}
    for source in definitions.resource_types:
        for parameter in definitions.search_parameters(source).values():
            anything = not parameter.targets or "Resource" in parameter.targets
            if parameter.type == "reference" and (anything or type in parameter.targets):
                found.add(parameter.rows_id)
    return tuple(sorted(found - {outliving_parameter(definitions)}))
