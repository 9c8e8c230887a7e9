"""Queries for Hypothesis to draw: any parameter of a type with any modifier it takes."""

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from tests.search.oracle import hierarchies, pools
from tests.search.oracle.elements import COMPOSITES, PATIENTS_ONLY, codes_of, kind_of
from tests.search.oracle.matcher import PREFIXES

Pair = tuple[str, str]

IDENTIFIED = {"identifier"}
"""Token parameters whose element is an Identifier, so that `:of-type` means something."""
OF_ORGANIZATIONS = {"organization", "general-practitioner", "performer"}
"""Reference parameters that may point at organizations, which may be parts of others."""
CANONICAL = {"questionnaire"}
"""Reference parameters whose element is a canonical."""


def escape(text: str) -> str:
    """Write a text as one part of a value."""
    for special in ("\\", ",", "|", "$"):
        text = text.replace(special, f"\\{special}")
    return text


@st.composite
def parameters(draw: st.DrawFn, type_name: str) -> Pair:
    """Draw a parameter of a type with one to three alternatives."""
    code = draw(st.sampled_from([each for each in codes_of(type_name) if each != "_id"]))
    modifier, values = draw(criteria(type_name, code))
    many = draw(st.lists(values, min_size=1, max_size=1 if modifier == "missing" else 3))
    return (f"{code}:{modifier}" if modifier else code), ",".join(many)


def criteria(type_name: str, code: str) -> SearchStrategy[tuple[str, SearchStrategy[str]]]:
    """Draw a modifier ("" for none) and how its values are drawn."""
    drawn = MODIFIERS[kind_of(type_name, code)](type_name, code)
    drawn["missing"] = st.sampled_from(["true", "false"])
    modifiers = ["", "", *drawn]
    return st.sampled_from(modifiers).map(lambda modifier: (modifier, drawn[modifier]))


texts = st.one_of(
    st.sampled_from(pools.TEXTS),
    st.sampled_from(pools.TEXTS).flatmap(
        lambda text: st.integers(1, len(text)).map(lambda end: text[:end])
    ),
    st.sampled_from(["eve", "muller", "ber", "jones", "word a", "o b", "%", "_", "rin"]),
).filter(lambda text: bool(text.strip()))

Drawn = dict[str, SearchStrategy[str]]


def _string(_type: str, _code: str) -> Drawn:
    values = texts.map(escape)
    return {"": values, "exact": values, "contains": values}


def _token(_type: str, code: str) -> Drawn:
    codes = st.sampled_from(
        [*pools.CODES, *pools.IDENTIFIERS, "male", "final", "active", "true", "false", "555-1",
         "eve@x.org", "draft"]
    ).map(escape)  # fmt: skip
    systems = st.sampled_from(
        [*pools.SYSTEMS, "http://hl7.org/fhir/administrative-gender",
         "http://hl7.org/fhir/observation-status"]
    )  # fmt: skip
    values = st.one_of(
        codes,
        codes.map(lambda each: f"|{each}"),
        systems.map(lambda each: f"{each}|"),
        st.builds(lambda system, each: f"{system}|{each}", systems, codes),
    )
    labels = st.sampled_from([*pools.LABELS, "SYSTOLIC", "blood pressure", "Record", "eves"]).map(
        escape
    )
    sets = st.sampled_from(sorted(hierarchies.MEMBERS)).map(escape)
    known = st.sampled_from(sorted({code for _, code in hierarchies.REACH}))
    inside = known.map(lambda each: f"{hierarchies.TREE}|{escape(each)}")
    drawn = {
        "": values, "not": values, "text": labels, "in": sets, "not-in": sets, "below": inside,
        "above": inside,
    }  # fmt: skip
    if code in IDENTIFIED:
        drawn["of-type"] = st.builds(
            lambda kind, value: f"{kind[0]}|{kind[1]}|{escape(value)}",
            st.sampled_from(pools.IDENTIFIER_TYPES),
            st.sampled_from(pools.IDENTIFIERS),
        )
    return drawn


def _prefixed(values: SearchStrategy[str]) -> SearchStrategy[str]:
    return st.builds(lambda prefix, value: prefix + value, st.sampled_from(["", *PREFIXES]), values)


def _date(_type: str, _code: str) -> Drawn:
    return {"": _prefixed(st.sampled_from([*pools.DAYS, *pools.TIMES, *pools.MINUTES]))}


def _number(_type: str, _code: str) -> Drawn:
    return {"": _prefixed(st.sampled_from(pools.SEARCHED_NUMBERS))}


def _quantity(_type: str, _code: str) -> Drawn:
    values = st.builds(
        lambda number, unit: number + unit,
        st.sampled_from(pools.SEARCHED_NUMBERS),
        st.sampled_from(pools.SEARCHED_UNITS),
    )
    return {"": _prefixed(values)}


def _reference(type_name: str, code: str) -> Drawn:
    # Whether a URN means a patient cannot be told, so `patient` is not asked for one.
    if code in CANONICAL:
        return {"": st.sampled_from([*pools.CANONICALS, "Questionnaire/p1", "p1"])}
    ids = st.sampled_from(pools.IDS)
    types = st.sampled_from(["Patient", "Group", "Practitioner", "Organization"])
    local = st.builds(lambda kind, id: f"{kind}/{id}", types, ids)
    patients_only = code in PATIENTS_ONLY.get(type_name, {})
    urls = [url for url in pools.URLS if not (patients_only and url.startswith("urn:"))]
    values = st.one_of(
        ids, local, local.map(lambda each: f"{pools.BASE}/{each}"), st.sampled_from(urls)
    )
    drawn = {
        "": values,
        "identifier": _token(type_name, code)[""],
        "text": st.sampled_from(["e", "EVE", "eve smith", "nobody"]),
    }
    if code in OF_ORGANIZATIONS:
        organizations = ids.map(lambda id: f"Organization/{id}")
        either = st.one_of(ids, organizations) if code == "organization" else organizations
        drawn |= {"below": either, "above": either}
    if patients_only or code == "subject":
        drawn["Patient"] = ids
    return drawn


def _uri(_type: str, _code: str) -> Drawn:
    values = st.sampled_from([*pools.URIS, *pools.CANONICALS]).map(escape)
    return {"": values, "below": values, "above": values}


def _near(_type: str, _code: str) -> Drawn:
    values = st.builds(
        lambda latitude, longitude, distance: f"{latitude}|{longitude}{distance}",
        st.sampled_from(pools.LATITUDES),
        st.sampled_from(pools.LONGITUDES),
        st.sampled_from(pools.DISTANCES),
    )
    return {"": values}


def _composite(type_name: str, code: str) -> Drawn:
    _, lines = COMPOSITES[type_name][code]
    parts = [MODIFIERS[line.split()[0]](type_name, code)[""] for line in lines]
    return {"": st.tuples(*parts).map("$".join)}


MODIFIERS = {
    "composite": _composite,
    "string": _string,
    "token": _token,
    "date": _date,
    "number": _number,
    "quantity": _quantity,
    "reference": _reference,
    "uri": _uri,
    "special": _near,
}
