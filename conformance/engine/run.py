"""Runs scripts, one after the other or several at a time.

Spec: https://hl7.org/fhir/R4/testing.html
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from threading import Event

from fhirserver_conformance.engine.capability import Capabilities
from fhirserver_conformance.engine.script_run import Run, run_script
from fhirserver_conformance.engine.settings import RunSettings
from fhirserver_conformance.results import ScriptResult
from fhirserver_conformance.script.model import BrokenScript, Script


def run_scripts(
    scripts: Sequence[Script | BrokenScript],
    settings: RunSettings,
    on_result: Callable[[ScriptResult], None],
) -> list[ScriptResult]:
    """Run scripts against the servers of a run.

    Args:
        scripts: what to run; a broken one gives a result that says so.
        settings: `parallel` of them run at the same time.
        on_result: called with each result as its script ends, in the calling thread.

    Returns:
        One result per script, in the order of `scripts`.

    Raises:
        KeyboardInterrupt: again, once scripts under way have run their teardown; `on_result` was
            called for them too, and scripts that had not begun are left out.
    """
    run = Run(settings, Capabilities(settings), Event())
    futures: list[Future[ScriptResult]] = []
    waiting: set[Future[ScriptResult]] = set()
    with ThreadPoolExecutor(max(1, settings.parallel), "script") as threads:
        try:
            for script in scripts:
                futures.append(threads.submit(run_script, script, run))
                waiting.add(futures[-1])
            _report(waiting, on_result)
        except BaseException:
            run.stop.set()
            settings.transport.hurry()
            threads.shutdown(wait=False, cancel_futures=True)
            _report({future for future in waiting if not future.cancelled()}, on_result)
            raise
    return [future.result() for future in futures]


def _report(waiting: set[Future[ScriptResult]], on_result: Callable[[ScriptResult], None]) -> None:
    """Hand over results as they come; what was handed over is taken out of `waiting`."""
    for future in as_completed(list(waiting)):
        waiting.discard(future)
        on_result(future.result())
