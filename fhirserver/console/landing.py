"""The page at `/`: what this is, where to go, and whether it is well.

What is in it, and queries to try, only an open server shows: of any other nobody sees all.
"""

import time
from collections.abc import Callable
from importlib.metadata import version
from typing import NamedTuple

from flask import Blueprint, render_template

from fhirserver.console.places import places_of
from fhirserver.console.signed_in import signed_in
from fhirserver.errors import FhirError
from fhirserver.interactions import Services
from fhirserver.store.read import count_types

COUNTS_MAX_AGE_S = 10.0


class Example(NamedTuple):
    """A query worth a click; `path` is below the FHIR base."""

    path: str
    words: str


EXAMPLES = (
    Example("Patient?_sort=family&_count=10", "Patients by name, ten a page"),
    Example("Patient?gender=female&birthdate=lt1960-01-01", "Women born before 1960"),
    Example("Patient?name=an&_elements=name,birthDate", "Names with a part that begins with “an”"),
    Example(
        "Observation?code=http://loinc.org|85354-9&_sort=-date&_count=10",
        "The latest blood pressures, of all patients",
    ),
    Example(
        "Observation?code=http://loinc.org|8867-4&value-quantity=gt100",
        "Heart rates above 100 a minute",
    ),
    Example("Condition?_include=Condition:subject&_count=10", "Conditions with their patients"),
    Example("Encounter?date=ge2020-01-01&_summary=count", "How many encounters since 2020"),
    Example("_history?_count=10", "What changed last"),
    Example("metadata", "What this server can do: its CapabilityStatement"),
)


class Counts:
    """Live resources per type, counted again when they are older than `COUNTS_MAX_AGE_S`.

    Args:
        count: counts them; may raise FhirError.
        clock: seconds, monotonic.
    """

    def __init__(
        self, count: Callable[[], dict[str, int]], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._count = count
        self._clock = clock
        self._known: tuple[float, dict[str, int]] | None = None

    def read(self) -> dict[str, int]:
        """Give the counts by type."""
        known = self._known
        if known is None or self._clock() - known[0] > COUNTS_MAX_AGE_S:
            known = self._known = (self._clock(), self._count())
        return known[1]


def make_landing(services: Services) -> Blueprint:
    """Make the blueprint of the landing page."""
    blueprint = Blueprint("landing", __name__)
    counts = Counts(lambda: count_types(services.database))
    server_version = version("fhirserver")

    @blueprint.get("/")
    def index() -> str:
        trouble = ""
        found: dict[str, int] = {}
        session = signed_in()
        try:
            found = counts.read()
        except FhirError as error:
            trouble = str(error)
        return render_template(
            "landing.html",
            base_url=services.settings.public_url,
            counts=found,
            examples=EXAMPLES,
            is_open=services.settings.open,
            places=[] if session is None else list(places_of(session.account)),
            total=sum(found.values()),
            trouble=trouble,
            version=server_version,
        )

    return blueprint
