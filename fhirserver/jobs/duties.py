"""The table of background duties.

A duty's step is short, idempotent and runs while the transaction of its lease is open. It says
whether more is waiting; then it runs again at once, otherwise after `every_s`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from psycopg import Connection

from fhirserver.config import Settings
from fhirserver.jobs.audit_partitions import make_audit_partitions
from fhirserver.jobs.audit_seals import AuditSeals
from fhirserver.jobs.expiry import Expiry
from fhirserver.jobs.outbox_numbers import number_outbox
from fhirserver.jobs.reindexing import OwnParameters, Reindexing
from fhirserver.jobs.unused_contents import forget_unused_contents
from fhirserver.store.job_answers import forget_ended
from fhirserver.store.kept_answers import forget_answers
from fhirserver.store.oauth_expiry import forget_oauth

_DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Duty:
    """Something that is done again and again.

    Attributes:
        name: of its lease.
        every_s: pause after a step that left nothing waiting.
        step: does a bounded piece of work, in the given connection's transaction or in one of
            its own; True if more is waiting.
    """

    name: str
    every_s: float
    step: Callable[[Connection[Any]], bool]


def make_duties(settings: Settings) -> tuple[Duty, ...]:
    """Give everything that is to be done."""
    return (
        Duty("outbox", 0.5, number_outbox),
        Duty("audit-seals", 1.0, AuditSeals(settings).step),
        Duty("audit-partitions", 6 * 3600.0, make_audit_partitions),
        Duty("async-answers", 60.0, Expiry(forget_ended, settings.async_result_ttl_s).step),
        Duty("idempotency", 60.0, Expiry(forget_answers, settings.idempotency_ttl_s).step),
        Duty("oauth", 600.0, Expiry(forget_oauth, _DAY_S).step),
        Duty("unused-contents", 3600.0, forget_unused_contents),
        Duty("reindex", 10.0, Reindexing(settings).step),
        Duty("search-parameters", 1.0, OwnParameters(settings).step),
    )
