"""Which queries mean the same whatever parameters are added to R4's."""

import pytest

from fhirserver.definitions import r4
from fhirserver.search.context import SearchContext
from fhirserver.search.parse import parse
from fhirserver.search.settled import is_settled


@pytest.mark.parametrize(
    ("type_", "query", "expected"),
    [
        pytest.param("Patient", [("name", "eve"), ("_sort", "birthdate")], True, id="plain"),
        pytest.param("Observation", [("subject:Patient.name", "eve")], True, id="typed-chain"),
        pytest.param("Observation", [("subject.name", "eve")], False, id="open-chain"),
        pytest.param(
            "Encounter",
            [("subject:Patient.general-practitioner.name", "eve")],
            False,
            id="open-within",
        ),
        pytest.param("Patient", [("_has:Observation:patient:code", "x")], True, id="reverse"),
        pytest.param(
            "Patient",
            [("_has:Observation:patient:performer.name", "x")],
            False,
            id="open-within-reverse",
        ),
        pytest.param("Patient", [("_include", "Patient:organization")], True, id="include"),
        pytest.param("Patient", [("_include", "Patient:*")], False, id="include-all"),
        pytest.param("Patient", [("_revinclude", "*")], False, id="include-all-that-refer"),
        pytest.param("Patient", [("nothing-such", "1")], False, id="left-out"),
    ],
)
def test_settled(type_: str, query: list[tuple[str, str]], expected: bool) -> None:
    context = SearchContext(r4(), None, 0, lenient=True)
    assert is_settled(parse(query, (type_,), context)) is expected
