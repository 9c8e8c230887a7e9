"""A suite of ours for one server: to run, or to write down as TestScripts.

Every run has a name of its own, which its ids and tags begin with: runs beside each other, and
what an interrupted one left behind, do not disturb.
"""

import gc
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from fhirserver_conformance.engine.settings import RunSettings, Target
from fhirserver_conformance.script.discover import Suite, read_script
from fhirserver_conformance.script.model import BrokenScript, Script
from fhirserver_conformance.suites.by_hand import guide_drafts, rest_drafts
from fhirserver_conformance.suites.interactions import interaction_drafts
from fhirserver_conformance.suites.searches import search_drafts
from fhirserver_conformance.suites.statement import Statement, read_statement
from fhirserver_conformance.suites.system import system_drafts
from fhirserver_conformance.suites.testscript import Draft, with_bodies
from fhirserver_conformance.transport import Request


@dataclass(frozen=True, slots=True)
class SuiteMaker:
    """One suite.

    Attributes:
        summary: what it shows, in a line.
        drafts: makes its scripts for a server; the text is the run's name.
    """

    summary: str
    drafts: Callable[[Statement, str], Iterator[Draft]]


def _everything(statement: Statement, run: str) -> Iterator[Draft]:
    for name, maker in SUITES.items():
        if name != "all":
            yield from maker.drafts(statement, run)


SUITES: Mapping[str, SuiteMaker] = {
    "interactions": SuiteMaker(
        "each type's interactions, as the server claims", interaction_drafts
    ),
    "search": SuiteMaker("each search parameter, modifier, prefix, include", search_drafts),
    "system": SuiteMaker(
        "transactions, formats and whatever else is claimed of all", system_drafts
    ),
    "rest": SuiteMaker("headers, bundles, patches, errors, pages, history in detail", rest_drafts),
    "guides": SuiteMaker("devices, US Core, SMART, bulk data, subscriptions", guide_drafts),
    "all": SuiteMaker("all of these", _everything),
}


class NoStatementError(ValueError):
    """The server's CapabilityStatement is not to be had; says why, and the remedy."""


def build_suite(name: str, settings: RunSettings) -> Suite:
    """Make a suite for the first server of a run.

    Args:
        name: of `SUITES`.
        settings: of the run.

    Returns:
        Its scripts; where the CapabilityStatement is not to be had, one that says so.
    """
    try:
        with _collector_at_rest():
            _, drafts = draft_suite(name, settings)
            scripts = tuple(script_of(draft, name) for draft in drafts)
    except NoStatementError as fault:
        broken = BrokenScript(suite=name, source="metadata", problem=str(fault))
        return Suite(name, Path(name), (broken,))
    return Suite(name, Path(name), scripts)


@contextmanager
def _collector_at_rest() -> Iterator[None]:
    """Make millions of small objects that stay, without looking for garbage among them.

    That would take longer than making them; afterwards they are left out of every search.
    """
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        gc.enable()


def draft_suite(name: str, settings: RunSettings) -> tuple[Statement, list[Draft]]:
    """Make the drafts of a suite, and give what the server says that they rest on.

    Raises:
        NoStatementError: the CapabilityStatement is not to be had.
    """
    statement = fetch_statement(settings)
    return statement, list(SUITES[name].drafts(statement, f"t{uuid4().hex[:5]}"))


def script_of(draft: Draft, suite: str) -> Script | BrokenScript:
    """Make of a draft what the engine runs."""
    script = read_script(draft.resource, suite=suite, source=draft.source, folder=None)
    return with_bodies(script, draft.files)


def fetch_statement(settings: RunSettings) -> Statement:
    """Read what the first server of a run says that it does."""
    target = settings.targets[0]
    exchange = settings.transport.send(
        Request("GET", f"{target.base}/metadata", tuple(_headers(target)))
    )
    where = f"GET {target.base}/metadata"
    if exchange.failure or exchange.status != 200:
        why = exchange.failure or f"status {exchange.status}"
        raise NoStatementError(f"{where}: {why}; check the address and the credentials")
    return read_statement(_parsed(exchange.response_body, where), target.base)


def _headers(target: Target) -> Iterator[tuple[str, str]]:
    yield "Accept", "application/fhir+json"
    authorization = target.authorization()
    if authorization is not None:
        yield "Authorization", authorization


def _parsed(body: bytes, where: str) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        raise NoStatementError(f"{where}: the answer is no JSON; is this a FHIR base?") from None
    if not isinstance(found, dict) or found.get("resourceType") != "CapabilityStatement":
        raise NoStatementError(f"{where}: no CapabilityStatement; is this a FHIR base?")
    return found


def write_suite(name: str, settings: RunSettings, folder: Path) -> int:
    """Write a suite's TestScripts and their fixtures below a folder.

    Returns:
        The number of scripts.

    Raises:
        NoStatementError: the CapabilityStatement is not to be had.
        OSError: the folder cannot be written.
    """
    _, drafts = draft_suite(name, settings)
    for draft in drafts:
        script = json.dumps(draft.resource, indent=2, ensure_ascii=False).encode() + b"\n"
        for file, body in {draft.source: script, **draft.files}.items():
            place = folder / file
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(body)
    return len(drafts)
