"""Run suites against a FHIR server, and say what came of each test.

A SUITE is a TestScript, a folder with TestScripts, or the name of one of our own suites
(`fhir-conformance suites` lists them). Lines go to standard error while it runs, a table to
standard output at the end.
"""

import argparse
import fnmatch
import sys
from collections.abc import Sequence
from pathlib import Path

from fhirserver_conformance.commands.options import (
    add_judging_options,
    add_server_options,
    run_settings,
)
from fhirserver_conformance.commands.reporting import prepare, termination_interrupts, write
from fhirserver_conformance.commands.usage import UsageError
from fhirserver_conformance.engine.run import run_scripts
from fhirserver_conformance.engine.settings import RunSettings
from fhirserver_conformance.report.progress import Progress, summary
from fhirserver_conformance.report.tally import tally
from fhirserver_conformance.results import ScriptResult
from fhirserver_conformance.script.discover import SuiteError, read_suite
from fhirserver_conformance.script.model import BrokenScript, Script

EXAMPLES = """\
examples:
  fhir-conformance run interactions search --base http://127.0.0.1:8080/fhir --report report/
  fhir-conformance run my-scripts/ --base https://fhir.example/r4 --token-file token --parallel 4
  fhir-conformance run my-scripts/create.json --base https://fhir.example/r4 --match '*create*'

exit codes:
  0  no test failed           1  a test failed or could not be judged
  2  the command line is wrong, or there is nothing to run          130  interrupted
"""

AnyScript = Script | BrokenScript

NOTHING_TRIED = 2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("suites", nargs="+", metavar="SUITE", help="file, folder or name")
    add_server_options(parser)
    add_judging_options(parser)
    parser.add_argument(
        "--match", metavar="GLOB", help="only scripts whose SUITE/FILE or name fits, e.g. '*patch*'"
    )
    parser.add_argument("--report", metavar="DIR", type=Path, help="write reports into this folder")
    parser.add_argument("--quiet", action="store_true", help="no lines while it runs")
    parser.add_argument(
        "--fail-on",
        choices=("warning", "fail"),
        default="fail",
        help="the mildest verdict that makes the exit code 1; default fail",
    )


def run(arguments: argparse.Namespace) -> int:
    """Run, report, and give the exit code.

    Raises:
        UsageError: a suite, a folder or a file is wrong, or no script is left to run.
        LoginError: no access token is to be had.
    """
    if arguments.report is not None:
        prepare(arguments.report)
    settings = run_settings(arguments)
    scripts = _scripts(arguments.suites, arguments.match, settings)
    results, interrupted = _run(scripts, settings, quiet=arguments.quiet)
    sys.stdout.write(summary(results))
    if arguments.report is not None:
        write(results, arguments.report)
    if interrupted:
        return 130
    code = exit_code(results, arguments.fail_on)
    if code == NOTHING_TRIED:
        sys.stderr.write("nothing was tried: every test was skipped, for the reasons above\n")
    return code


def exit_code(results: Sequence[ScriptResult], fail_on: str) -> int:
    """Give 1 where a verdict is as bad as `fail_on`, 2 where all was skipped, else 0. Pure."""
    bad = ("fail", "error", *(("warning",) if fail_on == "warning" else ()))
    counts = tally(results)
    if any(counts[verdict] for verdict in bad):
        return 1
    return 0 if counts["pass"] or counts["warning"] else NOTHING_TRIED


def _run(
    scripts: Sequence[AnyScript], settings: RunSettings, *, quiet: bool
) -> tuple[list[ScriptResult], bool]:
    """Run the scripts; what had ended when somebody interrupted is reported too."""
    progress = Progress(sys.stderr, quiet=quiet, total=len(scripts))
    ended: list[ScriptResult] = []

    def on_result(result: ScriptResult) -> None:
        ended.append(result)
        progress(result)

    try:
        with termination_interrupts():
            return run_scripts(scripts, settings, on_result), False
    except KeyboardInterrupt:
        return ended, True
    finally:
        settings.transport.close()


def _scripts(names: Sequence[str], pattern: str | None, settings: RunSettings) -> list[AnyScript]:
    found: list[AnyScript] = []
    for name in names:
        scripts = _suite(name, settings)
        if not scripts:
            sys.stderr.write(f"{name}: the server claims nothing that this suite tests\n")
        found += scripts
    if not found:
        raise UsageError("there is nothing to run")
    chosen = [script for script in found if pattern is None or _fits(script, pattern)]
    if not chosen:
        raise UsageError(f"--match {pattern}: none of {len(found)} scripts fits")
    return chosen


def _suite(name: str, settings: RunSettings) -> Sequence[AnyScript]:
    """Read a suite from disk, or make one of ours; a path is what exists or looks like one."""
    path = Path(name)
    if path.exists() or len(path.parts) > 1 or path.suffix in (".json", ".xml"):
        try:
            return read_suite(path).scripts
        except SuiteError as error:
            raise UsageError(str(error)) from None
    from fhirserver_conformance.suites import SUITES, build_suite

    if name not in SUITES:
        ours = ", ".join(SUITES)
        raise UsageError(f"{name}: no such file or folder, and none of our suites: {ours}")
    return build_suite(name, settings).scripts


def _fits(script: AnyScript, pattern: str) -> bool:
    names = [f"{script.suite}/{script.source}"]
    if isinstance(script, Script):
        names.append(script.name)
    return any(fnmatch.fnmatchcase(name, pattern) for name in names)
