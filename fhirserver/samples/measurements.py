"""Vital signs and laboratory series, shifted by what the patient lives with."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from fhirserver.model.json import JsonObject
from fhirserver.samples.chance import instant
from fhirserver.samples.codes import HL7, LOINC, concept, quantity, reference
from fhirserver.samples.person import Person


@dataclass(frozen=True, slots=True)
class Measure:
    """One thing that is measured again and again.

    Attributes:
        code: LOINC code.
        text: what it is called.
        unit: UCUM unit.
        mean, deviation, low, high, step: the distribution of its values and their precision.
        shift: by condition, what is added to the mean.
    """

    code: str
    text: str
    unit: str
    mean: float
    deviation: float
    low: float
    high: float
    step: str
    shift: dict[str, float]


VITALS = (
    Measure("8867-4", "Heart rate", "/min", 74, 10, 42, 160, "1", {"fibrillation": 14}),
    Measure("9279-1", "Respiratory rate", "/min", 15, 2, 8, 34, "1", {"lung": 4, "asthma": 2}),
    Measure("8310-5", "Body temperature", "Cel", 36.8, 0.3, 35, 40.5, "0.1", {}),
    Measure("2708-6", "Oxygen saturation", "%", 97.5, 1, 80, 100, "1", {"lung": -5}),
)
SYSTOLIC = Measure(
    "8480-6", "Systolic pressure", "mm[Hg]", 121, 9, 80, 220, "1", {"hypertension": 21}
)
DIASTOLIC = Measure(
    "8462-4", "Diastolic pressure", "mm[Hg]", 77, 6, 40, 130, "1", {"hypertension": 11}
)
LABORATORY = (
    Measure("2345-7", "Glucose", "mg/dL", 94, 9, 50, 400, "1", {"diabetes": 62}),
    Measure("4548-4", "Haemoglobin A1c", "%", 5.4, 0.3, 4, 14, "0.1", {"diabetes": 2.1}),
    Measure("2160-0", "Creatinine", "mg/dL", 0.9, 0.15, 0.3, 8, "0.01", {"hypertension": 0.2}),
    Measure("2951-2", "Sodium", "mmol/L", 140, 2, 120, 160, "1", {}),
    Measure("2823-3", "Potassium", "mmol/L", 4.2, 0.3, 2.5, 7, "0.1", {}),
    Measure("718-7", "Haemoglobin", "g/dL", 13.9, 1.1, 6, 19, "0.1", {}),
    Measure("2093-3", "Cholesterol", "mg/dL", 182, 24, 90, 400, "1", {"lipids": 52}),
    Measure("18262-6", "LDL cholesterol", "mg/dL", 104, 20, 30, 300, "1", {"lipids": 46}),
)


def add_vitals(person: Person, encounter: JsonObject, at: datetime) -> None:
    """Add one round of vital signs, blood pressure as a panel of two components."""
    for measure in VITALS:
        _add(person, encounter, at, "vital-signs", measure)
    person.add(
        "Observation",
        **_common(person, encounter, at, "vital-signs"),
        code=concept(LOINC, "85354-9", "Blood pressure"),
        component=[
            {"code": concept(LOINC, part.code, part.text), "valueQuantity": _draw(person, part)}
            for part in (SYSTOLIC, DIASTOLIC)
        ],
    )


def add_laboratory(person: Person, encounter: JsonObject, at: datetime) -> None:
    """Add one blood count and chemistry with the report that holds them."""
    results = [_add(person, encounter, at, "laboratory", measure) for measure in LABORATORY]
    person.add(
        "DiagnosticReport",
        status="final",
        category=[concept(f"{HL7}v2-0074", "LAB")],
        code=concept(LOINC, "24323-8", "Chemistry panel"),
        subject=person.subject,
        encounter=reference(encounter),
        effectiveDateTime=instant(at),
        issued=instant(at),
        performer=[reference(person.clinic.organization)],
        result=[reference(result) for result in results],
    )


def _add(
    person: Person, encounter: JsonObject, at: datetime, category: str, measure: Measure
) -> JsonObject:
    return person.add(
        "Observation",
        **_common(person, encounter, at, category),
        code=concept(LOINC, measure.code, measure.text),
        valueQuantity=_draw(person, measure),
    )


def _common(person: Person, encounter: JsonObject, at: datetime, category: str) -> JsonObject:
    return {
        "status": "final",
        "category": [concept(f"{HL7}observation-category", category)],
        "subject": person.subject,
        "encounter": reference(encounter),
        "effectiveDateTime": instant(at),
    }


def _draw(person: Person, measure: Measure) -> JsonObject:
    mean = measure.mean + sum(measure.shift.get(key, 0) for key in person.conditions)
    value: Decimal = person.chance.number(
        mean, measure.deviation, measure.low, measure.high, measure.step
    )
    return quantity(value, measure.unit)
