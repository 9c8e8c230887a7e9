"""Resources for Hypothesis to draw, of the types and elements that the matcher knows.

Not every one is a valid resource (required elements may be missing), but every value is a valid
one of its datatype.
"""

from decimal import Decimal
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from tests.search.oracle import pools

Json = dict[str, Any]


def some(**elements: SearchStrategy[Any]) -> SearchStrategy[Json]:
    """Draw an object with any of these elements."""
    return st.fixed_dictionaries({}, optional=elements)


def few(items: SearchStrategy[Any]) -> SearchStrategy[list[Any]]:
    """Draw a list of one to three."""
    return st.lists(items, min_size=1, max_size=3)


words = st.text(st.sampled_from("aeoéÉüßñ ,.-'12İıк漢"), min_size=1, max_size=12).filter(
    lambda text: bool(text.strip())
)
texts = st.one_of(st.sampled_from(pools.TEXTS), words)
long_texts = st.one_of(texts, texts, texts, st.just(pools.HUGE))
labels = st.sampled_from(pools.LABELS)

codings = some(
    system=st.sampled_from(pools.SYSTEMS), code=st.sampled_from(pools.CODES), display=labels
).filter(lambda coding: "code" in coding or "system" in coding)
concepts = some(coding=few(codings), text=labels).filter(bool)
identifier_types = st.sampled_from(pools.IDENTIFIER_TYPES).map(
    lambda pair: {"coding": [{"system": pair[0], "code": pair[1]}], "text": "Record Number"}
)
identifiers = some(
    system=st.sampled_from(pools.SYSTEMS),
    value=st.sampled_from(pools.IDENTIFIERS),
    type=identifier_types,
).filter(bool)

dates = st.sampled_from(pools.DAYS)
date_times = st.one_of(dates, st.sampled_from(pools.TIMES))
instants = st.sampled_from(pools.TIMES)
periods = some(start=date_times, end=date_times).filter(
    lambda period: period and period.get("start", "") <= period.get("end", "9")
)
timings = some(event=few(date_times), repeat=some(boundsPeriod=periods)).filter(
    lambda timing: bool(timing) and timing != {"repeat": {}}
)

numbers = st.sampled_from(pools.NUMBERS)


def quantity(units: tuple[Json, ...]) -> SearchStrategy[Json]:
    """Draw a quantity with a unit of these; few have a comparator or no value."""
    values = some(value=numbers, comparator=st.sampled_from(["<", "<=", ">", ">="]))
    plain = st.builds(lambda number: {"value": number}, numbers)
    return st.builds(
        lambda value, unit: {**value, **unit},
        st.one_of(plain, values),
        st.sampled_from(units),
    ).filter(bool)


quantities = quantity(pools.UNITS)
durations = quantity(pools.DURATIONS)
money = st.builds(
    lambda number, currency: {"value": number, "currency": currency},
    numbers,
    st.sampled_from(["EUR", "USD"]),
)


def ranges(units: tuple[Json, ...]) -> SearchStrategy[Json]:
    """Draw a range with one unit for both ends."""

    def build(numbers: list[Any], unit: Json, kept: set[str]) -> Json:
        ends = dict(zip(("low", "high"), sorted(numbers), strict=True))
        return {end: {"value": ends[end], **unit} for end in ends if end in kept}

    both = st.lists(numbers, min_size=2, max_size=2)
    kept = st.sampled_from([{"low"}, {"high"}, {"low", "high"}])
    return st.builds(build, both, st.sampled_from(units), kept)


def references(*types: str) -> SearchStrategy[Json]:
    """Draw a Reference to one of these types, or one that no server resolves."""
    local = st.builds(
        lambda kind, id: f"{kind}/{id}", st.sampled_from(types), st.sampled_from(pools.IDS)
    )
    literals = [
        local,
        local.map(lambda text: f"{pools.BASE}/{text}"),
        local.map(lambda text: f"{text}/_history/1"),
    ]
    if "Patient" in types:
        literals.append(st.sampled_from(pools.URLS))
    literal = st.builds(
        lambda text, display: {"reference": text, **display},
        st.one_of(local, *literals),
        st.sampled_from([{}, {}, {"display": "Ève Smith"}]),
    )
    logical = identifiers.map(lambda each: {"type": types[0], "identifier": each})
    return st.one_of(literal, literal, literal, logical, st.just({"display": "Eve"}))


extensions = few(
    st.one_of(
        texts.map(lambda text: {"url": "http://acme.org/ext", "valueString": text}),
        st.just({"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason",
                 "valueCode": "unknown"}),
        date_times.map(lambda when: {"url": "http://acme.org/when", "valueDateTime": when}),
    )
)  # fmt: skip
absent = extensions.map(lambda found: {"extension": found})
"""What stands beside a primitive value, or in its place; no parameter looks at it."""
positions = st.builds(
    lambda latitude, longitude: {"latitude": Decimal(latitude), "longitude": Decimal(longitude)},
    st.sampled_from(pools.LATITUDES),
    st.sampled_from(pools.LONGITUDES),
)

names = some(
    extension=extensions,
    _family=absent,
    family=texts,
    given=st.one_of(few(texts), texts.map(lambda text: [None, text])),
    prefix=few(texts),
    text=long_texts,
    use=st.just("official"),
).filter(bool)
addresses = some(line=few(texts), city=texts, country=texts, text=texts, type=st.just("postal"))
contact_points = some(
    system=st.sampled_from(["phone", "email"]), value=st.sampled_from(["555-1", "eve@x.org"])
).filter(bool)
subjects = references("Patient", "Group")

