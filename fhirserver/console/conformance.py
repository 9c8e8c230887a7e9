"""The pages below `/conformance`: run stored TestScripts, watch the runs, read the reports.

GET  /conformance                       scripts and reports, the latest first
POST /conformance/scripts/ID/run        runs a script; leads to its report
GET  /conformance/reports/ID            a report; loads itself again until it is complete
POST /conformance/reports/ID/cancel     deletes a report, which cancels its run
"""

from typing import Any

from flask import Blueprint, redirect, render_template, url_for
from werkzeug.wrappers import Response

from fhirserver.console.caller import caller
from fhirserver.console.offices import administrators_only
from fhirserver.console.support import SUITES
from fhirserver.console.test_report_view import phases, summary
from fhirserver.errors import NotFoundError
from fhirserver.interactions import Query, Services
from fhirserver.interactions.delete import delete
from fhirserver.interactions.read import read
from fhirserver.interactions.search_type import search_type
from fhirserver.model.json import JsonObject, parse_json
from fhirserver.model.reference import is_id
from fhirserver.operations import Call, invoke

LISTED = 100
_REFRESH_S = 2
_LATEST = (("_sort", "-_lastUpdated"), ("_count", str(LISTED)))
_OF_SCRIPTS = ("_elements", "name,title,status,description")
_OF_REPORTS = ("_elements", "name,status,result,score,issued,tester,testScript")


def make_conformance(services: Services) -> Blueprint:
    """Make the blueprint."""
    blueprint = Blueprint("conformance", __name__, url_prefix="/conformance")
    blueprint.before_request(administrators_only)

    def latest(type_: str, elements: tuple[str, str]) -> list[JsonObject]:
        found = search_type(services, caller(), type_, Query((*_LATEST, elements)))
        bundle: JsonObject = parse_json(found.body or b"{}")
        return [entry["resource"] for entry in bundle.get("entry", ())]

    @blueprint.get("/")
    def index() -> str:
        reports = [summary(report) for report in latest("TestReport", _OF_REPORTS)]
        running = any(report.unfinished for report in reports)
        return render_template(
            "conformance.html",
            base_url=services.settings.public_url,
            listed=LISTED,
            refresh_s=_REFRESH_S if running else None,
            reports=reports,
            scripts=latest("TestScript", _OF_SCRIPTS),
            suites=SUITES,
            runs=services.settings.open,
        )

    def accepted(call: Call) -> Response:
        follow = invoke("run", call, "POST").follow
        assert follow is not None
        return redirect(url_for(".report", id_=follow.rpartition("/")[2]), 303)

    @blueprint.post("/scripts/<id_>/run")
    def run(id_: str) -> Response:
        return accepted(Call(services, caller(), "TestScript", _checked(id_), Query(), None))

    @blueprint.post("/suites/<name>/run")
    def run_suite(name: str) -> Response:
        query = Query((("suite", name),))
        return accepted(Call(services, caller(), "TestScript", None, query, None))

    @blueprint.get("/reports/<id_>")
    def report(id_: str) -> str:
        found: Any = parse_json(read(services, caller(), "TestReport", _checked(id_)).body or b"{}")
        told = summary(found)
        return render_template(
            "test_report.html",
            base_url=services.settings.public_url,
            phases=phases(found),
            refresh_s=_REFRESH_S if told.unfinished else None,
            report=told,
            script=found.get("testScript", {}),
        )

    @blueprint.post("/reports/<id_>/cancel")
    def cancel(id_: str) -> Response:
        delete(services, caller(), "TestReport", _checked(id_))
        return redirect(url_for(".index"), 303)

    return blueprint


def _checked(id_: str) -> str:
    if not is_id(id_):
        raise NotFoundError("There is no such page: an id has 1 to 64 letters, digits, - and dots.")
    return id_
