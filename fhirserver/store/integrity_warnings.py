"""Warnings instead of refusals: references to nothing that were stored all the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from fhirserver.errors import Issue
from fhirserver.model.stored import StoredResource
from fhirserver.store.identities import Identity
from fhirserver.store.references import References, dangling
from fhirserver.store.referrers import find_referrers
from fhirserver.store.write_plan import Change, Step, Written

_ISSUES_MAX = 20


def with_warnings(
    references: References,
    changes: Sequence[Change],
    written: Sequence[Written],
    targets: Mapping[Identity, int],
    deleted: Sequence[Step],
) -> list[Written]:
    """Look at what was written, and say of each change what it left dangling.

    Args:
        references: of the transaction.
        changes: what was wanted.
        written: what became of them, in their order.
        targets: what only new content refers to.
        deleted: the steps that deleted something.
    """
    missing = references.not_live(targets) if targets else set()
    referrers = find_referrers(references, deleted) if deleted else {}
    return [
        replace(
            each,
            issues=(
                *dangling("warning", missing, change, references.database.definitions.type_id),
                *_referred_to(each.stored, referrers.get(each.stored.rid, ())),
            )[:_ISSUES_MAX],
        )
        for change, each in zip(changes, written, strict=True)
    ]


def _referred_to(gone: StoredResource, referrers: Sequence[str]) -> Iterator[Issue]:
    for referrer in referrers:
        yield Issue(
            "warning",
            "conflict",
            f"{referrer} refers to {gone.type}/{gone.id}, which is deleted now: delete or change "
            "that too.",
        )
