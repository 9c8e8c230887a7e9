"""Run the public suites in a folder against a fresh server of ours, and compare with the table.

Every failure must stand in the reviewed table of deviations, and every row of it must still fail.
The server is started for the run, empty, and is gone afterwards, data and all.
"""

import argparse
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path

from fhirserver_conformance.commands.options import base_address
from fhirserver_conformance.commands.reporting import prepare, termination_interrupts, write
from fhirserver_conformance.commands.usage import UsageError
from fhirserver_conformance.engine.settings import RunSettings, Target
from fhirserver_conformance.public.cases import Site, resource_of
from fhirserver_conformance.public.deviations import Comparison, compare, read_table
from fhirserver_conformance.public.documents import deviations_page, results_page
from fhirserver_conformance.public.fresh import ServerError, fresh_server
from fhirserver_conformance.public.suites import Run, run_suites, suites_in
from fhirserver_conformance.report.progress import Progress, summary
from fhirserver_conformance.results import ScriptResult
from fhirserver_conformance.transport import Transport

EXAMPLES = """\
examples:
  fhir-conformance public --data suites/                      all of them
  fhir-conformance public --data suites/ --only candle-search patch --report report/
  fhir-conformance public --data suites/ --base http://127.0.0.1:8080/fhir

exit codes:
  0  all as the table says    1  a failure without a row, or a row without a failure
  2  the command line is wrong, there is nothing to run, or no server     130  interrupted
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "--data", required=True, metavar="DIR", type=Path, help="folder that holds the suites"
    )
    parser.add_argument(
        "--only", nargs="+", default=[], metavar="NAME", help="these suites; all without"
    )
    parser.add_argument(
        "--base",
        metavar="URL",
        type=base_address,
        help="FHIR base of a server that runs, empty at best; a fresh one without",
    )
    parser.add_argument("--report", metavar="DIR", type=Path, help="write reports into this folder")
    parser.add_argument(
        "--write-docs",
        metavar="DIR",
        type=Path,
        help="write deviations.md and results.md into this folder",
    )
    parser.add_argument("--quiet", action="store_true", help="no lines while it runs")


def run(arguments: argparse.Namespace) -> int:
    """Run, report, compare, and give the exit code.

    Raises:
        UsageError: a folder is wrong, no suite is left to run, or no server answers.
    """
    chosen = _chosen(arguments.data, arguments.only)
    for folder in filter(None, (arguments.report, arguments.write_docs)):
        prepare(folder)
    results, interrupted = _run(chosen, arguments)
    sys.stdout.write(summary(results))
    if arguments.report is not None:
        write(results, arguments.report)
    if interrupted:
        return 130
    table = read_table()
    found = compare(results, table)
    if arguments.write_docs is not None:
        pages = {
            "deviations.md": deviations_page(table),
            "results.md": results_page(results, found),
        }
        for name, page in pages.items():
            (arguments.write_docs / name).write_text(page, "utf-8")
    sys.stdout.write(differences(found))
    return 0 if found.agrees else 1


def differences(found: Comparison) -> str:
    """Say what is not as the table has it. Pure."""
    lines = [f"no row of the table of deviations: {each}" for each in found.unexplained]
    lines += [
        f"take it off the table of deviations, nothing of it fails: {row.suite}, {row.case}"
        for row in found.stale
    ]
    lines.append(f"{len(found.known)} failures stand in the table of deviations")
    return "".join(f"{line}\n" for line in lines)


def _chosen(data: Path, only: list[str]) -> dict[str, Run]:
    present = suites_in(data)
    unknown = [name for name in only if name not in present]
    if not present or unknown:
        wanted = ", ".join(unknown) or "any suite"
        raise UsageError(f"{data} does not hold {wanted}; it has {', '.join(present) or 'none'}")
    return {name: run for name, run in present.items() if not only or name in only}


def _run(
    chosen: Mapping[str, Run], arguments: argparse.Namespace
) -> tuple[list[ScriptResult], bool]:
    """Run the suites; what had ended when somebody interrupted is reported too."""
    progress = Progress(sys.stderr, quiet=arguments.quiet)
    ended: list[ScriptResult] = []

    def on_result(result: ScriptResult) -> None:
        ended.append(result)
        progress(result)

    try:
        with termination_interrupts(), _site(arguments) as site:
            return run_suites(chosen, site, on_result), False
    except ServerError as error:
        raise UsageError(str(error)) from None
    except KeyboardInterrupt:
        return ended, True


@contextmanager
def _site(arguments: argparse.Namespace) -> Iterator[Site]:
    started = fresh_server() if arguments.base is None else nullcontext(arguments.base)
    with started as base:
        transport = Transport(confine=(base,))
        settings = RunSettings((Target(base),), transport, validator=base)
        site = Site(arguments.data, settings, {})
        try:
            yield replace(site, capabilities=_capabilities(site))
        finally:
            transport.close()


def _capabilities(site: Site) -> dict[str, object]:
    answer = site.send("GET", "metadata")
    found = resource_of(answer)
    if found.get("resourceType") != "CapabilityStatement":
        reason = answer.failure or f"status {answer.status}"
        raise UsageError(f"{site.base} gives no CapabilityStatement at /metadata: {reason}")
    return found
