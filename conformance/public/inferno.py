"""The US Core 6.1.0 run that ONC's test kit recorded against its reference server, replayed.

A case is a test of the kit with the requests that it sent:

    GET /metadata               answers with a CapabilityStatement
    GET /[type]/[id]            reads the resource that stands for the recorded one
    GET /[type]?…               answers 200, as the kit asks also where the recorded server did not;
                                finds exactly what of the reference data matches, and its includes
    POST /[type]/_search        its body was not recorded: the kit repeats the search before it
    GET ?_getpages=…            the recorded server's pages: ours are followed to their end

Ids that the recorded server assigned are unknown here. For each stands the first resource of its
type that a search of the same group found, or to which one of those refers; where the group has
not searched for the type, the first of the reference data. What is about patient 355 is skipped:
that patient's data are not published.

Spec: https://hl7.org/fhir/us/core/STU6.1/ and https://hl7.org/fhir/R4/search.html
"""

import re
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qsl, quote

from fhirserver_profiles.package import read_package

from fhirserver_conformance.public import own_parameters
from fhirserver_conformance.public.cases import (
    JsonObject,
    Site,
    as_script,
    case,
    checked,
    found_in,
    place_of,
    read_json_lines,
    resource_of,
    sent,
    skipped,
    status_is,
)
from fhirserver_conformance.public.matching import UnreadError, matches, references
from fhirserver_conformance.public.recorded_data import Loaded, load
from fhirserver_conformance.results import ActionResult, Exchange, ScriptResult, TestResult

SUITE = "inferno-us-core"
_FILE = "us_core_610_replay.jsonl"
_PACKAGE = "hl7.fhir.us.core-6.1.0.tgz"
_OWN = ("us-core-careteam-role", "us-core-encounter-discharge-disposition")
_FORM = "application/x-www-form-urlencoded"
_UUID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_READ = re.compile(r"/(\w+)/([\w.-]+)")
_SEARCH = re.compile(r"/(\w+)\?(.+)")
_POST = re.compile(r"/(\w+)/_search")
_TO_RECORDED = re.compile(rf"(\w+)/({_UUID})")
_NOT_HERE = re.compile(r"(?:patient|_id)=(?:Patient/)?355(?!\d)|/Patient/355(?!\d)")
_ABOUT_355 = "is about patient 355, whose data are not published"
_KIT = "us_core_v610-us_core_v610_fhir_api-"


class Search(NamedTuple):
    """A recorded search, ids of the recorded server replaced."""

    type: str
    parameters: list[tuple[str, str]]

    @property
    def query(self) -> str:
        """The parameters, percent-encoded."""
        return "&".join(f"{name}={quote(value, safe='/:,')}" for name, value in self.parameters)

    @property
    def filters(self) -> list[tuple[str, str]]:
        """The parameters that choose resources."""
        return [each for each in self.parameters if each[0] not in ("_include", "_revinclude")]


def run(site: Site) -> Iterator[ScriptResult]:
    """Store the reference data and replay every test."""
    yield as_script(site, SUITE, _FILE, lambda: _cases(site, site.data / "inferno"))


def name_of(test_id: str) -> str:
    """Shorten a test's id, e.g. "care_plan/read_test"."""
    group, _, rest = test_id.removeprefix(_KIT).rpartition("-")
    return f"{group.removeprefix('us_core_v610_')}/{rest.removeprefix(f'{group}_')}"


def _cases(site: Site, folder: Path) -> Iterator[TestResult]:
    tests = read_json_lines(folder / "recorded" / _FILE)
    loaded = load(site, folder / "reference-data")
    stored = checked("the reference data are stored", loaded.complaint)
    yield case("load", "stores the reference data", *map(sent, loaded.exchanges), stored)
    own = _own(site.data / "packages" / _PACKAGE)
    loaded.definitions = own_parameters.definitions(own)
    stores = "stores US Core's own search parameters"
    if own:
        yield case("define", stores, *own_parameters.store(site, own))
    else:
        yield skipped("define", f"{_PACKAGE} is not among the data")
    for _, members in groupby(tests, key=lambda test: test["test_id"].rpartition("-")[0]):
        group = Group(site, loaded)
        for test in members:
            yield group.case(test)


def _own(path: Path) -> list[JsonObject]:
    """Give the search parameters that the recorded searches use and R4 has not."""
    if not path.exists():
        return []
    found = read_package(path).of_type(own_parameters.TYPE)
    return [each for each in found if each["id"] in _OWN]


