"""A document held against a JSON Schema: what is wrong is told with its line."""

import json
from typing import Any

from fhirserver_device_bridge.config.document import Document


def check(document: Document, schema: bytes) -> None:
    """Hold a document against a schema; the fault nearest to the file's start is told.

    Raises:
        ConfigError: it does not fit.
    """
    # It takes a second to import, and only this needs it.
    from jsonschema import Draft202012Validator

    faults = [
        document.error(_place(fault), fault.message)
        for fault in sorted(
            Draft202012Validator(json.loads(schema)).iter_errors(document.value),
            key=lambda fault: document.line(_place(fault)) or 0,
        )
    ]
    if faults:
        raise faults[0]


def _place(fault: Any) -> tuple[str | int, ...]:
    """Give the path of what is wrong: for a key that must not be there, of that key."""
    path = tuple(fault.absolute_path)
    if fault.validator == "additionalProperties" and isinstance(fault.instance, dict):
        known = fault.schema.get("properties", {})
        return (*path, next(key for key in fault.instance if key not in known))
    if fault.validator == "propertyNames" or "propertyNames" in fault.absolute_schema_path:
        return (*path, fault.instance)
    return path
