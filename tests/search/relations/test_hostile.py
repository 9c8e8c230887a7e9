"""Searches that ask for as much work as they can: answered or refused, and others are served.

How long a search may take is PostgreSQL's and `store/search_time.py`'s to keep.
"""

from collections.abc import Callable

import pytest

from tests.client import FHIR_JSON, Client

FORM = {"Content-Type": "application/x-www-form-urlencoded", "Accept": FHIR_JSON}


def listed(write: Callable[[int], str], count: int = 1000) -> str:
    return ",".join(map(write, range(count)))


def joined(write: Callable[[int], str], count: int = 99) -> str:
    return "&".join(map(write, range(count)))


@pytest.mark.parametrize(
    ("place", "form"),
    [
        pytest.param("Observation", f"code={listed(lambda n: f'c{n}')}", id="values"),
        pytest.param("Observation", joined(lambda n: f"code:text=a{n}", 30), id="texts"),
        pytest.param(
            "Observation",
            joined(lambda n: f"subject:Patient.birthdate=gt{1900 + n}", 20),
            id="chains",
        ),
        pytest.param(
            "Patient", joined(lambda n: f"_has:Observation:patient:code:not=x{n}", 60), id="has"
        ),
        pytest.param(
            "Patient",
            "_has:Observation:patient:encounter._has:Condition:encounter:subject.name:contains=a",
            id="chains-and-has",
        ),
        pytest.param(
            "Observation", joined(lambda n: f"combo-code-value-quantity=c{n}$ne5", 20), id="pairs"
        ),
        pytest.param("Patient", f"name:contains={listed(lambda n: f'a{n}')}", id="contains"),
        pytest.param("Patient", "name:contains=(a%2B)%2B$" + "%25_" * 2000, id="patterns"),
        pytest.param("Patient", "name=" + "%5C" * 50001, id="backslashes"),
        pytest.param(
            "ValueSet", f"url:above={listed(lambda n: 'http://' + 'a' * 80 + str(n))}", id="above"
        ),
        pytest.param(
            "Location", f"near={listed(lambda n: f'{n % 90}|{n % 180}|30000|km')}", id="world-wide"
        ),
        pytest.param(
            "Observation",
            "_sort=-value-quantity,code,date,status,category,subject,encounter,combo-code"
            "&_count=1000&_total=accurate",
            id="sorts",
        ),
        pytest.param(
            "Observation",
            "_include=*&_include:iterate=*&_revinclude=*&_revinclude:iterate=*&_count=1000",
            id="includes",
        ),
        pytest.param(
            "",
            "_tag:missing=true&_profile:missing=true&_source:missing=true&_sort=_tag",
            id="missing-everywhere",
        ),
        pytest.param("Observation", "value-quantity=" + "9" * 50 + "e100", id="digits"),
        pytest.param("Patient", "_elements=" + "name," * 20000, id="elements"),
    ],
)
def test_others_are_served_after(filled: Client, place: str, form: str) -> None:
    answer = filled.request("POST", f"{place}/_search".lstrip("/"), form.encode(), FORM)
    assert answer.status in (200, 400, 413, 503), answer.text[:300]
    assert filled.get("Patient?_count=1").status == 200


@pytest.mark.parametrize(
    ("place", "form", "limit"),
    [
        pytest.param(
            "Observation", joined(lambda n: f"code={listed(lambda m: f'c{n}m{m}')}", 50),
            "5000 values together", id="values-of-all-parameters",
        ),
        pytest.param(
            "Observation", joined(lambda n: f"subject.name={listed(lambda m: f'c{n}m{m}')}", 3),
            "5000 values together", id="values-behind-chains",
        ),
        pytest.param(
            "Patient", joined(lambda n: f"_text={n}%20{'word%20' * 90}", 60),
            "5000 values together", id="words",
        ),
        pytest.param("Patient", f"name={listed(str, 1001)}", "1000 values", id="values"),
        pytest.param("Patient", joined(lambda n: f"name={n}", 101), "100 search", id="parameters"),
        pytest.param("Patient", f"name={'a' * 100_001}", "100000 characters", id="characters"),
        pytest.param(
            "Observation", f"{'has-member.' * 5}code=a", "4 links in a chain", id="chain"
        ),
        pytest.param(
            "Observation", f"{'_has:Observation:has-member:' * 5}code=a", "4 links", id="has"
        ),
        pytest.param(
            "Observation", f"_filter={'has-member.' * 5}code eq a", "4 links", id="filter-path"
        ),
        pytest.param(
            "Observation", f"_filter={' or '.join(['code eq a'] * 101)}", "100 comparisons",
            id="comparisons",
        ),
        pytest.param(
            "Observation", f"_filter={'(' * 17}code eq a{')' * 17}", "16 ", id="parentheses"
        ),
        pytest.param(
            "Observation", "&".join(["_include:iterate=*"] * 51), "50 includes", id="includes"
        ),
    ],
)  # fmt: skip
def test_what_goes_beyond_a_limit_is_refused_by_its_name(
    filled: Client, place: str, form: str, limit: str
) -> None:
    """In a form, where there is room for it, and nothing of it reaches the database."""
    answer = filled.request("POST", f"{place}/_search", form.encode(), FORM)
    assert answer.status == 400, answer.text[:300]
    (issue,) = answer.json["issue"]
    assert limit in issue["diagnostics"]
    assert len(answer.text) < 2000
