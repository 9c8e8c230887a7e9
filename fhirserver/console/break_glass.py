"""The pages of access in an emergency.

GET, POST  /break-glass?patient=23     reach a patient whom one has no relation with, for an hour
GET        /admin/break-glass          what waits for review; for auditors and administrators
POST       /admin/break-glass/NUMBER   reviewed
"""

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from fhirserver.audit import record_refusal
from fhirserver.console.caller import caller
from fhirserver.console.moment import moment
from fhirserver.console.offices import require, reviews
from fhirserver.console.signed_in import needs_session, services_here, session_here
from fhirserver.errors import FhirError, InvalidRequestError
from fhirserver.identity import broken_glass
from fhirserver.model.reference import is_id

BREAK_GLASS = Blueprint("break_glass", __name__)
_VERDICTS = ("justified", "unjustified")


@BREAK_GLASS.route("/break-glass", methods=["GET", "POST"])
@needs_session(step_up=True)
def ask() -> Response:
    """Ask for the patient and the reason, and let through."""
    services, account = services_here(), session_here().account
    patient = request.values.get("patient", "")
    error = None
    if request.method == "POST":
        reason = request.form.get("reason", "")
        try:
            broken_glass.break_glass(services, account, caller(), patient, reason)
        except FhirError as refusal:
            error = refusal
            place = ("Patient", patient if is_id(patient) else None)
            record_refusal(services.database, caller(), "break-glass", place, refusal)
        else:
            return redirect(url_for(".ask"), 303)
    with services.database.connection() as connection:
        mine = broken_glass.in_force(connection, account.id, services.now())
    page = render_template(
        "break_glass.html",
        error=error,
        typing=True,
        patient=patient,
        reason=request.form.get("reason", ""),
        mine=mine,
        moment=moment,
        may=broken_glass.may_break(account, services.now()),
    )
    answer = make_response(page)
    answer.status_code = 200 if error is None else error.status
    return answer


@BREAK_GLASS.get("/admin/break-glass")
@needs_session(step_up=True)
def queue() -> str:
    """Show what waits for review."""
    require(holds=reviews(session_here().account))
    with services_here().database.connection() as connection:
        waiting = broken_glass.waiting_for_review(connection)
    own = session_here().account.id
    return render_template("break_glass_queue.html", waiting=waiting, own=own, moment=moment)


@BREAK_GLASS.post("/admin/break-glass/<int:number>")
@needs_session(step_up=True)
def reviewed(number: int) -> Response:
    """Take a verdict."""
    require(holds=reviews(session_here().account))
    verdict = request.form.get("verdict", "")
    if verdict not in _VERDICTS:
        raise InvalidRequestError(
            f"Say whether it was right: {' or '.join(_VERDICTS)}.", expression=("verdict",)
        )
    broken_glass.review(
        services_here(),
        session_here().account,
        caller(),
        number,
        justified=verdict == "justified",
        remark=request.form.get("remark", ""),
    )
    return redirect(url_for(".queue"), 303)
