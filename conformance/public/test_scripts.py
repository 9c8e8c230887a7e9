"""The TestScript suites: each folder below `testscripts` is one.

Scripts run one after the other: many of these suites' scripts go on with what the one before them
left on the server. By their authors' custom a folder with a name like `_LoadResources` is for what
has to be stored first.

Spec: https://hl7.org/fhir/R4/testscript.html
"""

from collections.abc import Callable, Sequence
from pathlib import Path

from fhirserver_conformance.engine.run import run_scripts
from fhirserver_conformance.public.cases import Site
from fhirserver_conformance.results import ScriptResult
from fhirserver_conformance.script.discover import SuiteError, read_suite
from fhirserver_conformance.script.model import BrokenScript, Script

FOLDER = "testscripts"


def names(data: Path) -> list[str]:
    """Give the suites of a data folder, e.g. "ignixa"."""
    folder = data / FOLDER
    return (
        sorted(each.name for each in folder.iterdir() if each.is_dir()) if folder.is_dir() else []
    )


def run(suite: str, site: Site, on_result: Callable[[ScriptResult], None]) -> list[ScriptResult]:
    """Run a suite's scripts in order; a folder without scripts is an error of its own."""
    scripts: Sequence[Script | BrokenScript]
    try:
        scripts = read_suite(site.data / FOLDER / suite, suite).scripts
    except SuiteError as error:
        scripts = (BrokenScript(suite=suite, source=suite, problem=str(error)),)
    in_order = sorted(scripts, key=lambda script: "/_Load" not in script.source)
    return run_scripts(in_order, site.settings, on_result)
