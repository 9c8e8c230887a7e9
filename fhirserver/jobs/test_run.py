"""The jobs of `TestScript/$run`: the conformance tool runs as a process, its report is stored.

Spec: https://hl7.org/fhir/R4/testreport.html

    TestReport.status     job        result
    waiting               waiting    pending
    in-progress           running    pending
    completed             done       as the tool found it
    stopped               done       fail; the one test in it says why
    stopped               failed     likewise, after several attempts that ended with their workers

The tool reaches this server's own address and nothing else, and marks its requests, so that a run
starts no runs. It runs in an empty folder, with
bounds on time, memory and files, and with nothing of this process's environment that could be a
secret. A report that a client has deleted is not written again.
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from fhirserver.access import TEST_RUN_HEADER, read_caller
from fhirserver.audit import audit_row
from fhirserver.errors import UnprocessableError
from fhirserver.interactions import Services, WriteOptions
from fhirserver.interactions.prepare import prepare
from fhirserver.interactions.update import update_change
from fhirserver.jobs.job_runner import BEAT_S, Beat, Kind
from fhirserver.jobs.test_run_report import completed, in_progress, stopped, suite_report
from fhirserver.jobs.tethered import FILE_BYTES, Tethered
from fhirserver.model.json import JsonObject, parse_json
from fhirserver.store.job_rows import Ended, Job, JobLostError, end_job, hold_job
from fhirserver.store.write import WriteSession, run_write

_TOOL = ("-P", "-m", "fhirserver_conformance.cli", "run")
_SCRIPT = "script.json"
_REPORTS = "reports"
_MESSAGES = "messages.txt"
_MESSAGE_BYTES = 4000
_MESSAGE_CHARACTERS = 500
_GIVEN_UP = (
    "The run was started several times, and each time the process that ran it ended with it. "
    "Look for an endless loop or very large content in the script."
)

Edit = Callable[[JsonObject], JsonObject]


class NoReportError(Exception):
    """The tool ended without a report; the text says why."""


def test_run_kind(services: Services) -> Kind:
    """Give what is done with these jobs.

    Args:
        services: `public_url` is the address under which the tool finds this server.
    """

    def run(job: Job, beat: Beat) -> None:
        _store(services, job, in_progress)
        try:
            found = _run_tool(services, job, beat)
            _store(services, job, lambda report: completed(report, found), "done")
        except (NoReportError, UnprocessableError) as error:
            why = str(error)
            _store(services, job, lambda report: stopped(report, why), "done")

    def give_up(job: Job) -> None:
        _store(services, job, lambda report: stopped(report, _GIVEN_UP), "failed")

    return Kind(run, give_up)


def _run_tool(services: Services, job: Job, beat: Beat) -> JsonObject:
    """Run the script or the suite of a job and give the tool's report.

    Raises:
        NoReportError: there is none.
    """
    with TemporaryDirectory(prefix="fhirserver-run-") as name:
        folder = Path(name)
        suite = job.parameters.get("suite")
        if suite is None:
            (folder / _SCRIPT).write_text(job.parameters["script"], "utf-8")
        base = services.settings.public_url
        mark = f"{TEST_RUN_HEADER}: {job.parameters['report']}"
        options = ("--base", base, "--confine", "--header", mark, "--report", _REPORTS, "--quiet")
        tool = Tethered((sys.executable, *_TOOL, suite or _SCRIPT, *options), folder, _MESSAGES)
        try:
            _await(tool, services.settings.test_run_timeout_s, beat)
        finally:
            tool.end()
        return _report(folder) if suite is None else suite_report(_cases(folder))


def _await(tool: Tethered, timeout_s: int, beat: Beat) -> None:
    deadline = time.monotonic() + timeout_s
    while tool.wait(BEAT_S) is None:
        beat()
        if time.monotonic() > deadline:
            raise NoReportError(
                f"The run took longer than {timeout_s} s and was ended; make the script "
                "shorter, or raise FHIRSERVER_TEST_RUN_TIMEOUT_S."
            )
    beat()  # a server that is being stopped looks broken to the tool


def _report(folder: Path) -> JsonObject:
    """Read the report of the one script."""
    for path in (folder / _REPORTS / "TestReport").glob("*.json"):
        report: JsonObject = parse_json(path.read_bytes())
        return report
    raise NoReportError(_last_message(folder / _MESSAGES))


def _cases(folder: Path) -> list[JsonObject]:
    """Read what became of each case of a suite."""
    path = folder / _REPORTS / "results.jsonl"
    if not path.exists():
        raise NoReportError(_last_message(folder / _MESSAGES))
    with path.open("rb") as lines:
        return [parse_json(line) for line in lines]


def _last_message(path: Path) -> str:
    """Give the last line of what the tool said; where it was cut off, what may have done it."""
    lines = path.read_bytes()[-_MESSAGE_BYTES:].decode("utf-8", "replace").split("\n")
    said = next((line.strip() for line in reversed(lines) if line.strip()), "")
    cut = f"it was killed, had no memory left, or wrote a file beyond {FILE_BYTES // 1024**2} MB"
    return f"The tool ended without a report: {said[:_MESSAGE_CHARACTERS] or cut}"


def _store(services: Services, job: Job, edit: Edit, ended: Ended | None = None) -> None:
    """Write the next version of the report of a job, and end the job in the same transaction.

    The caller was allowed this write when the run was accepted; the policy is not asked again.

    Raises:
        JobLostError: the job is somebody else's, or its report is gone.
        UnprocessableError: the new version breaks FHIR's rules.
    """
    id_ = job.parameters["report"]
    row = audit_row(read_caller(job.caller, services.definitions), "update")

    def attempt(session: WriteSession) -> None:
        hold_job(session.connection, job)
        current = session.lock([("TestReport", id_)])["TestReport", id_]
        if current is None or current.body is None:
            raise JobLostError(job.kind)
        content = edit(parse_json(current.body))
        base_url = services.settings.public_url
        prepared = prepare(services.definitions, base_url, "TestReport", id_, content)
        session.apply([update_change(prepared, WriteOptions())], row, "off")
        if ended is not None:
            end_job(session.connection, job, ended)

    run_write(services.database, attempt)
