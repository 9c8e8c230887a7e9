"""The page `/launch`: an EHR in small, which launches applications with a patient and a visit.

Spec: https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html#launch-app-ehr-launch

    GET  /launch?name=Ann           patients that one may see
    GET  /launch?patient=23         the patient's visits and the applications that can be launched
    POST /launch                    keeps the context and leads to the application
"""

from __future__ import annotations

from flask import Blueprint, make_response, render_template, request
from werkzeug.wrappers import Response

from fhirserver.access import AuthContext
from fhirserver.console.audited import note
from fhirserver.console.caller import caller
from fhirserver.console.form_text import form_text
from fhirserver.console.names import name_of
from fhirserver.console.offices import launches, require
from fhirserver.console.signed_in import needs_session, services_here, session_here
from fhirserver.errors import FhirError, NotFoundError
from fhirserver.identity.broken_glass import may_break
from fhirserver.interactions.permit import permit
from fhirserver.model.json import JsonObject
from fhirserver.model.reference import is_id
from fhirserver.smart import clients
from fhirserver.smart.clients import Client
from fhirserver.smart.launch_context import check_context
from fhirserver.smart.launches import create, launch_address
from fhirserver.smart.pickers import Row, find_encounters, find_patients

LAUNCHER = Blueprint("launcher", __name__, url_prefix="/launch")
_NAME_MAX = 100


@LAUNCHER.get("")
@needs_session()
def index() -> str:
    """Choose a patient, then an application."""
    account = session_here().account
    require(holds=launches(account))
    patient = request.args.get("patient") or account.patient
    if patient:
        return _applications(patient, request.args.get("client", ""))
    name = request.args.get("name", "").strip()[:_NAME_MAX]
    rows = find_patients(services_here(), caller(), name)
    return render_template(
        "launch_patient.html",
        rows=rows,
        name=name,
        client=request.args.get("client", ""),
        breaks_glass=may_break(account, services_here().now()),
    )


@LAUNCHER.post("")
@needs_session()
def launch() -> Response:
    """Launch an application.

    Raises:
        NotFoundError: no such application, or none that can be launched.
        InvalidRequestError, ForbiddenError: the context cannot be, or is not for this person.
    """
    services, account = services_here(), session_here().account
    require(holds=launches(account))
    client = _launchable(form_text("client"))
    context = _context()
    note(client=client.id, patient=context.get("patient"))
    check_context(services, caller(), context)
    base = services.settings.public_url
    with services.database.connection() as connection:
        handle = create(connection, client.id, account.id, base, context, now_us=services.now())
    # A page of its own, as a form may be answered by no redirect to wherever applications are.
    place = launch_address(client, base, handle)
    return make_response(render_template("onward.html", place=place, title=client.name))


def _applications(patient: str, wanted: str) -> str:
    services, auth = services_here(), caller()
    found = [each for each in clients.list_all(services.database) if _can_launch(each)]
    return render_template(
        "launch.html",
        patient=patient,
        name=_patient_name(auth, patient),
        encounters=_encounters(auth, patient),
        apps=[each for each in found if wanted in ("", each.id)],
        client=wanted,
        own=session_here().account.patient == patient,
    )


def _context() -> JsonObject:
    said: JsonObject = {name: form_text(name) for name in ("patient", "encounter", "intent")}
    context = {name: value for name, value in said.items() if value}
    return context | {"need_patient_banner": "need_patient_banner" in request.form}


def _launchable(client_id: str) -> Client:
    client = clients.find(services_here().database, client_id)
    if client is None or not _can_launch(client):
        raise NotFoundError("No application of this id can be launched.", expression=("client",))
    return client


def _can_launch(client: Client) -> bool:
    return client.launch_url is not None and client.approved and not client.disabled


def _patient_name(auth: AuthContext, patient: str) -> str:
    """Name a patient who may be launched with.

    Raises:
        NotFoundError: no such patient, or not for this person.
    """
    permit(services_here(), auth, "read", "Patient", patient)
    reference = f"Patient/{patient}"
    name = name_of(reference) if is_id(patient) else reference
    if name == reference:
        raise NotFoundError("There is no such patient, or not for you.", expression=("patient",))
    return name


def _encounters(auth: AuthContext, patient: str) -> list[Row]:
    try:
        return find_encounters(services_here(), auth, patient)
    except FhirError:
        return []