_ELEMENTS: dict[str, dict[str, SearchStrategy[Any]]] = {
    "Patient": {
        "_birthDate": absent,
        "active": st.booleans(),
        "extension": extensions,
        "address": few(addresses.filter(bool)),
        "birthDate": dates,
        "communication": few(some(language=concepts)),
        "deceasedDateTime": date_times,
        "gender": st.sampled_from(["male", "female", "other"]),
        "generalPractitioner": few(references("Practitioner", "Organization")),
        "identifier": few(identifiers),
        "managingOrganization": references("Organization"),
        "name": few(names),
        "telecom": few(contact_points),
    },
    "Observation": {
        "category": few(concepts),
        "code": concepts,
        "component": few(
            st.one_of(
                some(code=concepts, valueQuantity=quantities),
                some(code=concepts, valueCodeableConcept=concepts),
            )
        ),
        "focus": few(references("Patient", "Device")),
        "performer": few(references("Patient", "Practitioner", "Organization")),
        "status": st.sampled_from(["final", "amended"]),
        "subject": subjects,
    },
    "Encounter": {
        "class": codings,
        "identifier": few(identifiers),
        "length": durations,
        "participant": few(some(individual=references("Practitioner", "RelatedPerson"))),
        "period": periods,
        "status": st.sampled_from(["finished", "planned"]),
        "subject": subjects,
        "type": few(concepts),
    },
    "Condition": {
        "clinicalStatus": concepts,
        "code": concepts,
        "recordedDate": date_times,
        "subject": subjects,
    },
    "RiskAssessment": {"subject": subjects},
    "ChargeItem": {
        "factorOverride": numbers,
        "priceOverride": money,
        "quantity": quantities,
    },
    "ValueSet": {
        "compose": st.builds(
            lambda systems: {"include": [{"system": each} for each in systems]},
            few(st.sampled_from(pools.URIS)),
        ),
        "date": date_times,
        "description": long_texts,
        "status": st.sampled_from(["draft", "active"]),
        "title": texts,
        "url": st.sampled_from(pools.URIS),
        "useContext": few(
            st.one_of(
                some(code=codings, valueQuantity=quantities),
                some(code=codings, valueRange=ranges(pools.UNITS[1:])),
                some(code=codings, valueCodeableConcept=concepts),
            )
        ),
    },
    "Location": {
        "address": some(city=texts, extension=extensions).filter(bool),
        "alias": few(texts),
        "name": texts,
        "position": positions,
        "status": st.sampled_from(["active", "suspended"]),
        "type": few(concepts),
    },
    "QuestionnaireResponse": {
        "authored": date_times,
        "questionnaire": st.sampled_from([*pools.CANONICALS, "Questionnaire/p1"]),
        "subject": subjects,
    },
}

_CHOICES: dict[str, dict[str, SearchStrategy[Any]]] = {
    "Observation": {
        "effectiveDateTime": date_times,
        "effectivePeriod": periods,
        "effectiveInstant": instants,
        "effectiveTiming": timings,
    },
    "Condition": {
        "onsetDateTime": date_times,
        "onsetPeriod": periods,
        "onsetString": long_texts,
        "onsetAge": durations,
        "onsetRange": ranges(pools.DURATIONS),
    },
    "RiskAssessment": {"occurrenceDateTime": date_times, "occurrencePeriod": periods},
    "ChargeItem": {
        "occurrenceDateTime": date_times,
        "occurrencePeriod": periods,
        "occurrenceTiming": timings,
    },
}
_VALUES: dict[str, SearchStrategy[Any]] = {
    "valueQuantity": quantities,
    "valueCodeableConcept": concepts,
    "valueString": long_texts,
    "valueDateTime": date_times,
    "valuePeriod": periods,
}
_PROBABILITIES: dict[str, SearchStrategy[Any]] = {
    "probabilityDecimal": numbers,
    "probabilityRange": ranges(({"unit": "%"},)),
}
TYPES = tuple(_ELEMENTS)

metas = some(
    tag=few(codings),
    security=few(codings),
    profile=few(st.sampled_from(pools.CANONICALS)),
    source=st.sampled_from(pools.URIS),
)


def resources(type_name: str) -> SearchStrategy[Json]:
    """Draw a resource of a type, without an id."""
    parts = [some(meta=metas, **_ELEMENTS[type_name]), _one_of(_CHOICES.get(type_name, {}))]
    if type_name == "Observation":
        parts.append(_one_of(_VALUES))
    if type_name == "RiskAssessment":
        parts.append(few(_one_of(_PROBABILITIES)).map(lambda each: {"prediction": each}))

    def join(*found: Json) -> Json:
        resource: Json = {"resourceType": type_name}
        for part in found:
            resource |= part
        return resource

    return st.builds(join, *parts)


def _one_of(choices: dict[str, SearchStrategy[Any]]) -> SearchStrategy[Json]:
    """Draw an object with at most one of these elements."""
    drawn = [
        values.map(lambda value, name=name: {name: value})  # type: ignore[misc]
        for name, values in choices.items()
    ]
    return st.one_of(st.just({}), *drawn) if drawn else st.just({})
