"""The scripts that no rule makes: `scripts/*.json`, TestScripts and the fixtures that they name.

A script is gated by what it needs of the CapabilityStatement, test by test where they differ, so
that what a server does not offer is skipped. Each begins what it stores with its own name and
deletes it again.
"""

import json
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import Any

from fhirserver_conformance.suites.statement import Statement
from fhirserver_conformance.suites.testscript import Draft

Json = dict[str, Any]

GUIDES = ("bulk-data", "devices", "smart", "subscriptions", "us-core")
"""Scripts about what is built on FHIR's REST interface."""
_SCRIPT = b'"resourceType": "TestScript"'


def rest_drafts(_statement: Statement, _run: str) -> Iterator[Draft]:
    """Give the scripts about FHIR's REST interface itself."""
    return (draft for name, draft in _drafts().items() if name not in GUIDES)


def guide_drafts(_statement: Statement, _run: str) -> Iterator[Draft]:
    """Give the scripts of `GUIDES`."""
    return (_drafts()[name] for name in GUIDES)


@cache
def _drafts() -> dict[str, Draft]:
    bodies = {
        each.name: each.read_bytes()
        for each in (files(__package__) / "scripts").iterdir()
        if each.name.endswith(".json")
    }
    found: dict[str, Draft] = {}
    for name, body in sorted(bodies.items()):
        # Not every fixture is JSON that can be read.
        if _SCRIPT in body:
            resource = json.loads(body)
            source = f"scripts/{name}"
            found[name.removesuffix(".json")] = Draft(source, resource, _named(resource, bodies))
    return found


def _named(resource: Json, bodies: dict[str, bytes]) -> dict[str, bytes]:
    names = [each["resource"]["reference"] for each in resource.get("fixture", ())]
    return {f"scripts/{name}": bodies[name] for name in names}
