"""Results as JSON lines: one object per case.

suite         name of the suite
script        file or part of the suite that the case stands in
case          name, unique in its script
verdict       pass, skip, warning, fail, error
reason        why it is not a pass; "" for a pass
requirements  ids or addresses of what the case proves
"""

from collections.abc import Iterable, Iterator

from fhirserver.model.json import write_json
from fhirserver_conformance.report.tally import cases_of
from fhirserver_conformance.report.text import shown
from fhirserver_conformance.results import ScriptResult


def json_lines(results: Iterable[ScriptResult]) -> Iterator[bytes]:
    """Write a line per case, in the order of the run, each ended by a newline. Pure."""
    for result in results:
        for case in cases_of(result):
            row = {
                "suite": shown(result.suite),
                "script": shown(result.source or result.name),
                "case": shown(case.name),
                "verdict": case.verdict,
                "reason": shown(case.message),
                "requirements": [shown(each) for each in case.requirements],
            }
            yield write_json(row) + b"\n"
