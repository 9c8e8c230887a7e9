"""What an application is told of where it is launched: read with the person's own rights.

Spec: https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html#launch-context-arrives-with-your-access_token

    patient, encounter     logical ids; the encounter is one of the patient
    fhirContext            [{reference | canonical | identifier, role}]
    need_patient_banner    whether the application has to show who the patient is
    intent, tenant         texts
"""

from __future__ import annotations

import re
from collections.abc import Callable

from fhirserver.access import AuthContext
from fhirserver.errors import FhirError, InvalidRequestError
from fhirserver.interactions import Services
from fhirserver.interactions.read import read
from fhirserver.model.json import JsonObject, JsonValue, parse_json
from fhirserver.model.reference import is_id, parse_reference

LAUNCH_ROLE = "launch"
_RELATIVE = re.compile(r"[A-Z][A-Za-z]+/[A-Za-z0-9\-.]{1,64}", re.ASCII)
_TEXT_MAX = 200


def check_context(services: Services, auth: AuthContext, context: JsonObject) -> None:
    """Refuse a context that cannot be, or that names what the person may not see.

    Args:
        services: what interactions work with.
        auth: the person, with the rights that a picker has.
        context: names as in a token response.

    Raises:
        InvalidRequestError: a name or a value that may not be; the encounter is another patient's.
        NotFoundError, GoneError, ForbiddenError: what it names is not there, or not for the person.
    """
    for name, value in context.items():
        fits = _FITS.get(name)
        if fits is None or not fits(value):
            raise InvalidRequestError(
                f"{name[:50]!r} is no part of a launch context, or its value cannot be one; "
                f"use {', '.join(_FITS)}.",
                expression=(name[:50],),
            )
    if "patient" in context:
        read(services, auth, "Patient", context["patient"])
    if "encounter" in context:
        check_encounter(services, auth, context.get("patient"), context["encounter"])


def check_encounter(
    services: Services, auth: AuthContext, patient: str | None, encounter: str
) -> None:
    """Refuse an encounter that is not one of the patient, or not for the person.

    Raises:
        InvalidRequestError: it is another patient's.
        NotFoundError, GoneError, ForbiddenError: not there, or not for the person.
    """
    body = read(services, auth, "Encounter", encounter).body
    subject = parse_json(body or b"{}").get("subject", {}).get("reference", "")
    whose = parse_reference(subject, services.settings.public_url)
    if patient is not None and (whose is None or (whose.type, whose.id) != ("Patient", patient)):
        raise InvalidRequestError(
            "The encounter is not one of this patient; choose one that is.",
            expression=("encounter",),
        )


def in_reach(check: Callable[[], object]) -> bool:
    """Whether a check holds."""
    try:
        check()
    except FhirError:
        return False
    return True


def _is_id(value: JsonValue) -> bool:
    return isinstance(value, str) and is_id(value)


def _is_text(value: JsonValue) -> bool:
    return isinstance(value, str) and 0 < len(value) <= _TEXT_MAX


def _are_items(value: JsonValue) -> bool:
    return isinstance(value, list) and all(map(_is_item, value))


def _is_item(value: JsonValue) -> bool:
    """Whether a value is an item of fhirContext: it names something, and nobody in context."""
    if not isinstance(value, dict) or not value.keys() & {"reference", "canonical", "identifier"}:
        return False
    role = value.get("role", LAUNCH_ROLE)
    if not _is_text(role):
        return False
    if "reference" not in value:
        return True
    reference = value["reference"]
    if not isinstance(reference, str) or _RELATIVE.fullmatch(reference) is None:
        return False
    return role != LAUNCH_ROLE or reference.split("/")[0] not in ("Patient", "Encounter")


_FITS: dict[str, Callable[[JsonValue], bool]] = {
    "patient": _is_id,
    "encounter": _is_id,
    "fhirContext": _are_items,
    "need_patient_banner": lambda value: isinstance(value, bool),
    "intent": _is_text,
    "tenant": _is_text,
}
