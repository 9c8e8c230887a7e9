"""Results as JUnit XML, which build servers read.

Format: https://github.com/testmoapp/junitxml

    testsuites
      testsuite           a script; name "suite/source", timestamp, time in seconds
        testcase          a case; classname "suite/source"
          failure|error|skipped   message and text
          system-out      the text of a warning
"""

import xml.etree.ElementTree as ET
from collections.abc import Sequence

from fhirserver_conformance.report.tally import Tally, cases_of, tally
from fhirserver_conformance.report.text import in_a_line, shown
from fhirserver_conformance.results import ScriptResult, TestResult, Verdict

_ELEMENTS: dict[Verdict, str] = {"fail": "failure", "error": "error", "skip": "skipped"}


def junit(results: Sequence[ScriptResult], title: str) -> bytes:
    """Write a run as a JUnit file in UTF-8. Pure."""
    root = ET.Element("testsuites", {"name": in_a_line(title)} | _counts(tally(results)))
    root.set("time", _seconds(sum(result.duration_ms for result in results)))
    for result in results:
        root.append(_testsuite(result))
    ET.indent(root)
    written: bytes = ET.tostring(root, "utf-8", xml_declaration=True)
    return written


def _testsuite(result: ScriptResult) -> ET.Element:
    name = in_a_line(f"{result.suite}/{result.source or result.name}")
    suite = ET.Element("testsuite", {"name": name} | _counts(tally([result])))
    suite.set("time", _seconds(result.duration_ms))
    suite.set("timestamp", result.started.isoformat(timespec="seconds"))
    properties = ET.SubElement(suite, "properties")
    for key, value in (("server", result.base), ("script", result.url)):
        ET.SubElement(properties, "property", name=key, value=in_a_line(value))
    suite.extend(_testcase(case, name) for case in cases_of(result))
    return suite


def _testcase(case: TestResult, classname: str) -> ET.Element:
    spent_ms = sum(action.exchange.duration_ms for action in case.actions if action.exchange)
    element = ET.Element("testcase", name=in_a_line(case.name), classname=classname)
    element.set("time", _seconds(spent_ms))
    if case.verdict == "warning":
        ET.SubElement(element, "system-out").text = f"warning: {shown(case.message)}"
    elif case.verdict != "pass":
        outcome = ET.SubElement(element, _ELEMENTS[case.verdict], message=in_a_line(case.message))
        outcome.text = shown(case.message)
    return element


def _counts(counts: Tally) -> dict[str, str]:
    return {
        "tests": str(counts.total()),
        "failures": str(counts["fail"]),
        "errors": str(counts["error"]),
        "skipped": str(counts["skip"]),
    }


def _seconds(duration_ms: float) -> str:
    return f"{duration_ms / 1000:.3f}"
