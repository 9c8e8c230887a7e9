"""Somebody to log in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.console.people import People
from tests.secured import Secured
from tests.visitor import Visitor

OBSERVATION_CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"


@pytest.fixture
def people(secured: Secured) -> People:
    """The people of the session's server with authentication: none so far, and nothing is shut."""
    with secured.database.connection() as connection:
        connection.execute("TRUNCATE account, broken_glass CASCADE")
        connection.execute("TRUNCATE login_attempt")
    return People(secured)


@pytest.fixture(scope="session")
def ward(secured: Secured) -> None:
    """Records: Practitioner/70 treats Patient/ward-ann; somebody else treats Patient/ward-bob."""
    with secured.caller(secured.issue("system/*.cruds").secret) as loader:
        for place, resource in _records():
            type_, _, id_ = place.partition("/")
            body = {"resourceType": type_, "id": id_, **resource}
            answer = loader.request("PUT", place, body)
            assert answer.status in (200, 201), answer.text


def _records() -> Iterator[tuple[str, dict[str, object]]]:
    yield "Practitioner/70", {"name": [{"given": ["Ada"], "family": "Wardley"}]}
    yield "Practitioner/80", {"name": [{"given": ["Eve"], "family": "Elsewhere"}]}
    category = {"coding": [{"system": OBSERVATION_CATEGORY, "code": "vital-signs"}]}
    for id_, given, doctor in (("ward-ann", "Ann", "70"), ("ward-bob", "Bob", "80")):
        subject = {"reference": f"Patient/{id_}"}
        yield (
            f"Patient/{id_}",
            {
                "name": [{"given": [given], "family": f"<b>{given}s"}],
                "generalPractitioner": [{"reference": f"Practitioner/{doctor}"}],
            },
        )
        yield (
            f"Encounter/{id_}",
            {
                "status": "finished",
                "class": {"code": "AMB", "display": "ambulatory"},
                "subject": subject,
            },
        )
        yield (
            f"Observation/{id_}",
            {
                "status": "final",
                "category": [category],
                "code": {"text": "Heart rate"},
                "subject": subject,
                "effectiveDateTime": "2026-03-31",
                "valueQuantity": {"value": 71, "unit": "/min"},
            },
        )


@pytest.fixture
def visitor(secured: Secured) -> Iterator[Visitor]:
    """A browser in which nobody has logged in."""
    with Visitor(secured.base) as opened:
        yield opened


@pytest.fixture
def browsers() -> Iterator[ExitStack]:
    """What closes further browsers in the end."""
    with ExitStack() as stack:
        yield stack
