"""`_has` by a value: the same patients whether few rows have such a value or many.

Few are listed by value, of many a page is read in the order of patients. What is found must not
hang on which compartments the referring resource is in besides.
"""

from __future__ import annotations

from typing import Any

import pytest

from fhirserver.search.sql import FEW_MAX
from tests.search.found.conftest import Searcher, ids_of

UCUM = "http://unitsofmeasure.org"
BEYOND = 12
"""Performers: more patients than have copies of the rows in their compartments."""
KINDS = {"few": ("mg", 2020), "many": ("mm", 2021)}
"""Codes, with the unit and the year that their observations have."""


def observation(
    kind: str, name: str, subject: str, *performers: str, value: int = 9
) -> dict[str, Any]:
    unit, year = KINDS[kind]
    return {
        "resourceType": "Observation", "id": f"{kind}-{name}", "status": "final",
        "code": {"coding": [{"system": "http://s", "code": kind}]},
        "effectiveDateTime": f"{year if value > 5 else 1990}-01-01",
        "subject": {"reference": subject},
        "performer": [{"reference": f"Patient/{each}"} for each in performers],
        "valueQuantity": {"value": value, "system": UCUM, "code": unit},
    }  # fmt: skip


PEOPLE = [
    {"resourceType": "Patient", "id": f"p{number:02}",
     "gender": "female" if number % 2 else "male"}
    for number in range(BEYOND + 6)
]  # fmt: skip
ALL = [each["id"] for each in PEOPLE]
FOUND = {
    "patient": {"p00", "p01", "p02", "p03", "p04"},
    "performer": {"p00", "p04", *ALL[5 : 5 + BEYOND]},
}


def of_kind(kind: str) -> list[dict[str, Any]]:
    return [
        observation(kind, "own", "Patient/p00"),
        observation(kind, "by-a-later-one", "Patient/p01", "p05"),
        observation(kind, "by-an-earlier-one", "Patient/p02", "p00"),
        observation(kind, "by-one-from-before", "Patient/p17", "p16", value=3),
        observation(kind, "beyond-the-copies", "Patient/p03", *ALL[5 : 5 + BEYOND]),
        observation(kind, "both", "Patient/p04", "p04"),
        observation(kind, "of-a-device", "Device/d", "p06"),
        observation(kind, "less", "Patient/p07", value=3),
        *(
            observation(kind, f"more-{number}", "Patient/p00")
            for number in range(FEW_MAX if kind == "many" else 0)
        ),
    ]


@pytest.fixture(scope="module", autouse=True)
def stored(searcher: Searcher) -> None:
    searcher.store([*PEOPLE, {"resourceType": "Device", "id": "d"}])
    searcher.store([each for kind in KINDS for each in of_kind(kind)])


@pytest.mark.parametrize("link", FOUND)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "asked",
    [
        pytest.param("code-value-quantity={code}$gt5|" + UCUM + "|{unit}", id="composite"),
        pytest.param("code-value-quantity={code}$gt5", id="composite-any-unit"),
        pytest.param("combo-code-value-quantity={code}$gt5", id="composite-of-two"),
        pytest.param("value-quantity=gt5|" + UCUM + "|{unit}", id="quantity"),
        pytest.param("date={year}", id="date"),
        pytest.param("code={code}&_has:Observation:{link}:value-quantity=gt5||{unit}", id="token"),
    ],
)
def test_has_by_value(searcher: Searcher, kind: str, asked: str, link: str) -> None:
    """Page by page, in the order of patients, with a total; also beside another criterion."""
    unit, year = KINDS[kind]
    asked = asked.format(code=kind, unit=unit, year=year, link=link)
    women = {each for each in FOUND[link] if int(each[1:]) % 2}
    for more, expected in (("", FOUND[link]), ("&gender=female", women)):
        query = f"_has:Observation:{link}:{asked}"
        pages = searcher.pages("Patient", f"{query}{more}&_count=2")
        found = ids_of(pages)
        assert sorted(found) == sorted(expected)
        assert searcher.page("Patient", f"{query}{more}&_summary=count").total == len(expected)
        assert pages[0].total == len(expected)
