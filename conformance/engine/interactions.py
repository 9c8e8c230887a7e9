"""Operation codes, and what each of them sends.

Spec: https://hl7.org/fhir/R4/codesystem-testscript-operation-codes.html and
https://hl7.org/fhir/R4/http.html

    method    of HTTP; for an operation GET, or POST where there is a body to send
    level     what the URL names without `params`: the base, a type, an instance, a version; for
              an operation or a history the instance where targetId names one, else the type
    suffix    what follows it, e.g. "/_history"

Any other code is an operation's name: R4's own table, what else R4 and HL7's guides define, or a
name that the script's `url` or `params` spell out with their "$". A code that is none of these is
probably misspelled and is refused.
"""

from dataclasses import dataclass
from typing import Literal

Level = Literal["system", "type", "instance", "version", "operation"]


@dataclass(frozen=True, slots=True)
class Interaction:
    """A row of the table; see there."""

    method: str
    level: Level
    suffix: str = ""


INTERACTIONS = {
    "read": Interaction("GET", "instance"),
    "vread": Interaction("GET", "version"),
    "update": Interaction("PUT", "instance"),
    "updateCreate": Interaction("PUT", "instance"),
    "patch": Interaction("PATCH", "instance"),
    "delete": Interaction("DELETE", "instance"),
    "deleteCondSingle": Interaction("DELETE", "type"),
    "deleteCondMultiple": Interaction("DELETE", "type"),
    "history": Interaction("GET", "operation", "/_history"),
    "create": Interaction("POST", "type"),
    "search": Interaction("GET", "type"),
    "batch": Interaction("POST", "system"),
    "transaction": Interaction("POST", "system"),
    "capabilities": Interaction("GET", "system", "/metadata"),
}

OPERATIONS = frozenset({
    # https://hl7.org/fhir/R4/codesystem-testscript-operation-codes.html
    "apply", "closure", "find-matches", "conforms", "data-requirements", "document", "evaluate",
    "evaluate-measure", "everything", "expand", "find", "graphql", "implements", "lastn", "lookup",
    "match", "meta", "meta-add", "meta-delete", "populate", "populatehtml", "populatelink",
    "process-message", "questionnaire", "stats", "subset", "subsumes", "transform", "translate",
    "validate", "validate-code",
    # https://hl7.org/fhir/R4/operationslist.html
    "add", "collect-data", "convert", "current-canonical", "preferred-id", "reapply", "remove",
    "snapshot", "submit-data", "versions",
    # https://hl7.org/fhir/uv/bulkdata/, https://hl7.org/fhir/us/core/, https://hl7.org/fhir/uv/ips/
    "docref", "export", "import", "member-match", "summary",
})  # fmt: skip
