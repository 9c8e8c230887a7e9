"""Search parameters that a suite defines itself: stored before its cases, and waited for.

Spec: https://hl7.org/fhir/R4/searchparameter.html

A server may need a while to index what it holds; until then it refuses the searches (503).
"""

import time
from collections.abc import Sequence

from fhirserver.definitions import FIRST_OWN, Definitions, r4
from fhirserver.model.json import write_json
from fhirserver_conformance.public.cases import (
    JsonObject,
    Site,
    encoded,
    place_of,
    sent,
    status_is,
)
from fhirserver_conformance.results import ActionResult, Exchange

TYPE = "SearchParameter"
_WITHIN_S = 60.0
_PAUSE_S = 0.5


def store(site: Site, resources: Sequence[JsonObject]) -> list[ActionResult]:
    """Store SearchParameters and wait until searches by them are answered."""
    actions: list[ActionResult] = []
    for each in resources:
        answer = site.send("PUT", place_of(each), write_json(each))
        actions += [sent(answer), status_is(answer, 200, 201)]
    return [*actions, *wait(site, resources)]


def wait(site: Site, resources: Sequence[JsonObject]) -> list[ActionResult]:
    """Wait until searches by parameters that are stored are answered."""
    return [
        status_is(_answered(site, f"{base}?{each['code']}:missing=true&_count=0"), 200)
        for each in resources
        for base in each["base"]
    ]


def definitions(resources: Sequence[JsonObject]) -> Definitions:
    """Give R4's definitions with these parameters, each of one base, to read searches by."""
    added: dict[str, dict[str, JsonObject]] = {}
    for number, each in enumerate(resources):
        entry = {key: each[key] for key in ("type", "url", "expression")}
        added.setdefault(each["base"][0], {})[each["code"]] = {"id": FIRST_OWN + number, **entry}
    return r4().extended(1, added) if added else r4()


def _answered(site: Site, path: str) -> Exchange:
    deadline = time.monotonic() + _WITHIN_S
    answer = site.send("GET", encoded(path))
    while answer.status == 503 and time.monotonic() < deadline:
        time.sleep(_PAUSE_S)
        answer = site.send("GET", encoded(path))
    return answer
