"""The pages of a request for authorization: which patient, which encounter, which scopes.

Spec: https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html

    GET, POST /authorize/ID/patient
    GET, POST /authorize/ID/encounter
    GET, POST /authorize/ID/consent

What is listed and what may be chosen is what the person's own search and read find.
"""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, redirect, request, url_for
from werkzeug.wrappers import Response

from fhirserver.console.audited import note
from fhirserver.console.authorize import end_with, end_with_grant
from fhirserver.console.signed_in import check_csrf
from fhirserver.console.under_way import UnderWay, open_request
from fhirserver.errors import FhirError
from fhirserver.interactions import Services
from fhirserver.interactions.read import read
from fhirserver.model.json import parse_json
from fhirserver.smart import authorizations
from fhirserver.smart.authorize import next_step
from fhirserver.smart.launch_context import check_encounter, in_reach
from fhirserver.smart.oauth_error import OAuthError
from fhirserver.smart.pickers import Row, find_encounters, find_patients, patient_words

_NAME_MAX = 100


def make_authorize_pages(services: Services) -> Blueprint:
    """Make the blueprint."""
    blueprint = Blueprint("authorize_pages", __name__, url_prefix="/authorize/<id_>")

    @blueprint.get("/<any(patient, encounter, consent):step>")
    def ask(id_: str, step: str) -> Response:
        return _ASK[step](services, open_request(services, id_))

    @blueprint.post("/<any(patient, encounter, consent):step>")
    def choose(id_: str, step: str) -> Response:
        here = open_request(services, id_)
        check_csrf()
        note(client=here.client.id, patient=here.pending.patient)
        return _CHOOSE[step](services, here)

    return blueprint


def _ask_for_patient(services: Services, here: UnderWay) -> Response:
    name = request.args.get("name", "").strip()[:_NAME_MAX]
    rows, trouble = _found(lambda: find_patients(services, here.person, name))
    return here.page("authorize_patient.html", rows=rows, name=name, trouble=trouble)


def _choose_patient(services: Services, here: UnderWay) -> Response:
    chosen = request.form.get("patient", "")
    if not in_reach(lambda: read(services, here.person, "Patient", chosen)):
        return _ask_for_patient(services, here)
    note(patient=chosen)
    with services.database.connection() as connection:
        authorizations.note_patient(connection, here.pending, chosen)
    return _back(here)


def _ask_for_encounter(services: Services, here: UnderWay) -> Response:
    whose = here.pending.patient
    rows, trouble = _found(lambda: find_encounters(services, here.person, whose))
    return here.page("authorize_encounter.html", rows=rows, trouble=trouble)


def _choose_encounter(services: Services, here: UnderWay) -> Response:
    chosen = request.form.get("encounter", "")
    whose = here.pending.patient
    if chosen and not in_reach(lambda: check_encounter(services, here.person, whose, chosen)):
        return _ask_for_encounter(services, here)
    with services.database.connection() as connection:
        authorizations.note_encounter(connection, here.pending, chosen or None)
    return _back(here)


def _back(here: UnderWay) -> Response:
    return redirect(url_for("authorize.go_on", id_=here.pending.id), 303)


def _found(find: Callable[[], list[Row]]) -> tuple[list[Row], str]:
    """Find rows; where that is refused, none and the reason."""
    try:
        return find(), ""
    except FhirError as error:
        return [], str(error)


def _patient(services: Services, here: UnderWay) -> str:
    """Name the patient in context; "" where there is none, or the person may not see it."""
    if here.pending.patient is None:
        return ""
    try:
        body = read(services, here.person, "Patient", here.pending.patient).body
    except FhirError:
        return ""
    return patient_words(parse_json(body or b"{}"))


def _ask_for_consent(services: Services, here: UnderWay) -> Response:
    if _is_early(here):
        return _back(here)
    return here.page("authorize_consent.html", patient=_patient(services, here))


def _decide(services: Services, here: UnderWay) -> Response:
    if _is_early(here):
        return _back(here)
    try:
        return _grant_chosen(services, here)
    except OAuthError as error:
        return end_with(services, here.pending, error)


def _is_early(here: UnderWay) -> bool:
    """Whether something else has to be chosen before somebody can consent."""
    return next_step(here.pending, here.offer, consented=False) != "consent"


def _grant_chosen(services: Services, here: UnderWay) -> Response:
    """Do what the form of the consent says.

    Raises:
        OAuthError: the person denies, or chose nothing.
    """
    chosen = here.offer.chosen(
        frozenset(request.form.getlist("scope")), refreshing="refreshing" in request.form
    )
    if request.form.get("decision") != "allow" or not chosen:
        raise OAuthError("access_denied", "the person did not allow it")
    return end_with_grant(services, here, chosen, chosen=True)


_ASK: dict[str, Callable[[Services, UnderWay], Response]] = {
    "patient": _ask_for_patient,
    "encounter": _ask_for_encounter,
    "consent": _ask_for_consent,
}
_CHOOSE: dict[str, Callable[[Services, UnderWay], Response]] = {
    "patient": _choose_patient,
    "encounter": _choose_encounter,
    "consent": _decide,
}
