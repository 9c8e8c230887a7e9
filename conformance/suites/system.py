"""Scripts of what a server claims of all types together: transactions, formats, patch formats.

Spec: https://hl7.org/fhir/R4/http.html#transaction and
https://hl7.org/fhir/R4/capabilitystatement.html
"""

from collections.abc import Iterator

from fhirserver_conformance.suites.statement import Statement
from fhirserver_conformance.suites.testscript import Draft


def system_drafts(statement: Statement, run: str) -> Iterator[Draft]:
    """Make the scripts of the system."""
    return iter(())
