"""What a public suite is made of: cases, each with what was sent and what is to be said of it.

Site            the suites' folder and the server that they are tried on
case, skipped   one case that was tried, or was not
sent, checked   what a case did: a request, a judgement
as_script       the cases of a file
"""

import json
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from fhirserver.errors import FhirError
from fhirserver.model.json import parse_json
from fhirserver_conformance.engine.settings import RunSettings
from fhirserver_conformance.results import (
    ActionResult,
    Exchange,
    Headers,
    ScriptResult,
    TestResult,
    Verdict,
    worst,
)
from fhirserver_conformance.transport import Request

JsonObject = dict[str, Any]

FHIR_JSON = "application/fhir+json"
FHIR_XML = "application/fhir+xml"
_MOST_PAGES = 200


class DataError(Exception):
    """A suite's own files are not as they should be; the message names file and remedy."""


@dataclass(frozen=True, slots=True)
class Site:
    """Where suites come from and what they are tried on.

    Attributes:
        data: folder of all suites.
        settings: of the run; the first target is the server.
        capabilities: its CapabilityStatement.
    """

    data: Path
    settings: RunSettings
    capabilities: JsonObject

    @property
    def base(self) -> str:
        """FHIR base of the server."""
        return self.settings.targets[0].base

    def send(
        self, method: str, path: str, body: bytes | None = None, content_type: str = FHIR_JSON
    ) -> Exchange:
        """Send a request and wait for its answer.

        Args:
            method: of HTTP, upper case.
            path: below the base, percent-encoded, e.g. "Patient?name=x"; or an absolute URL.
            body: None for none.
            content_type: of `body`.
        """
        url = path if path.startswith(("http://", "https://")) else self._below(path)
        headers: Headers = (("Accept", FHIR_JSON),)
        if body is not None:
            headers += (("Content-Type", content_type),)
        authorization = self.settings.targets[0].authorization()
        if authorization is not None:
            headers += (("Authorization", authorization),)
        return self.settings.transport.send(Request(method, url, headers, body))

    def declares(self, operation: str) -> bool:
        """Tell whether the CapabilityStatement has an operation of this name anywhere."""
        return any(
            str(each.get("name")).removeprefix("$") == operation
            for rest in objects(self.capabilities, "rest")
            for holder in (rest, *objects(rest, "resource"))
            for each in objects(holder, "operation")
        )

    def pages(self, first: Exchange) -> Iterator[Exchange]:
        """Give a search's first page and those that its next links lead to."""
        page = first
        for _ in range(_MOST_PAGES):
            yield page
            following = next_link(resource_of(page))
            if following is None:
                return
            page = self.send("GET", following)

    def _below(self, path: str) -> str:
        return self.base + path if path.startswith("?") or not path else f"{self.base}/{path}"


def encoded(query: str) -> str:
    """Percent-encode what no URL may hold and leave the rest, also what is encoded already."""
    return quote(query, safe="=&%:,$/+*@!.~_-?;()'")


def resource_of(exchange: Exchange) -> JsonObject:
    """Give the resource of an answer; an empty object where there is none in JSON."""
    try:
        content = parse_json(exchange.response_body)
    except FhirError:
        return {}
    return content if isinstance(content, dict) else {}


def objects(holder: Any, name: str) -> list[JsonObject]:
    """Give the objects of an array that an answer should have; what is none is left out."""
    found = holder.get(name) if isinstance(holder, dict) else None
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def next_link(bundle: JsonObject) -> str | None:
    """Give the URL of a Bundle's next page; None on its last."""
    links = (each.get("url") for each in objects(bundle, "link") if each.get("relation") == "next")
    return next((url for url in links if isinstance(url, str)), None)


def found_in(bundle: JsonObject, *modes: str) -> list[JsonObject]:
    """Give the resources of a searchset's entries with one of these modes."""
    return [
        entry["resource"]
        for entry in objects(bundle, "entry")
        if isinstance(entry.get("resource"), dict) and _mode(entry) in modes
    ]


def place_of(resource: JsonObject) -> str:
    """Write where a resource is stored, e.g. "Patient/1"."""
    return f"{resource.get('resourceType')}/{resource.get('id')}"


def _mode(entry: JsonObject) -> str:
    search = entry.get("search")
    return str(search.get("mode", "match")) if isinstance(search, dict) else "match"


def sent(exchange: Exchange) -> ActionResult:
    """Say that a request was sent; an error where no whole answer came."""
    return ActionResult(
        kind="operation",
        verdict="error" if exchange.failure else "pass",
        description=f"{exchange.method} {exchange.url}",
        message=exchange.failure or "",
        exchange=exchange,
        stops=exchange.failure is not None,
    )


def checked(
    description: str, complaint: str | None, *, otherwise: Verdict = "fail"
) -> ActionResult:
    """Say what was looked at, and what is wrong with it; None where nothing is."""
    return ActionResult(
        kind="assert",
        verdict="pass" if complaint is None else otherwise,
        description=description,
        message=complaint or "",
    )


def status_is(exchange: Exchange, *expected: int) -> ActionResult:
    """Judge an answer's status; a failure quotes what the server said."""
    wanted = " or ".join(map(str, expected))
    complaint = None
    if exchange.status not in expected:
        complaint = f"status {exchange.status}, not {wanted}{said(exchange)}"
    return checked(f"status is {wanted}", complaint)


def said(exchange: Exchange) -> str:
    """Quote the diagnostics of an OperationOutcome, e.g. ": no such parameter"; "" without."""
    texts = [each.get("diagnostics") for each in objects(resource_of(exchange), "issue")]
    return f": {texts[0]}" if texts and texts[0] else ""


def case(name: str, description: str, *actions: ActionResult) -> TestResult:
    """Make a case of what was done; its message is that of the first action that went worst."""
    verdict = worst(each.verdict for each in actions)
    return TestResult(
        phase="test",
        name=name,
        description=description,
        verdict=verdict,
        message=next((each.message for each in actions if each.verdict == verdict), ""),
        actions=actions,
    )


def skipped(name: str, reason: str, description: str = "") -> TestResult:
    """Make a case that was not tried."""
    return TestResult(
        phase="test", name=name, description=description, verdict="skip", message=reason
    )


def read_json(path: Path) -> Any:
    """Read a suite's JSON file.

    Raises:
        DataError: it cannot be read, or is no JSON.
    """
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise DataError(f"{path.name} cannot be read: {error}; fetch the suite again") from error


def read_json_lines(path: Path) -> list[JsonObject]:
    """Read a suite's file of JSON objects, one a line. Raises DataError likewise."""
    try:
        return [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip()]
    except (OSError, ValueError) as error:
        raise DataError(f"{path.name} cannot be read: {error}; fetch the suite again") from error


def as_script(
    site: Site, suite: str, source: str, cases: Callable[[], Iterable[TestResult]]
) -> ScriptResult:
    """Run the cases of one file. Files that are not as they should be become a message."""
    began, started = datetime.now(UTC), time.monotonic()
    tests: list[TestResult] = []
    message = ""
    try:
        tests.extend(cases())
    except DataError as error:
        message = str(error)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        message = f"{source} is not as this suite's files are: {error!r}; fetch the suite again"
    return ScriptResult(
        suite=suite,
        source=source,
        name=suite,
        tests=tuple(tests) if not message else (),
        started=began,
        duration_ms=(time.monotonic() - started) * 1000,
        base=site.base,
        message=message,
    )
