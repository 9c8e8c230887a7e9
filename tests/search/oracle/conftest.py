"""Says at the end of a run how many answers agreed."""

import os

from _pytest.terminal import TerminalReporter

from tests.search.oracle import tally


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    """Write the counts; of each kind of question where the run was a long one."""
    found = tally.lines(everything="FHIRSERVER_ORACLE_EXAMPLES" in os.environ)
    if found:
        terminalreporter.section("the oracle agreed")
    for line in found:
        terminalreporter.write_line(line)
