"""Accept work that outlasts its request: 202, and a resource that tells how it goes.

Spec: RFC 9110 section 15.3.3; Content-Location as in https://hl7.org/fhir/R4/async.html

The resource and the job are written in one transaction. Whoever does the job writes the resource's
next versions; whoever deletes the resource cancels the job.
"""

from fhirserver.access import AuthContext, keep_caller
from fhirserver.audit import audit_row
from fhirserver.errors import ConflictError, Issue, ThrottledError
from fhirserver.interactions.covered import refuse_foreign
from fhirserver.interactions.create import create_change
from fhirserver.interactions.identity import new_id
from fhirserver.interactions.permit import permit
from fhirserver.interactions.prepare import prepare
from fhirserver.interactions.respond import preferred_body
from fhirserver.interactions.types import Preference, Result, Services
from fhirserver.interactions.writing import apply_changes
from fhirserver.model.json import JsonObject
from fhirserver.store.job_rows import add_job, count_jobs, unended_job
from fhirserver.store.write import WriteSession, Written, run_write

TEST_RUN = "test-run"
"""Jobs of `TestScript/$run`. Parameters: report, the id of the TestReport; script, as JSON text, or
suite, a name."""
_RETRY_AFTER_S = 30


def accept(
    services: Services,
    auth: AuthContext,
    kind: str,
    parameters: JsonObject,
    resource: JsonObject,
    prefer: Preference | None,
) -> Result:
    """Store a resource that tells of a job, and the job.

    Args:
        services: `job_limit` says how many jobs one caller may have.
        auth: the caller; the job writes in its name.
        kind: of the job.
        parameters: what the job needs to know; the resource's id is added as "report". A
            "subject" names what the job works on where only one job at a time may.
        resource: as it is while the job waits, without id.
        prefer: body wanted; None gives the resource.

    Returns:
        202, and where to follow it.

    Raises:
        ThrottledError: the caller has too many jobs already.
        ForbiddenError: the caller may not create the resource.
        ConflictError: a job of that subject waits or runs, or the resource refers to nothing.
    """
    type_ = resource["resourceType"]
    decision = permit(services, auth, "create", type_)
    prepared = prepare(
        services.definitions,
        services.settings.public_url,
        type_,
        new_id(services.now()),
        resource,
    )
    refuse_foreign(services, auth, decision, prepared.content, prepared.rows, f"The new {type_}")
    change = create_change(prepared)
    row = audit_row(auth, "create")
    told = {**parameters, "report": change.id}
    subject = parameters.get("subject")

    def attempt(session: WriteSession) -> Written:
        if subject is not None:
            session.lock_conditions([f"{kind} of {subject}"])
            _refuse_second(unended_job(session.connection, kind, subject), type_, subject)
        refuse_more(services, session, auth)
        written = apply_changes(services, auth, session, [change], row)[0]
        add_job(session.connection, kind, told, keep_caller(auth), written.stored.rid)
        return written

    stored = run_write(services.database, attempt).stored
    place = f"{services.settings.public_url}/{type_}/{stored.id}"
    issue = Issue(
        "information",
        "informational",
        f"Accepted: {type_}/{stored.id} tells how it goes; delete that to cancel.",
    )
    return Result(202, body=preferred_body(stored, prefer, [issue]), follow=place)


def _refuse_second(report: str | None, type_: str, subject: str) -> None:
    if report is not None:
        raise ConflictError(
            f"{subject} waits or runs already: {type_}/{report} tells how it goes; come back when "
            "it has ended, or delete that to cancel."
        )


def refuse_more(services: Services, session: WriteSession, auth: AuthContext) -> None:
    """Keep a caller from having more jobs than it may.

    Args:
        services: `job_limit` says how many.
        session: in which the next one is added.
        auth: the caller.

    Raises:
        ThrottledError: it has as many as it may.
    """
    session.lock_conditions([f"jobs of {auth.actor}"])
    jobs = count_jobs(session.connection, auth.actor)
    limit = services.settings.job_limit
    if jobs >= limit:
        raise ThrottledError(
            f"{jobs} jobs of this caller wait or run, and {limit} may; come back when one has "
            "ended, or delete what tells of one.",
            headers=(("Retry-After", str(_RETRY_AFTER_S)),),
        )
