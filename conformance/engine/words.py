"""What an action does, in words, where the script has none of its own."""

from dataclasses import fields

from fhirserver_conformance.script.model import Assert, Operation

_NOT_CRITERIA = frozenset({
    "id", "label", "description", "direction", "warning_only", "stop_test_on_fail",
    "any_of_group", "gate", "navigation_links",
})  # fmt: skip


def words_for_operation(operation: Operation) -> str:
    """Say what an operation does, e.g. "read Patient/1"."""
    if operation.description:
        return operation.description
    what = operation.code or operation.method or "request"
    where = operation.url or f"{operation.resource or ''}{operation.params or ''}"
    return f"{what} {where or operation.target_id or operation.source_id or ''}".strip()


def words_for_assert(assertion: Assert) -> str:
    """Say what an assert asks for, e.g. "response code in 200,201"."""
    if assertion.description:
        return assertion.description
    if assertion.navigation_links:
        return "navigation links"
    parts = [
        f"{field.name.replace('_', ' ')} {value}"
        for field in fields(Assert)
        if field.name not in _NOT_CRITERIA and (value := getattr(assertion, field.name)) is not None
    ]
    return ", ".join(parts)
