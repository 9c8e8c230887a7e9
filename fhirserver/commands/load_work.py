"""One process of a load: Bundles and chunks of resources go through the ordinary transaction.

A chunk that is refused is halved until the resources that are wrong stand alone, so one bad
resource costs itself and not its neighbours.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from urllib.parse import quote

from fhirserver.access import AuthContext
from fhirserver.commands.sources import NO_OBJECT, Item
from fhirserver.config import Settings
from fhirserver.errors import FhirError, Issue, UnavailableError
from fhirserver.interactions import Services, WriteOptions
from fhirserver.model.json import JsonObject, JsonValue, parse_json

CLIENT = "fhirserver load"
_RUN = ("transaction", "batch")
_UNWRAP = ("collection", "searchset", "history")


@dataclass(slots=True)
class Report:
    """What became of some items.

    Attributes:
        stored: resources stored, by type.
        refused: (place, issues) of each item that was not stored.
        waiting: items that refer to something not loaded yet.
        notes: what else the user should know, a line each.
    """

    stored: Counter[str] = field(default_factory=Counter)
    refused: list[tuple[str, tuple[Issue, ...]]] = field(default_factory=list)
    waiting: list[Item] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, other: "Report") -> None:
        """Add another report to this one."""
        self.stored.update(other.stored)
        self.refused.extend(other.refused)
        self.waiting.extend(other.waiting)
        self.notes.extend(other.notes)


class Worker:
    """Stores items through one set of services.

    Args:
        services: of this process.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        settings: Settings = replace(services.settings, referential_integrity="off")
        self._lenient = replace(services, settings=settings)

    def store(self, source_key: str, items: Sequence[Item], *, last_try: bool) -> Report:
        """Store a chunk of items of one source.

        Args:
            source_key: names the source in the audit record.
            items: in the order of the source.
            last_try: refuse what refers to nothing instead of letting it wait.

        Raises:
            UnavailableError: the database is gone.
        """
        report = Report()
        plain: list[tuple[Item, JsonObject]] = []
        for item in items:
            value = _parsed(item, report)
            runs = value is not None and _is_bundle(value, _RUN)
            if value is None or runs:
                # What is stored together are neighbours: a range of numbers names them.
                self._store_plain(source_key, plain, report)
                plain = []
            if value is not None and runs:
                self._store_bundle(source_key, item, value, report, last_try=last_try)
            elif value is not None:
                plain.extend((item, resource) for resource in _resources(value))
        self._store_plain(source_key, plain, report)
        return report

    def _store_bundle(
        self, key: str, item: Item, bundle: JsonObject, report: Report, *, last_try: bool
    ) -> None:
        try:
            answer = self._transact(self._services, key, (item, item), bundle)
        except UnavailableError:
            raise
        except FhirError as error:
            if not last_try and any(_may_come(issue) for issue in error.issues):
                report.waiting.append(item)
            else:
                report.refused.append((item.place, error.issues))
            return
        _count_answer(item, bundle, parse_json(answer), report)

    def _store_plain(self, key: str, items: list[tuple[Item, JsonObject]], report: Report) -> None:
        if not items:
            return
        bundle = {
            "resourceType": "Bundle",
            "type": "transaction",
            "entry": [
                {"resource": resource, "request": _request(resource)} for _, resource in items
            ],
        }
        try:
            self._transact(self._lenient, key, (items[0][0], items[-1][0]), bundle)
        except UnavailableError:
            raise
        except FhirError as error:
            if len(items) == 1:
                ((item, resource),) = items
                report.refused.append((item.place, _alone(error.issues, resource)))
                return
            half = len(items) // 2
            self._store_plain(key, items[:half], report)
            self._store_plain(key, items[half:], report)
            return
        report.stored.update(str(resource["resourceType"]) for _, resource in items)

    def _transact(
        self, services: Services, key: str, ends: tuple[Item, Item], bundle: JsonObject
    ) -> bytes:
        from fhirserver.interactions.transaction import transaction

        auth = AuthContext("system", CLIENT, request_id(key, ends[0].number, ends[1].number))
        result = transaction(services, auth, bundle, WriteOptions(prefer="minimal"))
        return result.body or b"{}"


def request_id(key: str, first: int, last: int) -> str:
    """Name some items of a source in the audit record."""
    return f"load:{key}:{first}-{last}"


def requests_of(value: JsonValue) -> list[JsonObject]:
    """Give the requests that an item makes, as `Bundle.entry.request` has them; invalid: none."""
    if not isinstance(value, dict):
        return []
    if _is_bundle(value, _RUN):
        entries = value.get("entry") or []
        return [entry.get("request", {}) for entry in entries if isinstance(entry, dict)]
    return [_request(resource) for resource in _resources(value)]


def _request(resource: JsonObject) -> JsonObject:
    """Keep the id that a resource brings; let the server choose one where it brings none."""
    kind, id = resource.get("resourceType"), resource.get("id")
    if id is None:
        return {"method": "POST", "url": f"{kind}"}
    return {"method": "PUT", "url": f"{kind}/{quote(str(id), safe='')}"}


def _alone(issues: tuple[Issue, ...], resource: JsonObject) -> tuple[Issue, ...]:
    """Speak of the resource, not of the Bundle that it was put into."""
    entry, kind = "Bundle.entry[0]", str(resource.get("resourceType"))
    return tuple(
        replace(
            issue,
            expression=tuple(
                each.replace(f"{entry}.resource", kind)
                for each in issue.expression
                if each != f"{entry}.request.url"
            ),
            diagnostics=issue.diagnostics.removeprefix(f"{entry}: "),
        )
        for issue in issues
    )


def _parsed(item: Item, report: Report) -> JsonObject | None:
    """Parse an item; one that is no JSON object is refused and gives None."""
    try:
        value = item.parse()
    except FhirError as error:
        report.refused.append((item.place, error.issues))
        return None
    if not isinstance(value, dict):
        report.refused.append((item.place, (NO_OBJECT,)))
        return None
    return value


def _resources(value: JsonObject) -> list[JsonObject]:
    """Unwrap a collection; anything else stands for itself, and validation judges it."""
    entries = value.get("entry")
    if not _is_bundle(value, _UNWRAP) or not isinstance(entries, list):
        return [value]
    if not all(isinstance(entry, dict) for entry in entries):
        return [value]
    resources = [entry["resource"] for entry in entries if "resource" in entry]
    return resources if all(isinstance(each, dict) for each in resources) else [value]


def _is_bundle(value: JsonObject, types: tuple[str, ...]) -> bool:
    return value.get("resourceType") == "Bundle" and value.get("type") in types


def _may_come(issue: Issue) -> bool:
    """Whether the issue is a reference to something that a later item may bring."""
    return issue.code in ("not-found", "conflict")


def _count_answer(item: Item, bundle: JsonObject, answer: JsonObject, report: Report) -> None:
    pairs = zip(bundle.get("entry", ()), answer.get("entry", ()), strict=True)
    for number, (entry, answered) in enumerate(pairs):
        response = answered["response"]
        if response["status"][:1] == "2":
            report.stored[entry.get("resource", {}).get("resourceType", "no resource")] += 1
        else:
            report.refused.append((f"{item.place} Bundle.entry[{number}]", _issues(response)))


def _issues(response: JsonObject) -> tuple[Issue, ...]:
    outcome = response.get("outcome") or {}
    return tuple(
        Issue(
            "error", issue["code"], issue.get("diagnostics", ""), tuple(issue.get("expression", ()))
        )
        for issue in outcome.get("issue", ())
    )
