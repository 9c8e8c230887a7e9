"""What sample patients live with, and what is done about it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from fhirserver.model.json import JsonObject
from fhirserver.samples.chance import EPOCH, instant
from fhirserver.samples.codes import HL7, RXNORM, SNOMED, concept, quantity, reference
from fhirserver.samples.person import Person


@dataclass(frozen=True, slots=True)
class Illness:
    """A long-lasting condition.

    Attributes:
        code: SNOMED CT code.
        text: what it is called.
        age: age in years from which it occurs.
        share: share of the patients of that age who have it.
        drug: RxNorm code of the usual medicine, and what it is called; None without one.
    """

    code: str
    text: str
    age: int
    share: float
    drug: tuple[str, str] | None


_LISINOPRIL = ("314076", "Lisinopril 10 mg tablet")
_METFORMIN = ("860975", "Metformin 500 mg tablet")
_ATORVASTATIN = ("617310", "Atorvastatin 20 mg tablet")
_SALBUTAMOL = ("745679", "Salbutamol inhaler")
_SERTRALINE = ("312941", "Sertraline 50 mg tablet")
_APIXABAN = ("1364445", "Apixaban 5 mg tablet")

CONDITIONS: dict[str, Illness] = {
    "hypertension": Illness("38341003", "High blood pressure", 40, 0.42, _LISINOPRIL),
    "diabetes": Illness("44054006", "Type 2 diabetes", 35, 0.16, _METFORMIN),
    "lipids": Illness("55822004", "Raised blood lipids", 40, 0.3, _ATORVASTATIN),
    "asthma": Illness("195967001", "Asthma", 4, 0.09, _SALBUTAMOL),
    "depression": Illness("35489007", "Depression", 16, 0.1, _SERTRALINE),
    "fibrillation": Illness("49436004", "Atrial fibrillation", 65, 0.12, _APIXABAN),
    "lung": Illness("13645005", "Chronic obstructive lung disease", 55, 0.08, None),
    "arthritis": Illness("396275006", "Osteoarthritis", 55, 0.25, None),
}  # fmt: skip


def add_conditions(person: Person) -> None:
    """Give the patient the conditions of their age, each with its usual medicine."""
    age_days = (EPOCH - person.born).days
    for key, illness in CONDITIONS.items():
        if age_days > illness.age * 365.25 and person.chance.happens(illness.share):
            person.conditions.append(key)
            _add_condition(person, illness)


def _add_condition(person: Person, illness: Illness) -> None:
    first = person.born + timedelta(days=int(illness.age * 365.25))
    onset = person.chance.moment(max(first, person.born), EPOCH)
    doctor = person.chance.choice(person.clinic.practitioners)
    condition = person.add(
        "Condition",
        clinicalStatus=concept(f"{HL7}condition-clinical", "active"),
        verificationStatus=concept(f"{HL7}condition-ver-status", "confirmed"),
        category=[concept(f"{HL7}condition-category", "problem-list-item")],
        code=concept(SNOMED, illness.code, illness.text),
        subject=person.subject,
        onsetDateTime=instant(onset),
        recordedDate=instant(onset),
        recorder=reference(doctor),
    )
    if illness.drug is not None:
        _add_medication(person, illness.drug, condition, onset, doctor)


def _add_medication(
    person: Person,
    drug: tuple[str, str],
    condition: JsonObject,
    onset: datetime,
    doctor: JsonObject,
) -> None:
    code, text = drug
    written = max(onset, person.since)
    dose = 1 if person.chance.happens(0.8) else 2
    person.add(
        "MedicationRequest",
        status="active" if person.chance.happens(0.8) else "completed",
        intent="order",
        medicationCodeableConcept=concept(RXNORM, code, text),
        subject=person.subject,
        authoredOn=instant(written),
        requester=reference(doctor),
        reasonReference=[reference(condition)],
        dosageInstruction=[
            {
                "text": f"{dose} a day",
                "timing": {"repeat": {"frequency": dose, "period": Decimal(1), "periodUnit": "d"}},
                "doseAndRate": [{"doseQuantity": quantity(Decimal(1), "{tbl}")}],
            }
        ],
    )


def add_allergy(person: Person) -> None:
    """Give one patient in five an allergy."""
    if not person.chance.happens(0.2):
        return
    code, text, category = person.chance.choice(
        (
            ("91936005", "Allergy to penicillin", "medication"),
            ("91935009", "Allergy to peanuts", "food"),
            ("300916003", "Allergy to latex", "environment"),
        )
    )
    person.add(
        "AllergyIntolerance",
        clinicalStatus=concept(f"{HL7}allergyintolerance-clinical", "active"),
        verificationStatus=concept(f"{HL7}allergyintolerance-verification", "confirmed"),
        type="allergy",
        category=[category],
        criticality=person.chance.choice(("low", "high")),
        code=concept(SNOMED, code, text),
        patient=person.subject,
        recordedDate=instant(person.chance.moment(person.since, EPOCH)),
    )
