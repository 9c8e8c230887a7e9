"""fhir-candle's search cases: a small data set, and how many resources each search finds.

    method                        the case's query
    PatientSearch                 of Patients
    ObservationSearch             of Observations
    Search                        with its path: /Patient?…, ?_type=Patient, /Patient/example/…
    PatientCompartmentSearch      id of the patient; args: type, query, count
    LoopedPatientsSearch          of Patients, as often as args say
    PatientSortOrder, Observation…  whose result must be in order; no counts

args are the total, and where there are two, the number of entries with what is included.
Spec: https://hl7.org/fhir/R4/search.html

Totals are those of a server that holds nothing else. The data define two search parameters; they
are drafts, and are stored as active, which is what the cases take them for.
"""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from fhirserver.errors import FhirError
from fhirserver.model.json import parse_json, write_json
from fhirserver_conformance.public import own_parameters
from fhirserver_conformance.public.cases import (
    DataError,
    JsonObject,
    Site,
    as_script,
    case,
    checked,
    encoded,
    found_in,
    objects,
    place_of,
    read_json,
    resource_of,
    sent,
    skipped,
    status_is,
)
from fhirserver_conformance.results import ActionResult, ScriptResult, TestResult

SUITE = "candle-search"
_TYPES = ("Patient", "Observation")
_PATHS = {
    "PatientSearch": "Patient?",
    "ObservationSearch": "Observation?",
    "LoopedPatientsSearch": "Patient?",
    "PatientSortOrder": "Patient?",
    "ObservationSortOrder": "Observation?",
}
_SORTED_BY = {
    "date": "effectiveDateTime",
    "status": "status",
    "birthdate": "birthDate",
    "_lastUpdated": "meta.lastUpdated",
}


class Search(NamedTuple):
    """A case that can be tried.

    Attributes:
        path: below the base, not yet encoded.
        counts: total, then entries, as many as the case tells.
        times: how often it is asked.
        order: what `_sort` names, e.g. "-date"; "" where no order is looked at.
    """

    path: str
    counts: tuple[int, ...] = ()
    times: int = 1
    order: str = ""

    @property
    def type(self) -> str:
        """The type it finds; "" or "*" where that may be any."""
        return self.path.partition("?")[0].rpartition("/")[2]


def run(site: Site) -> Iterator[ScriptResult]:
    """Load the data and try every case."""
    folder = site.data / SUITE
    yield as_script(site, SUITE, "cases.json", lambda: _cases(site, folder))


def search_of(entry: JsonObject) -> Search | None:
    """Read a case; None for what is no search."""
    method, query, told = entry["method"], entry["query"], entry["args"]
    if method == "PatientCompartmentSearch":
        type_name, parameters = (None if each == "null" else each for each in told[:2])
        path = f"Patient/{query}/{type_name or '*'}"
        return Search(f"{path}?{parameters}" if parameters else path, (told[2],))
    if method == "Search":
        return Search(query.removeprefix("/"), tuple(told))
    if method not in _PATHS:
        return None
    path = _PATHS[method] + query
    if method.endswith("SortOrder"):
        return Search(path, order=query.removeprefix("_sort="))
    if method == "LoopedPatientsSearch":
        return Search(path, (1,), times=told[0])
    return Search(path, tuple(told))


def resources(folder: Path) -> list[JsonObject]:
    """Give patients, observations and search parameters, also those in transactions."""
    found: dict[str, JsonObject] = {}
    for path in sorted(folder.glob("*.json")):
        for each in _resources_of(path):
            if each["resourceType"] == own_parameters.TYPE:
                found[place_of(each)] = {**each, "status": "active"}
            elif each["resourceType"] in _TYPES and "id" in each:
                found[place_of(each)] = each
    return list(found.values())


def _resources_of(path: Path) -> list[JsonObject]:
    try:
        content = parse_json(path.read_bytes())
    except (OSError, FhirError) as error:
        raise DataError(f"{path.name} cannot be read: {error}; fetch the suite again") from error
    if content["resourceType"] != "Bundle":
        return [content]
    return [each["resource"] for each in content["entry"] if content["type"] == "transaction"]


def _cases(site: Site, folder: Path) -> Iterator[TestResult]:
    entries = read_json(folder / "cases.json")
    loaded = _load(site, resources(folder / "data"))
    yield loaded
    for entry in entries:
        yield _case(site, entry, loaded)


def _load(site: Site, data: list[JsonObject]) -> TestResult:
    entries = [
        {
            "resource": each,
            "request": {"method": "PUT", "url": place_of(each)},
        }
        for each in data
    ]
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
    answer = site.send("POST", "", write_json(bundle))
    stored = status_is(answer, 200)
    defined = [each for each in data if each["resourceType"] == own_parameters.TYPE]
    ready = own_parameters.wait(site, defined) if answer.status == 200 else []
    return case("load", f"{len(data)} resources are stored", sent(answer), stored, *ready)


def _case(site: Site, entry: JsonObject, loaded: TestResult) -> TestResult:
    search = search_of(entry)
    name = f"{entry['method']} {search.path if search else entry['query']}"
    if entry["auth"]:
        return skipped(f"{name} as {entry['auth']}", "needs an authorization server and a launch")
    if search is None:
        return skipped(name, "is no search: a subscription's criterion")
    if loaded.verdict != "pass":
        return skipped(name, "the data could not be loaded")
    told = f"finds {' and '.join(map(str, search.counts))}" if search.counts else "is in order"
    return case(name, f"{search.path} {told}", *_actions(site, search))


def _actions(site: Site, search: Search) -> Iterator[ActionResult]:
    for _ in range(search.times):
        bundle, actions = _searched(site, search.path)
        yield from actions
        yield checked("finds what it searches for", _strangers(bundle, search.type))
        if search.order:
            yield checked(f"sorted by {search.order}", disorder(bundle, search.order))
        counts = (bundle.get("total"), len(found_in(bundle, "match", "include")))
        found = counts[: len(search.counts)]
        complaint = None if found == search.counts else f"found {found}, not {search.counts}"
        yield checked(f"finds {search.counts}", complaint)


def _searched(site: Site, path: str) -> tuple[JsonObject, list[ActionResult]]:
    answer = site.send("GET", encoded(path))
    pages = list(site.pages(answer))
    entries = [entry for page in pages for entry in objects(resource_of(page), "entry")]
    return {**resource_of(answer), "entry": entries}, [*map(sent, pages), status_is(answer, 200)]


def _strangers(bundle: JsonObject, type_name: str) -> str | None:
    """Say which match is of another type than was searched for."""
    found = (each.get("resourceType") for each in found_in(bundle, "match"))
    strange = [str(each) for each in found if type_name not in ("", "*", each)]
    return f"finds {strange[0]}, not {type_name}" if strange else None


def disorder(bundle: JsonObject, order: str) -> str | None:
    """Say which resources stand in the wrong order; those without the value may stand anywhere."""
    keys = [_value(each, _SORTED_BY[order.removeprefix("-")]) for each in found_in(bundle, "match")]
    present = [key for key in keys if key]
    if not present:
        return "no resource that was found has the value"
    for earlier, later in pairwise(present):
        if (earlier < later) if order.startswith("-") else (earlier > later):
            return f"{earlier} stands before {later}"
    return None


def _value(resource: JsonObject, path: str) -> str:
    found: Any = resource
    for name in path.split("."):
        found = found.get(name) if isinstance(found, dict) else None
    return found if isinstance(found, str) else ""
