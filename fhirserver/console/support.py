"""The pages below `/conformance/support`: what is claimed and shown, by the last runs.

    GET /conformance/support         how many claims of which kind
    GET /conformance/support/TYPE    the claims of a resource type, one by one

A run is a TestReport of a suite that is complete; of each suite the latest counts.
"""

from typing import NamedTuple

from flask import Blueprint, render_template

from fhirserver.console.caller import caller
from fhirserver.console.claim_support import Case, of_type, tables
from fhirserver.console.offices import administrators_only
from fhirserver.errors import NotFoundError
from fhirserver.interactions import Query, Services
from fhirserver.interactions.search_type import search_type
from fhirserver.model.json import JsonObject, parse_json
from fhirserver.operations.test_script_run import SUITE_SYSTEM

SUITES = (
    ("interactions", "each type’s interactions; less than a minute"),
    ("search", "each search parameter, modifier, prefix and include; some minutes"),
    ("system", "transactions, formats and whatever else is claimed of all; seconds"),
)
"""Suites of the conformance tool that show claims, and what they take."""


class Run(NamedTuple):
    """A run that counts."""

    id: str
    suite: str
    issued: str
    server: str
    cases: tuple[Case, ...]


def make_support(services: Services) -> Blueprint:
    """Make the blueprint."""
    blueprint = Blueprint("support", __name__, url_prefix="/conformance/support")
    blueprint.before_request(administrators_only)

    def runs() -> list[Run]:
        found = (_last_run(services, suite) for suite, _ in SUITES)
        return [run for run in found if run is not None]

    @blueprint.get("/")
    def index() -> str:
        last = runs()
        cases = [case for run in last for case in run.cases]
        return render_template(
            "support.html",
            runs=last,
            tables=tables(cases, services.definitions),
            types=services.definitions.resource_types,
        )

    @blueprint.get("/<type_>")
    def claims(type_: str) -> str:
        if type_ not in services.definitions.resource_types:
            raise NotFoundError("There is no resource type of this name.")
        cases = [case for run in runs() for case in of_type(run.cases, type_)]
        return render_template("support_type.html", cases=cases, type=type_)

    return blueprint


def _last_run(services: Services, suite: str) -> Run | None:
    query = (
        ("identifier", f"{SUITE_SYSTEM}|{suite}"),
        ("result", "pass,fail"),
        ("_sort", "-_lastUpdated"),
        ("_count", "1"),
    )
    body = search_type(services, caller(), "TestReport", Query(query)).body
    bundle: JsonObject = parse_json(body or b"{}")
    for entry in bundle.get("entry", ()):
        return _run(suite, entry["resource"])
    return None


def _run(suite: str, report: JsonObject) -> Run:
    servers = [each.get("display", "") for each in report.get("participant", ())]
    cases = tuple(
        _case(action.get("assert", {}))
        for test in report.get("test", ())
        for action in test.get("action", ())
    )
    return Run(report["id"], suite, report.get("issued", ""), ", ".join(servers), cases)


def _case(shown: JsonObject) -> Case:
    claim, _, reason = shown.get("message", "").partition(": ")
    return Case(claim, shown.get("result", ""), reason)
