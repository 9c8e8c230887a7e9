"""One script of what a server claims of all types together: transactions, formats, patch formats.

Spec: https://hl7.org/fhir/R4/http.html#transaction and
https://hl7.org/fhir/R4/capabilitystatement.html

It stores three resources: `one` and `two`, of two types, with the same tag, profile, security label
and source; `plain`, of the first type, with none of them.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import quote

from fhirserver_conformance.examples.minimal import minimal
from fhirserver_conformance.suites.matching import Shown
from fhirserver_conformance.suites.patches import PATCHES
from fhirserver_conformance.suites.statement import Statement
from fhirserver_conformance.suites.testscript import (
    ACCEPTED,
    WHOLE,
    Draft,
    Json,
    expect,
    expect_nothing,
    expect_okay,
    expect_status,
    expect_value,
    fixture,
    header,
    operation,
    phase,
    test,
    testscript,
)

_SIMPLE = ("Patient", "Basic", "Organization", "Practitioner", "Location", "Device", "Group")
"""Types whose smallest resource refers to nothing."""
_NEEDED = frozenset(("create", "read", "delete", "search-type"))
_RUN = "http://fhir-conformance.test/system"
_LOOKS = {"json": "json", "xml": "xml", "ttl": "turtle"}
NOBODY = "conformance-nobody"


@dataclass(frozen=True, slots=True)
class Pair:
    """What the script is about.

    Attributes:
        mark: what the values of `one` and `two` begin with; no other run has it.
        first, second: two types.
    """

    statement: Statement
    mark: str
    first: str
    second: str

    def meta(self) -> Json:
        """Give what `one` and `two` have in common."""
        return {
            "profile": [f"{self.mark}/profile"],
            "security": [{"system": self.mark, "code": "security"}],
            "source": f"{self.mark}/source",
            "tag": [{"system": self.mark, "code": "tag"}],
        }

    def values(self) -> Mapping[str, str]:
        """Give what finds them, by parameter."""
        return {
            "_filter": quote(f'_tag eq "{self.mark}|tag"', safe=""),
            "_id": "${one},${two}",
            "_profile": quote(f"{self.mark}/profile", safe=""),
            "_security": quote(f"{self.mark}|security", safe=""),
            "_source": quote(f"{self.mark}/source", safe=""),
            "_tag": quote(f"{self.mark}|tag", safe=""),
        }

    def bodies(self) -> Mapping[str, Json]:
        """Give the fixtures' bodies."""
        marked = minimal(self.first) | {"meta": {"tag": [{"system": self.mark, "code": "whole"}]}}
        post = {"resource": marked, "request": {"method": "POST", "url": self.first}}
        wrong = {"resource": {"resourceType": self.second, "noSuchElement": 1}}
        other = {"request": {"method": "POST", "url": self.second}}
        nobody = {"request": {"method": "GET", "url": f"{self.first}/{NOBODY}"}}
        return {
            "one": minimal(self.first) | {"meta": self.meta()},
            "two": minimal(self.second) | {"meta": self.meta()},
            "plain": minimal(self.first),
            "list": minimal("List")
            | {
                "entry": [
                    {"item": {"reference": f"{self.first}/${{one}}"}},
                    {"item": {"reference": f"{self.second}/${{two}}"}},
                ]
            },
            "half": _bundle("transaction", post, wrong | other),
            "whole": _bundle("transaction", post, {"resource": minimal(self.second)} | other),
            "each": _bundle("batch", {"resource": minimal(self.first)} | _post(self.first), nobody),
        }


def _bundle(kind: str, *entries: Json) -> Json:
    return {"resourceType": "Bundle", "type": kind, "entry": list(entries)}


def _post(name: str) -> Json:
    return {"request": {"method": "POST", "url": name}}


def system_drafts(statement: Statement, run: str) -> Iterator[Draft]:
    """Make the script; nothing where the server does not take two simple types."""
    offers = statement.offers
    fit = [name for name in _SIMPLE if name in offers and offers[name].interactions >= _NEEDED]
    if len(fit) < 2:
        return
    pair = Pair(statement, f"{_RUN}/{run}", *fit[:2])
    shown = list(_tests(pair))
    bodies = {id_: json.dumps(body).encode() for id_, body in pair.bodies().items()}
    bodies |= {each.fixture: each.body(pair.first) for each in PATCHES.values()}
    files = {id_: f"fixtures/system-{id_}.json" for id_ in bodies}
    parts = {
        "variable": list(_variables(pair)),
        "fixture": [fixture(id_, file) for id_, file in files.items()],
        "setup": phase(list(_setup(pair))),
        "test": [each for each, _ in shown],
        "teardown": phase([operation("delete", {"targetId": id_}) for id_ in _MADE]),
    }
    yield Draft(
        "system/system.json",
        testscript("system", "What is offered for all types together.", parts),
        {f"system/{file}": bodies[id_] for id_, file in files.items()},
        {each["name"]: claims for each, claims in shown},
    )


