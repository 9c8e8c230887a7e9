"""What the page of a TestReport shows. Pure.

Spec: https://hl7.org/fhir/R4/testreport.html
"""

from collections.abc import Iterator
from typing import NamedTuple

from fhirserver.model.json import JsonObject

UNFINISHED = frozenset(("waiting", "in-progress"))
_ORDER = ("skip", "pass", "warning", "fail", "error")


class Action(NamedTuple):
    """One operation or assert."""

    kind: str
    result: str
    message: str


class Phase(NamedTuple):
    """Setup, a test, or teardown; `result` is the worst of its actions."""

    name: str
    description: str
    result: str
    actions: tuple[Action, ...]


class Summary(NamedTuple):
    """One report in a list.

    Attributes:
        outcome: result of a report that is complete, else its status.
        score: per cent, e.g. "97.5"; "" where there is none.
        issued: an instant as the report has it, or "".
    """

    id: str
    name: str
    outcome: str
    score: str
    issued: str
    tester: str

    @property
    def unfinished(self) -> bool:
        """Whether it waits or runs."""
        return self.outcome in UNFINISHED


def summary(report: JsonObject) -> Summary:
    """Describe a report in a line."""
    status = report.get("status", "")
    return Summary(
        id=report["id"],
        name=report.get("name") or report.get("testScript", {}).get("display") or report["id"],
        outcome=report.get("result", "") if status == "completed" else status,
        score=str(report["score"]) if "score" in report else "",
        issued=report.get("issued", ""),
        tester=report.get("tester", ""),
    )


def phases(report: JsonObject) -> tuple[Phase, ...]:
    """Give the parts of a report in the order in which they ran."""
    return tuple(_phases(report))


def _phases(report: JsonObject) -> Iterator[Phase]:
    if "setup" in report:
        yield _phase("setup", "", report["setup"])
    for test in report.get("test", ()):
        yield _phase(test.get("name", "test"), test.get("description", ""), test)
    if "teardown" in report:
        yield _phase("teardown", "", report["teardown"])


def _phase(name: str, description: str, part: JsonObject) -> Phase:
    actions = tuple(
        Action(kind, action[kind].get("result", ""), action[kind].get("message", ""))
        for action in part.get("action", ())
        for kind in ("operation", "assert")
        if kind in action
    )
    results = [action.result for action in actions]
    worst = max(results, key=lambda each: _ORDER.index(each) if each in _ORDER else 0, default="")
    return Phase(name, description, worst, actions)
