"""Encounters with what happens at them: measurements, procedures, vaccines, notes and claims."""

import base64
from datetime import datetime, timedelta
from decimal import Decimal

from fhirserver.model.json import JsonObject
from fhirserver.samples.chance import EPOCH, day, instant
from fhirserver.samples.codes import CVX, HL7, LOINC, SNOMED, coding, concept, reference
from fhirserver.samples.measurements import add_laboratory, add_vitals
from fhirserver.samples.person import Person

_NOTE = "Visit of {day}. Seen for {reason}. Findings as recorded; next visit as agreed."
_REASONS = (
    ("185349003", "a check-up"),
    ("308335008", "an outpatient visit"),
    ("390906007", "a follow-up"),
)
_PROCEDURES = (
    ("29303009", "Electrocardiogram"),
    ("127783003", "Spirometry"),
    ("399208008", "Chest X-ray"),
)


def add_visits(person: Person) -> None:
    """Add one visit or two for each year of record, laboratory tests at most of them."""
    at = person.chance.moment(person.since, person.since + timedelta(days=200))
    while at < EPOCH:
        _add_visit(person, at)
        gap = 170 if person.conditions else 330
        at = person.chance.moment(at + timedelta(days=gap), at + timedelta(days=gap + 120))


def _add_visit(person: Person, at: datetime) -> None:
    doctor = person.chance.choice(person.clinic.practitioners)
    code, reason = person.chance.choice(_REASONS)
    end = at + timedelta(minutes=person.chance.randrange(15, 60, 5))
    encounter = person.add(
        "Encounter",
        status="finished",
        **{"class": coding(f"{HL7}v3-ActCode", "AMB")},
        type=[concept(SNOMED, code, reason)],
        subject=person.subject,
        participant=[{"individual": reference(doctor)}],
        period={"start": instant(at), "end": instant(end)},
        location=[{"location": reference(person.clinic.locations[0])}],
        serviceProvider=reference(person.clinic.organization),
    )
    add_vitals(person, encounter, at)
    if person.chance.happens(0.6):
        add_laboratory(person, encounter, at)
    if person.chance.happens(0.35):
        _add_vaccine(person, encounter, at)
    if person.chance.happens(0.2):
        _add_procedure(person, encounter, at)
    _add_note(person, encounter, at, reason, doctor)
    _add_claim(person, encounter, at, code, doctor)


def _add_vaccine(person: Person, encounter: JsonObject, at: datetime) -> None:
    code, text = person.chance.choice(
        (("140", "Influenza vaccine"), ("115", "Tdap vaccine"), ("33", "Pneumococcal vaccine"))
    )
    person.add(
        "Immunization",
        status="completed",
        vaccineCode=concept(CVX, code, text),
        patient=person.subject,
        encounter=reference(encounter),
        occurrenceDateTime=instant(at),
        primarySource=True,
    )


def _add_procedure(person: Person, encounter: JsonObject, at: datetime) -> None:
    code, text = person.chance.choice(
        (
            ("29303009", "Electrocardiogram"),
            ("127783003", "Spirometry"),
            ("399208008", "Chest X-ray"),
        )
    )
    person.add(
        "Procedure",
        status="completed",
        code=concept(SNOMED, code, text),
        subject=person.subject,
        encounter=reference(encounter),
        performedPeriod={"start": instant(at), "end": instant(at + timedelta(minutes=20))},
    )


def _add_note(
    person: Person, encounter: JsonObject, at: datetime, reason: str, doctor: JsonObject
) -> None:
    text = _NOTE.format(day=day(at), reason=reason)
    person.add(
        "DocumentReference",
        status="current",
        type=concept(LOINC, "34133-9", "Visit summary"),
        subject=person.subject,
        date=instant(at),
        author=[reference(doctor)],
        content=[
            {
                "attachment": {
                    "contentType": "text/plain; charset=utf-8",
                    "data": base64.b64encode(text.encode()).decode(),
                    "title": "Visit summary",
                }
            }
        ],
        context={"encounter": [reference(encounter)]},
    )


def _add_claim(
    person: Person, encounter: JsonObject, at: datetime, code: str, doctor: JsonObject
) -> None:
    amount = {"value": person.chance.number(140, 40, 40, 600, "0.01"), "currency": "USD"}
    coverage = [{"sequence": 1, "focal": True, "coverage": {"display": "Common Shield"}}]
    shared: JsonObject = {
        "status": "active",
        "type": concept(f"{HL7}claim-type", "professional"),
        "use": "claim",
        "patient": person.subject,
        "created": instant(at + timedelta(days=1)),
    }
    claim = person.add(
        "Claim",
        **shared,
        provider=reference(doctor),
        priority=concept(f"{HL7}processpriority", "normal"),
        insurance=coverage,
        item=[
            {
                "sequence": 1,
                "productOrService": concept(SNOMED, code),
                "encounter": [reference(encounter)],
                "net": amount,
            }
        ],
        total=amount,
    )
    person.add(
        "ExplanationOfBenefit",
        **shared,
        insurer=reference(person.clinic.insurer),
        provider=reference(doctor),
        claim=reference(claim),
        outcome="complete",
        insurance=[{"focal": True, "coverage": {"display": "Common Shield"}}],
        total=[
            {"category": concept(f"{HL7}adjudication", "submitted"), "amount": amount},
            {"category": concept(f"{HL7}adjudication", "benefit"), "amount": _share(amount)},
        ],
    )


def _share(amount: JsonObject) -> JsonObject:
    paid: Decimal = (amount["value"] * Decimal("0.8")).quantize(Decimal("0.01"))
    return {"value": paid, "currency": amount["currency"]}