_MADE = ("one-made", "two-made", "plain-made")


def _variables(pair: Pair) -> Iterator[Json]:
    for name, kind in (("one", pair.first), ("two", pair.second), ("plain", pair.first)):
        yield {"name": name, "expression": f"{kind}.id", "sourceId": f"{name}-made"}
    yield {"name": "newest", "expression": f"{pair.first}.id", "sourceId": "newest"}
    yield {"name": "list", "expression": "List.id", "sourceId": "list-made"}
    instant = f"{pair.second}.meta.lastUpdated.toString().replace('+', '%2B')"
    yield {"name": "later", "expression": instant, "sourceId": "two-made"}
    kinds = {"whole_1": ("whole", 0), "whole_2": ("whole", 1), "each_1": ("each", 0)}
    for name, (source, number) in kinds.items():
        place = f"Bundle.entry[{number}].response.location"
        ending = ".replaceMatches('/_history/.*', '').replaceMatches('.*/', '')"
        yield {"name": name, "expression": f"{place}{ending}", "sourceId": f"{source}-answer"}


def _setup(pair: Pair) -> Iterator[Json]:
    for name, kind in (("one", pair.first), ("two", pair.second), ("plain", pair.first)):
        yield _create(kind, name, f"{name}-made")
        yield expect_status("201")


def _create(kind: str, source_id: str, response_id: str) -> Json:
    more: Json = {"sourceId": source_id, "responseId": response_id}
    return operation("create", {"resource": kind, "requestHeader": [WHOLE], **more})


def _tests(pair: Pair) -> Iterator[Shown]:
    statement = pair.statement
    for code, (said, shows, make) in _INTERACTIONS.items():
        if code in statement.interactions:
            yield _shown(code, said, shows, list(make(pair)))
    for code in statement.parameters:
        actions = list(_search(pair, code)) if "search-system" in statement.interactions else []
        if actions:
            yield _shown(f"?{code}", "Found in both types, and not beside.", "SEA-01", actions)
    yield from _of_formats(pair)
    offered = {each.get("name") for each in statement.rest.get("operation", ())}
    for name, (said, shows, make) in _OPERATIONS.items():
        if name in offered:
            yield _shown(f"${name}", said, shows, list(make(pair)))


def _of_formats(pair: Pair) -> Iterator[Shown]:
    statement = pair.statement
    for name in statement.resource.get("format", ()):
        actions = list(_format(pair, str(name)))
        if actions:
            yield _shown(f"format {name}", "A resource in this format.", "STO-10", actions)
    for name in statement.resource.get("patchFormat", ()):
        if str(name) in PATCHES and "patch" in statement.offers[pair.first].interactions:
            said = "What the patch says is done; as plain text it is refused."
            yield _shown(f"patchFormat {name}", said, "STO-05", list(_patch(pair, str(name))))


def _shown(claim: str, said: str, shows: str, actions: list[Json]) -> Shown:
    return test(claim, said, ("STO-13", shows), actions), frozenset({claim})


def _transaction(pair: Pair) -> Iterator[Json]:
    listed = f"Bundle.entry.resource.ofType({pair.first}).id"
    query = f"?_tag={quote(f'{pair.mark}|whole', safe='')}"
    yield operation("transaction", {"sourceId": "half"})
    yield expect_status("400,422")
    yield operation("search", {"resource": pair.first, "params": query})
    yield expect_okay()
    yield expect_nothing("of what is refused nothing is stored", listed)
    yield operation("transaction", {"sourceId": "whole", "responseId": "whole-answer"})
    yield expect_okay()
    created = "Bundle.entry.response.where(status.startsWith('201')).count()"
    yield expect_value(created, "2")
    yield operation("search", {"resource": pair.first, "params": query})
    yield expect_value(listed, "${whole_1}")
    yield from _gone(pair.first, "${whole_1}")
    yield from _gone(pair.second, "${whole_2}")


def _batch(pair: Pair) -> Iterator[Json]:
    yield operation("batch", {"sourceId": "each", "responseId": "each-answer"})
    yield expect_okay()
    for number, status in enumerate(("201", "404")):
        place = f"Bundle.entry[{number}].response.status.substring(0, 3)"
        yield expect_value(place, status)
    yield from _gone(pair.first, "${each_1}")


def _gone(kind: str, id_: str) -> Iterator[Json]:
    yield operation("delete", {"resource": kind, "params": f"/{id_}"})
    yield expect_status(ACCEPTED)


def _both(pair: Pair) -> Iterator[Json]:
    for kind, name in ((pair.first, "one"), (pair.second, "two")):
        found = f"Bundle.entry.resource.ofType({kind}).id"
        yield expect_nothing(f"{name} is found", f"'${{{name}}}'.exclude({found})")
    plain = "Bundle.entry.resource.where(id = '${plain}').id"
    yield expect_nothing("plain is not found", plain)


