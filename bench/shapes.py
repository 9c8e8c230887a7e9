"""Search shapes: what clinical applications ask, with common values and with rare ones.

Each shape makes a search out of values that are stored. Code systems are LOINC for observations and
SNOMED CT for conditions and procedures.
"""

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Any
from urllib.parse import quote

from shape_facts import codes_of, of_type, values
from shape_values import Asked, Live

from fhirserver.model.json import JsonObject
from fhirserver.search.keys import fold

LOINC = "http://loinc.org"
SNOMED = "http://snomed.info/sct"
UCUM = "http://unitsofmeasure.org"
MRN = "urn:fhirserver:sample:mrn"
EFFECTIVE = "effectiveDateTime"

Draw = Callable[[Live], Asked]


def _identifier(live: Live) -> Asked:
    patient = live.a("Patient")
    mrn = values(patient, "identifier.value")[0]
    return Asked(
        f"Patient?identifier={MRN}|{mrn}",
        lambda found: bool(found["id"] == patient["id"]),
        ids=frozenset({patient["id"]}),
    )


def _name(code: str, chars: int, more: str = "") -> Draw:
    """Search for the beginning of a name; `more` limits the patients by gender."""

    def draw(live: Live) -> Asked:
        patient = live.a("Patient", lambda each: not more or each["gender"] == more)
        part = live.chance.choice(values(patient, f"name.{code}"))
        wanted = fold(part)[:chars].strip()
        gender = f"&gender={more}" if more else ""
        return Asked(
            f"Patient?{code}={quote(wanted)}{gender}&_count=5",
            lambda found: (
                any(fold(each).startswith(wanted) for each in values(found, f"name.{code}"))
                and (not more or bool(found["gender"] == more))
            ),
            among=patient["id"],
        )

    return draw


def _birthdate(live: Live) -> Asked:
    patient = live.a("Patient")
    born = patient["birthDate"]
    return Asked(
        f"Patient?birthdate={born}",
        lambda found: bool(found["birthDate"] == born),
        among=patient["id"],
    )


def _decade(live: Live) -> Asked:
    year = live.chance.randrange(1940, 2010)
    return Asked(
        f"Patient?birthdate=ge{year}&birthdate=lt{year + 10}&_sort=family",
        lambda found: f"{year}" <= found["birthDate"] < f"{year + 10}",
    )


def _town(live: Live) -> Asked:
    patient = live.a("Patient", lambda each: "address" in each)
    town, gender = values(patient, "address.city")[0], patient["gender"]
    return Asked(
        f"Patient?address-city={town}&gender={gender}&birthdate=lt1980",
        lambda found: town in values(found, "address.city") and bool(found["gender"] == gender),
    )


def _genders(live: Live) -> Asked:
    gender = live.chance.choice(("male", "female"))
    return Asked(
        f"Patient?gender={gender}&_count=5&_total=accurate",
        lambda found: bool(found["gender"] == gender),
        total=live.counts[f"Patient {gender}"],
    )


def _youngest(_live: Live) -> Asked:
    return Asked("Patient?_sort=-birthdate", _anything, newest="birthDate")


def _all(path: str, fact: str = "") -> Draw:
    return lambda live: Asked(path, _anything, total=live.counts[fact] if fact else None)


def _coded(wanted: str, more: str = "", *, newest: str = "", total: bool = False) -> Draw:
    """Search a type by code, system and all; the code comes from a resource that is stored."""
    kind, _, code = wanted.partition("?")

    def draw(live: Live) -> Asked:
        resource = live.a(kind)
        value = live.chance.choice(
            codes_of(resource) if code == "combo-code" else values(resource, "code.coding.code")
        )
        system = LOINC if kind == "Observation" else SNOMED
        return Asked(
            f"{wanted}={system}|{value}{more}",
            lambda found: value in codes_of(found),
            newest=newest,
            total=live.counts[f"{kind} {value}"] if total else None,
        )

    return draw


def _in_a_code_since(live: Live) -> Asked:
    observation = live.a("Observation")
    (code,), day = values(observation, "code.coding.code"), observation[EFFECTIVE][:10]
    return Asked(
        f"Observation?code={LOINC}|{code}&date=ge{day}",
        lambda found: code in values(found, "code.coding.code") and found[EFFECTIVE] >= day,
        among=observation["id"],
    )


