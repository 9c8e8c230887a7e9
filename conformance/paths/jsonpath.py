"""JSONPath on JSON: `$.name[0].family`, and without the `$.` as scripts write it.

Spec: https://www.rfc-editor.org/rfc/rfc9535
"""

from functools import lru_cache

from jsonpath import CompoundJSONPath, JSONPath, JSONPathError, compile

from fhirserver_conformance.paths.document import Document
from fhirserver_conformance.paths.values import PathError, Value, shown


def evaluate_jsonpath(path: str, document: Document) -> list[Value]:
    """Find what a path names.

    Args:
        path: with "$", with a dot in front, or a bare element path such as "meta.versionId" or
            "Patient.id", whose first name may be the resource's type.
        document: JSON, or XML of R4.

    Raises:
        PathError: the body cannot be read, or the path does not parse.
    """
    data = document.json
    if not isinstance(data, dict | list):
        raise PathError(f"{document.label} is JSON, but no object and no array")
    try:
        return list(_compiled(_with_root(path, data)).findall(data))
    except (JSONPathError, RecursionError) as error:
        raise PathError(f"JSONPath {shown(path)}: {_first_line(error)}") from None


def _with_root(path: str, data: Value) -> str:
    if path.startswith("$"):
        return path
    if path.startswith((".", "[")):
        return f"${path}"
    name = data.get("resourceType") if isinstance(data, dict) else None
    return "$." + path.removeprefix(f"{name}.")


@lru_cache(maxsize=1024)
def _compiled(path: str) -> JSONPath | CompoundJSONPath:
    return compile(path)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
