"""The resources that a type's searches need, and how they get into a server and out again.

Spec: https://hl7.org/fhir/R4/http.html#upsert and #transaction

Two steps: first the minimal resources that others refer to, then what shows the parameters. A step
is one transaction where the server offers them, else one request for each resource.

    ids are chosen      the server lets clients choose ids (updateCreate): PUT. Searches are
                        narrowed by _id, and what they find is known by its id.
    ids are assigned    POST. The first step's ids are variables; what searches find is known by
                        a tag, and another tag narrows them.

Resources of other types than the server takes are left out, with all that refers to them.
"""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from urllib.parse import quote
from uuid import NAMESPACE_URL, uuid5

from fhirserver_conformance.examples.minimal import BARE, FIRST, SECOND, minimal, own_id
from fhirserver_conformance.examples.references import OWN
from fhirserver_conformance.examples.searches import TypeData
from fhirserver_conformance.suites.statement import Statement
from fhirserver_conformance.suites.testscript import (
    WHOLE,
    Json,
    expect_okay,
    expect_status,
    fixture,
    operation,
)

TAGS = "http://fhir-conformance.test/run"
_OWN_ID = re.compile(rf"claims-([{BARE[-1]}{FIRST[-1]}{SECOND[-1]}])\.([A-Z]\w+)")
_REFERENCE = re.compile(rf'"[A-Z]\w+/({_OWN_ID.pattern})"')
_LOCATION_TO_ID = ".replaceMatches('/_history/.*', '').replaceMatches('.*/', '')"


@dataclass(frozen=True, slots=True)
class Item:
    """A resource to store: its type, its name in the examples, its content without an id."""

    type: str
    name: str
    content: Json


