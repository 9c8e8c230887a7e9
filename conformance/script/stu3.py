"""STU3's TestScript, said in R4.

Spec: https://hl7.org/fhir/STU3/testscript.html and https://hl7.org/fhir/R4/testscript.html

    STU3                                            R4
    metadata.capability.capabilities (Reference)    canonical
    systems http://hl7.org/fhir/testscript-…        http://terminology.hl7.org/CodeSystem/…
    rule, ruleset, assert.rule, assert.ruleset      none: see `rules`

    R5
    identifier (list)                               the first
    profile (canonical)                             Reference with its id

The elements tell the version, so scripts of any version pass through here, R4's unchanged.
"""

from fhirserver.model.json import JsonObject, JsonValue, copy_json

_OLD = "http://hl7.org/fhir/testscript-"
_NEW = "http://terminology.hl7.org/CodeSystem/testscript-"


def to_r4(script: JsonObject) -> JsonObject:
    """Map a script of another version; the given one stays as it is."""
    mapped: JsonObject = _new_systems(copy_json(script))
    _map_identifier(mapped)
    _map_capabilities(mapped)
    _map_profiles(mapped)
    return mapped


def _new_systems(value: JsonValue) -> JsonValue:
    if isinstance(value, list):
        return [_new_systems(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: _NEW + item.removeprefix(_OLD)
        if key == "system" and isinstance(item, str) and item.startswith(_OLD)
        else _new_systems(item)
        for key, item in value.items()
    }


def _map_identifier(script: JsonObject) -> None:
    identifiers = script.get("identifier")
    if isinstance(identifiers, list):
        del script["identifier"]
        if identifiers:
            script["identifier"] = identifiers[0]


def _map_capabilities(script: JsonObject) -> None:
    metadata = script.get("metadata")
    capabilities = metadata.get("capability") if isinstance(metadata, dict) else None
    for capability in capabilities if isinstance(capabilities, list) else ():
        if isinstance(capability, dict) and isinstance(capability.get("capabilities"), dict):
            capability["capabilities"] = capability["capabilities"].get("reference", "")


def _map_profiles(script: JsonObject) -> None:
    """Give each canonical the id that stands beside it."""
    profiles, beside = script.get("profile"), script.pop("_profile", None)
    if not isinstance(profiles, list):
        return
    ids = beside if isinstance(beside, list) else []
    for index, profile in enumerate(profiles):
        if isinstance(profile, str):
            known = ids[index] if index < len(ids) and isinstance(ids[index], dict) else {}
            profiles[index] = {**known, "reference": profile}
