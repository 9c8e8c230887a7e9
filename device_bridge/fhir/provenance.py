"""Where resources come from: a message, read by a mapping in its version.

Spec: https://hl7.org/fhir/R4/provenance.html
"""

from collections.abc import Iterable
from datetime import datetime

from fhirserver_device_bridge.fhir import identity
from fhirserver_device_bridge.fhir.json_text import JsonObject

_AGENT_TYPE = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"


def provenance(
    targets: Iterable[str], source: str, message_sha256: str, received: datetime, mapping: str
) -> JsonObject:
    """Make the Provenance of one message.

    Args:
        targets: references to what it says.
        source: name of the source.
        message_sha256: hexadecimal, of the message as it was received.
        received: aware.
        mapping: its name and version, e.g. "standard|1".
    """
    return {
        "resourceType": "Provenance",
        "target": [{"reference": target} for target in targets],
        "recorded": received.isoformat(timespec="milliseconds"),
        "agent": [
            {
                "type": {"coding": [{"system": _AGENT_TYPE, "code": "assembler"}]},
                "who": {
                    "identifier": {"system": f"{identity.SYSTEM}:source", "value": source},
                    "display": "Device bridge",
                },
            }
        ],
        "entity": [_entity("message", message_sha256), _entity("mapping", mapping)],
    }


def _entity(kind: str, value: str) -> JsonObject:
    return {
        "role": "source",
        "what": {"identifier": {"system": f"{identity.SYSTEM}:{kind}", "value": value}},
    }