@dataclass(frozen=True)
class World:
    """What one script stores.

    Attributes:
        prefix: of ids and tags, of this script and run alone.
        data: what is to be asked.
        statement: of the server.
    """

    prefix: str
    data: TypeData
    statement: Statement

    @cached_property
    def chosen(self) -> bool:
        """Whether the server lets this tool choose ids, for every type that is needed."""
        return all(self.statement.offers[item.type].promises("updateCreate") for item in self.early)

    @property
    def at_once(self) -> bool:
        """Whether each step is a transaction."""
        return "transaction" in self.statement.interactions

    @cached_property
    def early(self) -> tuple[Item, ...]:
        """The minimal resources, each after those that it refers to."""
        own = [own_id(self.data.type, which) for which in (BARE, FIRST, SECOND)]
        texts = [json.dumps(item.content) for item in self.late]
        wanted = [*own, *(each for text in texts for each in _ids(text))]
        return tuple(_with_needed(filter(self._can_store, wanted)))

    @cached_property
    def late(self) -> tuple[Item, ...]:
        """What shows the parameters."""
        found = []
        for name, resource in self.data.resources.items():
            if all(self._can_store(id_) for id_ in _ids(json.dumps(resource))):
                content = {key: value for key, value in resource.items() if key != "id"}
                found.append(Item(self.data.type, name, content))
        return tuple(found)

    @cached_property
    def stored(self) -> frozenset[str]:
        """Names of what is stored of the type itself."""
        own = {item.name for item in self.early if item.type == self.data.type}
        return frozenset(own | {item.name for item in self.late})

    @cached_property
    def _storable(self) -> frozenset[str]:
        needed = "create" if "transaction" in self.statement.interactions else "update"
        return frozenset(
            name
            for name, offer in self.statement.offers.items()
            if offer.interactions & {"create", needed}
        )

    def _can_store(self, id_: str) -> bool:
        return _type_of(id_) in self._storable and all(map(self._can_store, _requires(id_)))

    def shown(self, name: str) -> str:
        """Give what tells a resource in answers: its id, or its tag's code."""
        if not self.chosen:
            return name
        own = _OWN_ID.fullmatch(name)
        return f"{self.prefix}-{own[1] if own else name}"

    def written(self, text: str) -> str:
        """Put this world's ids and the server's base into a text of the examples."""
        base, own = self.statement.base, quote(OWN, safe="")
        text = text.replace(OWN, base).replace(own, quote(base, safe=""))
        if self.chosen:
            return _OWN_ID.sub(rf"{self.prefix}-\1", text)
        return _OWN_ID.sub(r"${\2_\1}", text)

    def narrowing(self, names: Iterable[str], code: str = "") -> str:
        """Give the part of a query that keeps other people's data out, as far as there is one.

        Args:
            names: of resources that must stay in.
            code: of the parameter that is asked; "" for all that this script stores.
        """
        parameters = self.statement.offers[self.data.type].parameters
        if self.chosen and "_id" in parameters:
            return "_id=" + ",".join(self.shown(name) for name in sorted(names))
        if not self.chosen and "_tag" in parameters:
            system = f"{self._system}/of" if code else self._system
            return "_tag=" + quote(f"{system}|{code}", safe="")
        return "_count=1000"

    def query_of(self, name: str) -> str:
        """Give the query that finds one resource."""
        if self.chosen or _OWN_ID.fullmatch(name):
            return f"_id={self.shown(name) if self.chosen else self.written(name)}"
        return "_tag=" + quote(f"{self._system}|{name}", safe="")

    @property
    def _system(self) -> str:
        """The system of this script's tags."""
        return f"{TAGS}/{self.prefix}"

    def found(self, kind: str) -> str:
        """Give the FHIRPath, below a Bundle, of what tells the resources of a type in an answer."""
        resources = f"entry.resource.ofType({kind})"
        if self.chosen:
            return f"{resources}.id"
        return f"{resources}.meta.tag.where(system = '{self._system}').code"

    def variables(self) -> Iterator[Json]:
        """Give the variables that hold assigned ids."""
        if self.chosen:
            return
        for step, items in (("early", self.early), ("late", self.late[:1])):
            for number, item in enumerate(items):
                own = _OWN_ID.fullmatch(item.name)
                name = f"{own[2]}_{own[1]}" if own else "late"
                source = step if self.at_once else f"{step}-{number}"
                place = f"Bundle.entry[{number}].response.location"
                expression = f"{place}{_LOCATION_TO_ID}" if self.at_once else f"{item.type}.id"
                yield {"name": name, "expression": expression, "sourceId": source}

    def fixtures(self) -> Iterator[tuple[Json, str, bytes]]:
        """Give every fixture with the name of its file and its body."""
        steps = (("early", self.early), ("late", self.late))
        if self.at_once:
            for step, items in steps:
                yield self._fixture(step, self._transaction(items))
            yield self._fixture("gone", self._removal())
            return
        for step, items in steps:
            for number, item in enumerate(items):
                yield self._fixture(f"{step}-{number}", self._body(item))

    def _fixture(self, id_: str, content: Json) -> tuple[Json, str, bytes]:
        file = f"fixtures/{self.data.type}-{id_}.json"
        return fixture(id_, file), file, json.dumps(content).encode()

    def setup(self) -> Iterator[Json]:
        """Give the actions that store everything."""
        for step, items in (("early", self.early), ("late", self.late)):
            if self.at_once:
                yield operation("transaction", {"sourceId": step, "responseId": step})
                yield expect_okay()
                continue
            for number, item in enumerate(items):
                yield self._store(f"{step}-{number}", item)
                yield expect_status("200,201")

    def _store(self, id_: str, item: Item) -> Json:
        more: Json = {"resource": item.type, "sourceId": id_, "responseId": id_}
        more["requestHeader"] = [WHOLE]
        if self.chosen:
            return operation("update", more | {"params": f"/{self.shown(item.name)}"})
        return operation("create", more)

    def teardown(self) -> Iterator[Json]:
        """Give the actions that delete everything, the later step first."""
        if self.at_once:
            yield operation("transaction", {"sourceId": "gone"})
            return
        for step, items in (("late", self.late), ("early", self.early)):
            for number, item in reversed(list(enumerate(items))):
                if "delete" in self.statement.offers[item.type].interactions:
                    yield operation("delete", {"targetId": f"{step}-{number}"})

    def _removal(self) -> Json:
        """Delete by id; by tag where ids are known to nobody."""
        entries = []
        for item in (*self.late, *self.early):
            if "delete" not in self.statement.offers[item.type].interactions:
                continue
            url = f"{item.type}/{self.shown(item.name)}"
            if not self.chosen:
                tag = quote(f"{self._system}|{item.name}", safe="")
                url = f"{item.type}?_tag={tag}"
            entries.append({"request": {"method": "DELETE", "url": url}})
        return {"resourceType": "Bundle", "type": "transaction", "entry": entries}

    def _transaction(self, items: tuple[Item, ...]) -> Json:
        names = {item.name for item in items}
        entries = [self._entry(item, names) for item in items]
        return {"resourceType": "Bundle", "type": "transaction", "entry": entries}

    def _entry(self, item: Item, together: set[str]) -> Json:
        if self.chosen:
            url = f"{item.type}/{self.shown(item.name)}"
            return {"resource": self._body(item), "request": {"method": "PUT", "url": url}}
        text = _REFERENCE.sub(
            lambda found: f'"{self._uuid(found[1])}"' if found[1] in together else found[0],
            json.dumps(item.content),
        )
        body = self._body(Item(item.type, item.name, json.loads(text)))
        request = {"method": "POST", "url": item.type}
        return {"fullUrl": self._uuid(item.name), "resource": body, "request": request}

    def _uuid(self, name: str) -> str:
        return f"urn:uuid:{uuid5(NAMESPACE_URL, f'{self._system}/{name}')}"

    def _body(self, item: Item) -> Json:
        """Give what is sent: with its id where that is chosen, else with its tags."""
        body: Json = json.loads(self.written(json.dumps(item.content)))
        if self.chosen:
            return body | {"id": self.shown(item.name)}
        meta = body.get("meta", {})
        tags = [
            *meta.get("tag", ()),
            {"system": self._system, "code": item.name},
            *({"system": f"{self._system}/of", "code": code} for code in self._codes(item.name)),
        ]
        return body | {"meta": meta | {"tag": tags}}

    def _codes(self, name: str) -> list[str]:
        """Give the parameters that ask for a resource."""
        return sorted({each.code for each in self.data.checks if name in each.found | each.absent})


def _ids(text: str) -> list[str]:
    return [found[0] for found in _OWN_ID.finditer(text)]


def _type_of(id_: str) -> str:
    return id_.partition(".")[2]


@cache
def _requires(id_: str) -> list[str]:
    return _ids(json.dumps(minimal(_type_of(id_))))


def _with_needed(wanted: Iterable[str]) -> list[Item]:
    """List minimal resources and all that they need, the needed ones first."""
    found: dict[str, Item] = {}
    on_the_way: set[str] = set()

    def add(id_: str) -> None:
        if id_ in on_the_way:
            return
        on_the_way.add(id_)
        for needed in _requires(id_):
            add(needed)
        found[id_] = Item(_type_of(id_), id_, minimal(_type_of(id_)))

    for id_ in wanted:
        add(id_)
    return list(found.values())
