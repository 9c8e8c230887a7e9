"""Observations: a component does not repeat what the Observation itself says.

Spec: https://hl7.org/fhir/R4/observation.html#invs

    obs-7   an Observation with a value has no component with one of its own codings

As published, every component is compared with every coding of the Observation, which a small body
can make as slow as it likes; here each coding is looked at once.
"""

from collections.abc import Iterator

from fhirserver.model.json import JsonObject, JsonValue, write_json
from fhirserver.validation.findings import Findings, Place

_TEXT = (
    "obs-7: If Observation.code is the same as an Observation.component.code then the value"
    " element associated with the code SHALL NOT be present; remove the value or that component."
)


def check_component_codes(observation: JsonObject, place: Place, findings: Findings) -> None:
    """Check rule obs-7."""
    components = observation.get("component")
    if not isinstance(components, list) or not _has_value(observation):
        return
    own = set(_codings(observation.get("code")))
    for component in components:
        code = component.get("code") if isinstance(component, dict) else None
        if not own.isdisjoint(_codings(code)):
            findings.add("invariant", place, _TEXT)
            return


def _has_value(observation: JsonObject) -> bool:
    return any(name.startswith(("value", "_value")) for name in observation)


def _codings(concept: JsonValue) -> Iterator[bytes]:
    """Codings as text that is the same for equal ones."""
    codings = concept.get("coding") if isinstance(concept, dict) else None
    if isinstance(codings, list):
        for coding in codings:
            if isinstance(coding, dict):
                yield write_json(dict(sorted(coding.items())))