def _search_system(pair: Pair) -> Iterator[Json]:
    types = f"_type={pair.first},{pair.second}"
    yield operation("search", {"url": f"?{types}&_id=${{one}},${{two}}"})
    yield expect_okay()
    yield from _both(pair)
    yield operation("search", {"url": f"?{types}&_id={NOBODY}"})
    yield expect_nothing("nothing has this id", "Bundle.entry.resource.id")


def _history_system(pair: Pair) -> Iterator[Json]:
    # Others may write meanwhile. No _since: servers may hold back what is very new.
    yield _create(pair.first, "plain", "newest")
    yield expect_status("201")
    yield operation("history", {"url": "_history?_count=500"})
    yield expect_okay()
    found = f"Bundle.entry.resource.ofType({pair.first}).id"
    yield expect_nothing("what was just written is listed", f"'${{newest}}'.exclude({found})")
    stamps = "Bundle.entry.resource.meta.lastUpdated"
    in_order = f"{stamps}.first() >= {stamps}.last()"
    yield expect_value(in_order, "true")
    yield from _gone(pair.first, "${newest}")


def _search(pair: Pair, code: str) -> Iterator[Json]:
    types = f"_type={pair.first},{pair.second}"
    if code == "_lastUpdated":
        yield operation("search", {"url": f"?{types}&_id=${{one}},${{two}}&{code}=ge${{later}}"})
        yield expect_okay()
        found = f"Bundle.entry.resource.ofType({pair.second}).id"
        yield expect_nothing("two is found", f"'${{two}}'.exclude({found})")
        earlier = "Bundle.entry.resource.where(id = '${one}').id"
        yield expect_nothing("one, written before, is not found", earlier)
    elif code == "_list" and "List" in pair.statement.offers:
        yield _create("List", "list", "list-made")
        yield expect_status("201")
        yield operation("search", {"url": f"?{types}&{code}=${{list}}"})
        yield expect_okay()
        yield from _both(pair)
        yield from _gone("List", "${list}")
    elif code in pair.values():
        yield operation("search", {"url": f"?{types}&{code}={pair.values()[code]}"})
        yield expect_okay()
        yield from _both(pair)


def _format(pair: Pair, name: str) -> Iterator[Json]:
    look = next((look for part, look in _LOOKS.items() if part in name), None)
    if look is None:
        return
    asked = {"resource": pair.first, "params": f"/${{one}}?_format={quote(name, safe='')}"}
    yield operation("read", asked | {"accept": "none"})
    yield expect_okay()
    kind = {"headerField": "Content-Type", "operator": "contains", "value": look}
    yield expect(f"it is {look}", kind)
    if look != "turtle":
        yield expect_value(f"{pair.first}.id", "${one}")


def _patch(pair: Pair, name: str) -> Iterator[Json]:
    patch = PATCHES[name]
    made = f"{patch.fixture}-made"
    yield _create(pair.first, "plain", made)
    yield expect_status("201")
    for media_type, status in ((name, "200"), ("text/plain", "415")):
        sent: Json = {"targetId": made, "sourceId": patch.fixture, "contentType": "none"}
        sent["requestHeader"] = [header("Content-Type", media_type)]
        yield operation("patch", sent)
        yield expect_status(status)
    yield operation("read", {"targetId": made})
    yield expect_value(f"{pair.first}.language", "de")
    yield operation("delete", {"targetId": made})
    yield expect_status(ACCEPTED)


def _fhirpath(pair: Pair) -> Iterator[Json]:
    for expression, status in (("id", "200"), ("id.where(", "400")):
        url = f"$fhirpath?expression={expression}&resource={pair.first}/${{one}}"
        yield operation("fhirpath", {"url": url, "method": "get"})
        yield expect_status(status)
        if status == "200":
            yield expect_value("Parameters.parameter.where(name = 'result').part.value", "${one}")


def _explain_access(pair: Pair) -> Iterator[Json]:
    for what, status in ((f"GET {pair.first}/${{one}}", "200"), ("GET Nothing", "404")):
        url = f"$explain-access?what={what.replace(' ', '%20')}"
        yield operation("explain-access", {"url": url, "method": "get"})
        yield expect_status(status)
        if status == "200":
            asked = "Parameters.parameter.where(name = 'access').part"
            yield expect_value(f"{asked}.where(name = 'allowed').value", "true")
            yield expect_value(f"{asked}.where(name = 'interaction').value", "read")


_OPERATIONS = {
    "fhirpath": (
        "An expression on a stored resource; a broken one is refused.", "FP-01", _fhirpath,
    ),
    "explain-access": ("Why a read is allowed.", "SEC-N5", _explain_access),
}  # fmt: skip
_INTERACTIONS = {
    "transaction": ("All or nothing.", "STO-07", _transaction),
    "batch": ("Each by itself.", "STO-07", _batch),
    "search-system": ("Several types at a time.", "SEA-01", _search_system),
    "history-system": ("What was written last comes first.", "STO-06", _history_system),
}
