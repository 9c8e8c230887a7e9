"""JSON Patch: a list of operations on a JSON document. Pure.

Spec: RFC 6902 and RFC 6901 (pointers); https://hl7.org/fhir/R4/http.html#patch

    add  path value     remove  path     replace  path value
    move from path      copy    from path        test  path value

A document that is no JSON Patch is a 400; one that does not fit the resource is a 422, and so is a
`test` that fails. Operations apply in order, on a copy: all or none.
"""

import re
from decimal import Decimal
from typing import Any

from fhirserver.errors import InvalidRequestError, TooLargeError, UnprocessableError
from fhirserver.model.json import MAX_DEPTH, JsonObject, JsonValue, copy_json

OPERATIONS_LIMIT = 10_000
VALUES_LIMIT = 1_000_000
"""Values in the result at most: a few copies of the whole into itself would outgrow any memory."""

_INDEX = re.compile(r"0|[1-9][0-9]{0,8}", re.ASCII)
_NEEDS_VALUE = ("add", "replace", "test")
_NEEDS_FROM = ("move", "copy")
_OPERATIONS = ("add", "remove", "replace", "move", "copy", "test")


def apply_json_patch(resource: JsonObject, document: JsonValue) -> JsonValue:
    """Apply a patch document to a copy of a resource.

    Args:
        resource: what is stored; stays unchanged.
        document: parsed JSON of any shape.

    Raises:
        InvalidRequestError: not a JSON Patch document.
        UnprocessableError: a path that is not there, or a `test` that fails.
        TooLargeError: too many operations, or a result that grows or nests beyond measure.
    """
    if not isinstance(document, list):
        raise InvalidRequestError("A JSON Patch is a list of operations.")
    if len(document) > OPERATIONS_LIMIT:
        raise TooLargeError(f"A JSON Patch has at most {OPERATIONS_LIMIT} operations.")
    for place, operation in enumerate(document):
        _check_operation(place, operation)
    root: JsonValue = copy_json(resource)
    for place, operation in enumerate(document):
        root = _apply(root, operation, place)
        if operation["op"] not in ("test", "remove"):
            refuse_growth(root, place)
    return root


def refuse_growth(root: JsonValue, place: int) -> None:
    """Refuse a result that nests deeper or holds more values than a body may."""
    level, count = [root], 1
    for _ in range(MAX_DEPTH + 1):
        level = [
            item
            for value in level
            if value.__class__ is dict or value.__class__ is list
            for item in (value.values() if value.__class__ is dict else value)
        ]
        count += len(level)
        if not level:
            return
        if count > VALUES_LIMIT:
            break
    raise TooLargeError(
        f"After operation {place} the resource nests deeper than {MAX_DEPTH} levels or holds more "
        f"than {VALUES_LIMIT} values."
    )


def _check_operation(place: int, operation: JsonValue) -> None:
    where = f"Operation {place}"
    if not isinstance(operation, dict):
        raise InvalidRequestError(f"{where} is not an object.")
    op = operation.get("op")
    if op not in _OPERATIONS:
        raise InvalidRequestError(f"{where}: op is one of {', '.join(_OPERATIONS)}, not {op!r}.")
    pointers = ("path", "from") if op in _NEEDS_FROM else ("path",)
    for name in pointers:
        pointer = operation.get(name)
        if not isinstance(pointer, str) or (pointer and not pointer.startswith("/")):
            raise InvalidRequestError(
                f'{where}: {name} is a JSON pointer such as "/name/0/family", not {pointer!r}.'
            )
    if op in _NEEDS_VALUE and "value" not in operation:
        raise InvalidRequestError(f"{where}: {op} needs a value.")


def _apply(root: JsonValue, operation: JsonObject, place: int) -> JsonValue:
    op = operation["op"]
    path = pointer_tokens(operation["path"])
    match op:
        case "add":
            return _add(root, path, copy_json(operation["value"]), place)
        case "remove":
            return _remove(root, path, place)
        case "replace":
            return _replace(root, path, copy_json(operation["value"]), place)
        case "test":
            if not json_equal(_get(root, path, place), operation["value"]):
                raise _unfit(place, f"the value at {operation['path']!r} is not the one tested for")
            return root
        case "copy":
            found = copy_json(_get(root, pointer_tokens(operation["from"]), place))
            return _add(root, path, found, place)
        case _:
            return _move(root, pointer_tokens(operation["from"]), path, place)


def _move(root: JsonValue, source: list[str], target: list[str], place: int) -> JsonValue:
    if target[: len(source)] == source and target != source:
        raise _unfit(place, "a value cannot move into itself")
    found = _get(root, source, place)
    return _add(_remove(root, source, place), target, found, place)


def _add(root: JsonValue, path: list[str], value: JsonValue, place: int) -> JsonValue:
    if not path:
        return value
    parent = _get(root, path[:-1], place)
    if isinstance(parent, dict):
        parent[path[-1]] = value
    elif isinstance(parent, list):
        end = len(parent)
        parent.insert(end if path[-1] == "-" else _index(path, end, place), value)
    else:
        raise _absent(path, place)
    return root


def _remove(root: JsonValue, path: list[str], place: int) -> JsonValue:
    if not path:
        raise _unfit(place, "the whole resource cannot be removed; use delete")
    parent = _get(root, path[:-1], place)
    _get(parent, path[-1:], place)
    if isinstance(parent, dict):
        del parent[path[-1]]
    else:
        del parent[int(path[-1])]
    return root


def _replace(root: JsonValue, path: list[str], value: JsonValue, place: int) -> JsonValue:
    if not path:
        return value
    parent = _get(root, path[:-1], place)
    _get(parent, path[-1:], place)
    parent[path[-1] if isinstance(parent, dict) else int(path[-1])] = value
    return root


def _get(root: JsonValue, path: list[str], place: int) -> JsonValue:
    found = root
    for depth, token in enumerate(path):
        if isinstance(found, dict) and token in found:
            found = found[token]
        elif isinstance(found, list):
            found = found[_index(path[: depth + 1], len(found) - 1, place)]
        else:
            raise _absent(path[: depth + 1], place)
    return found


def _index(path: list[str], highest: int, place: int) -> int:
    """Read the last token as an index, at most `highest`."""
    if _INDEX.fullmatch(path[-1]) and int(path[-1]) <= highest:
        return int(path[-1])
    raise _absent(path, place)


def pointer_tokens(pointer: str) -> list[str]:
    """Take a JSON pointer apart."""
    return [token.replace("~1", "/").replace("~0", "~") for token in pointer.split("/")[1:]]


def json_equal(left: Any, right: Any) -> bool:
    """Compare as RFC 6902 does: numbers by value, `true` is no number, order of keys is nothing."""
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(
            json_equal(value, right[key]) for key, value in left.items()
        )
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(json_equal, left, right))
    if _is_number(left) and _is_number(right):
        return bool(left == right)
    return left.__class__ is right.__class__ and bool(left == right)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | Decimal) and not isinstance(value, bool)


def _absent(path: list[str], place: int) -> UnprocessableError:
    pointer = "".join("/" + token.replace("~", "~0").replace("/", "~1") for token in path)
    return _unfit(place, f"there is nothing at {pointer!r}")


def _unfit(place: int, reason: str) -> UnprocessableError:
    return UnprocessableError(f"JSON Patch operation {place} does not fit: {reason}.")