def _since(live: Live) -> Asked:
    day = live.a("Observation")[EFFECTIVE][:10]
    return Asked(f"Observation?date=ge{day}&_count=5", lambda found: found[EFFECTIVE] >= day)


def _of_patient(kind: str, more: str = "", includes: int = 0) -> Draw:
    """Search what a patient has of a type, on one page."""

    def draw(live: Live) -> Asked:
        resource = live.a(kind)
        patient = _patient_id(resource)
        everything = [every for every in live.records if every[0]["id"] == patient]
        ids = frozenset(each["id"] for each in of_type(everything[0], kind))
        return Asked(
            f"{kind}?patient={patient}&_count=100{more}",
            lambda found: _patient_id(found) == patient,
            ids=ids,
            includes=includes,
        )

    return draw


def _patient_and_code(live: Live) -> Asked:
    observation = live.a("Observation")
    patient, (code,) = _patient_id(observation), values(observation, "code.coding.code")
    return Asked(
        f"Observation?patient={patient}&code={LOINC}|{code}&_sort=-date",
        lambda found: _patient_id(found) == patient and code in codes_of(found),
        among=observation["id"],
        newest=EFFECTIVE,
    )


def _patient_category_dates(live: Live) -> Asked:
    observation = live.a("Observation")
    patient, year = _patient_id(observation), int(observation[EFFECTIVE][:4])
    (category,) = values(observation, "category.coding.code")
    return Asked(
        f"Observation?patient={patient}&category={category}&date=ge{year}&date=lt{year + 1}"
        "&_sort=-date&_count=100",
        lambda found: _patient_id(found) == patient and found[EFFECTIVE].startswith(str(year)),
        among=observation["id"],
        newest=EFFECTIVE,
    )


def _quantity(least: int) -> Draw:
    return lambda _live: Asked(
        f"Observation?value-quantity=gt{least}|{UCUM}|mg/dL",
        lambda found: bool(found["valueQuantity"]["value"] > least),
    )


def _value_of(parameter: str, code: str, least: int, unit: str) -> Draw:
    return lambda _live: Asked(
        f"Observation?{parameter}={code}$gt{least}|{UCUM}|{unit}",
        lambda found: any(
            code in values(each, "code.coding.code") and each["valueQuantity"]["value"] > least
            for each in (found, *found.get("component", ()))
            if "valueQuantity" in each
        ),
    )


def _chain_to_one(live: Live) -> Asked:
    observation = live.a("Observation")
    patient = _patient_id(observation)
    number = next(every for every in live.records if every[0]["id"] == patient)[0]
    mrn = values(number, "identifier.value")[0]
    return Asked(
        f"Observation?patient.identifier={MRN}|{mrn}&_sort=-date",
        lambda found: _patient_id(found) == patient,
        newest=EFFECTIVE,
    )


def _chain_to_many(live: Live) -> Asked:
    observation = live.a("Observation")
    (code,) = values(observation, "code.coding.code")
    family = quote(fold(values(live.a("Patient"), "name.family")[0]))
    return Asked(
        f"Observation?patient.family={family}&code={LOINC}|{code}&_sort=-date",
        lambda found: code in values(found, "code.coding.code"),
        newest=EFFECTIVE,
    )


def _chain_to_all(_live: Live) -> Asked:
    path = "Encounter?subject:Patient.organization.name=river&_count=10"
    return Asked(path, _anything)


def _has(criterion: str, more: str = "") -> Draw:
    return lambda _live: Asked(f"Patient?_has:{criterion}{more}", _anything)


def _of_practitioner(live: Live) -> Asked:
    practitioner = live.chance.choice(live.clinic.practitioners)["id"]
    wanted = f"Practitioner/{practitioner}"
    return Asked(
        f"Encounter?participant={wanted}&_sort=-date&_count=10",
        lambda found: wanted in values(found, "participant.individual.reference"),
        newest="period.start",
    )


def _of_location(live: Live) -> Asked:
    wanted = f"Location/{live.clinic.locations[0]['id']}"
    return Asked(
        f"Encounter?location={wanted}&_count=10",
        lambda found: wanted in values(found, "location.location.reference"),
    )