class Group:
    """The tests about one profile: they share what their searches found.

    Args:
        site: the server and the suites.
        loaded: the reference data as they are stored there.
    """

    def __init__(self, site: Site, loaded: Loaded) -> None:
        self._site = site
        self._loaded = loaded
        self._asked: set[str] = set()
        self._seen: dict[str, JsonObject] = {}
        self._last: tuple[Search, set[str]] | None = None

    def case(self, test: JsonObject) -> TestResult:
        """Replay one test."""
        name = name_of(test["test_id"])
        asked = [each for each in test["requests"] if not each["path"].startswith("?")]
        if not asked:
            return skipped(name, "no request of its own: it looks at what others found")
        if self._loaded.complaint:
            return skipped(name, "the reference data could not be stored")
        self._last = None
        actions = [action for each in asked for action in self._replay(each["verb"], each["path"])]
        return case(name, f"{len(asked)} recorded requests", *actions)

    def stand_in(self, type_name: str, recorded: str) -> str | None:
        """Give the id of ours that stands for a recorded one; None where there is none."""
        if not re.fullmatch(_UUID, recorded):
            return recorded
        own = (place for place in self._seen if place.startswith(f"{type_name}/"))
        others = (
            text
            for each in self._seen.values()
            for text in references(each)
            if text.startswith(f"{type_name}/")
        )
        unasked = () if type_name in self._asked else self._loaded.of_type(type_name)
        place = next(own, None) or next(others, None) or next(map(place_of, unasked), None)
        return None if place is None else place.partition("/")[2]

    def _replay(self, verb: str, path: str) -> Iterator[ActionResult]:
        if _NOT_HERE.search(path):
            yield _skip(f"{verb} {path}", _ABOUT_355)
        elif path == "/metadata":
            yield from self._metadata()
        elif found := _POST.fullmatch(path):
            yield from self._post(found[1])
        elif found := _READ.fullmatch(path):
            yield from self._read(found[1], found[2])
        elif found := _SEARCH.fullmatch(path):
            yield from self._search(found[1], parse_qsl(found[2], keep_blank_values=True))
        else:
            yield checked(f"{verb} {path}", "is no request that is known here", otherwise="error")

    def _metadata(self) -> Iterator[ActionResult]:
        answer = self._site.send("GET", "metadata")
        yield sent(answer)
        found = resource_of(answer).get("resourceType")
        complaint = None if found == "CapabilityStatement" else f"answered with {found}"
        yield checked("is a CapabilityStatement", complaint)

    def _read(self, type_name: str, recorded: str) -> Iterator[ActionResult]:
        ours = self.stand_in(type_name, recorded)
        if ours is None:
            yield _skip(f"read {type_name}", f"nothing here stands for {type_name}/{recorded}")
            return
        answer = self._site.send("GET", f"{type_name}/{ours}")
        yield sent(answer)
        yield status_is(answer, 200)
        found = resource_of(answer)
        right = (found.get("resourceType"), found.get("id")) == (type_name, ours)
        yield checked("is the resource", None if right else "another resource came back")

    def _search(self, type_name: str, recorded: list[tuple[str, str]]) -> Iterator[ActionResult]:
        search = self._ours(type_name, recorded)
        self._asked.add(type_name)
        if search is None:
            yield _skip(f"search {type_name}", f"nothing here stands for an id in {recorded}")
            return
        answer = self._site.send("GET", f"{type_name}?{search.query}")
        yield sent(answer)
        yield status_is(answer, 200)
        if answer.status == 200:
            yield from self._found(search, answer)

    def _found(self, search: Search, answer: Exchange) -> Iterator[ActionResult]:
        pages = list(self._site.pages(answer))
        yield from map(sent, pages[1:])
        hits = _by_place(each for page in pages for each in found_in(resource_of(page), "match"))
        included = _by_place(
            each for page in pages for each in found_in(resource_of(page), "include")
        )
        self._seen.update(hits)
        self._last = (search, set(hits))
        try:
            yield checked("finds what matches", _wrong_hits(search, hits, self._loaded))
            wrong = _wrong_includes(search, hits, set(included), self._loaded)
            yield checked("includes what belongs to it", wrong)
        except UnreadError as error:
            yield _skip("finds what matches", f"not judged by its content: {error}")

    def _post(self, type_name: str) -> Iterator[ActionResult]:
        if self._last is None or self._last[0].type != type_name:
            yield _skip(f"POST {type_name}/_search", "the search before it was skipped")
            return
        search, by_get = self._last
        body = search.query.encode()
        answer = self._site.send("POST", f"{type_name}/_search", body, _FORM)
        yield sent(answer)
        yield status_is(answer, 200)
        pages = self._site.pages(answer)
        by_post = _by_place(each for page in pages for each in found_in(resource_of(page), "match"))
        complaint = None if set(by_post) == by_get else "GET and POST find different resources"
        yield checked("finds what GET finds", complaint)

    def _ours(self, type_name: str, recorded: list[tuple[str, str]]) -> Search | None:
        """Replace the ids of the recorded server; None where nothing stands for one."""
        parameters = []
        for name, value in recorded:
            found = _TO_RECORDED.fullmatch(value)
            target, old = (found[1], found[2]) if found else (type_name, value)
            if found or name == "_id":
                ours = self.stand_in(target, old)
                if ours is None:
                    return None
                parameters.append((name, f"{target}/{ours}" if found else ours))
            else:
                parameters.append((name, value))
        return Search(type_name, parameters)


def _wrong_hits(search: Search, hits: dict[str, JsonObject], loaded: Loaded) -> str | None:
    """Say which resource should be found and is not, or is found and should not be."""
    known = loaded.definitions
    wanted = {
        place_of(each)
        for each in loaded.of_type(search.type)
        if matches(each, search.filters, known)
    }
    missing = sorted(wanted - hits.keys())
    if missing:
        return f"does not find {missing[0]}, and {len(missing) - 1} more"
    wrong = [
        place
        for place, each in hits.items()
        if each.get("resourceType") != search.type or not matches(each, search.filters, known)
    ]
    return f"finds {wrong[0]}, which does not match" if wrong else None


def _wrong_includes(
    search: Search, hits: dict[str, JsonObject], included: set[str], loaded: Loaded
) -> str | None:
    wanted: set[str] = set()
    for name, value in search.parameters:
        source, _, code = value.partition(":")
        if name == "_revinclude":
            sources = loaded.of_type(source)
            wanted |= {place_of(s) for s in sources if any(matches(s, [(code, h)]) for h in hits)}
        elif name == "_include":
            places = map(place_of, loaded.resources)
            wanted |= {p for p in places if any(matches(h, [(code, p)]) for h in hits.values())}
    if wanted == included:
        return None
    return f"includes {sorted(included)}, not {sorted(wanted)}"


def _by_place(resources: Iterator[JsonObject]) -> dict[str, JsonObject]:
    return {place_of(each): each for each in resources}


def _skip(description: str, reason: str) -> ActionResult:
    return checked(description, reason, otherwise="skip")