def _record(live: Live) -> Asked:
    patient, *others = live.a_record()
    return Asked(
        f"Patient?_id={patient['id']}&_revinclude=Observation:patient",
        lambda found: bool(found["id"] == patient["id"]),
        ids=frozenset({patient["id"]}),
        includes=len(of_type(others, "Observation")),
    )


def _text(live: Live) -> Asked:
    text = live.a("Condition")["code"]["text"]
    return Asked(
        f"Condition?code:text={quote(text[:6])}&_count=5",
        lambda found: found["code"]["text"].startswith(text[:6]),
    )


def _in_month(live: Live) -> Asked:
    start = date.fromisoformat(live.a("Observation")[EFFECTIVE][:10])
    end = start + timedelta(days=30)
    return Asked(
        f"Observation?date=ge{start}&date=lt{end}&status=final&_sort=-date",
        lambda found: f"{start}" <= found[EFFECTIVE] < f"{end}",
        newest=EFFECTIVE,
    )


def _anything(_found: JsonObject) -> bool:
    return True


def _patient_id(resource: JsonObject) -> str:
    subject: Any = resource.get("subject") or resource["patient"]
    return str(subject["reference"]).removeprefix("Patient/")


SHAPES: Mapping[str, Draw] = {
    "identifier": _identifier,
    "family name": _name("family", 20),
    "family name, one letter": _name("family", 1),
    "given name, three letters": _name("given", 3),
    "family name, one letter, and gender": _name("family", 1, "female"),
    "birth date": _birthdate,
    "born in a decade, by name": _decade,
    "town, gender, born before": _town,
    "gender, accurate total": _genders,
    "patients, youngest first": _youngest,
    "all observations": _all("Observation?_count=10"),
    "all observations, accurate total": _all("Observation?_total=accurate&_count=1", "Observation"),
    "observations of a patient": _of_patient("Observation"),
    "patient and code, newest first": _patient_and_code,
    "patient, category, year, newest first": _patient_category_dates,
    "code, newest first": _coded("Observation?code", "&_sort=-date", newest=EFFECTIVE),
    "code, accurate total": _coded("Observation?code", "&_total=accurate&_count=1", total=True),
    "combo-code, accurate total": _coded(
        "Observation?combo-code", "&_total=accurate&_count=1", total=True
    ),
    "code and since": _in_a_code_since,
    "status, newest first": _all("Observation?status=final&_sort=-date"),
    "status, one month, newest first": _in_month,
    "observations since": _since,
    "quantity, rare": _quantity(240),
    "quantity, common": _quantity(60),
    "code and value": _value_of("code-value-quantity", "2345-7", 160, "mg/dL"),
    "component's code and value": _value_of(
        "component-code-value-quantity", "8480-6", 160, "mm[Hg]"
    ),
    "chain to one patient, newest first": _chain_to_one,
    "chain to many patients, and code": _chain_to_many,
    "chain of two links to all": _chain_to_all,
    "_has a condition": _has("Condition:patient:code=13645005"),
    "_has a common code, and gender": _has("Observation:patient:code=8867-4", "&gender=female"),
    "_has a code and value": _has(f"Observation:patient:code-value-quantity=4548-4$gt8|{UCUM}|%25"),
    "condition's code": _coded("Condition?code", "&_count=5"),
    "condition's text": _text,
    "procedure's code, newest first": _coded("Procedure?code", "&_sort=-date&_count=5"),
    "conditions of a patient": _of_patient("Condition"),
    "encounters of a patient, _include": _of_patient(
        "Encounter", "&_include=Encounter:location&_include=Encounter:participant", 2
    ),
    "medications of a patient, _include:iterate": _of_patient(
        "MedicationRequest",
        "&_include=MedicationRequest:patient&_include:iterate=Patient:organization",
        2,
    ),
    "encounters of a practitioner, newest first": _of_practitioner,
    "encounters at a location": _of_location,
    "patient, _revinclude": _record,
    "patients, _revinclude=*": lambda _live: Asked(
        "Patient?_count=5&_revinclude=*", _anything, includes=50
    ),
}
"""By name, in the order of the table."""

DEEP = {
    "page 51 of a code, newest first": (
        "Observation?code=http://loinc.org|8867-4&_sort=-date&_total=none", 50
    ),
    "page 51 of all observations": ("Observation?_total=none", 50),
}  # fmt: skip
"""Shapes that begin behind so many links to the next page."""
