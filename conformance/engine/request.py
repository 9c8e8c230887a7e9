"""The request of an operation: method, URL, headers, body.

Spec: https://hl7.org/fhir/R4/testscript-definitions.html#TestScript.setup.action.operation
"""

from fhirserver_conformance.engine.addresses import address_of, encoded, interaction_of
from fhirserver_conformance.engine.credentials import authorization_for
from fhirserver_conformance.engine.media import NONE, SHORT_CODES, format_of, mime_type
from fhirserver_conformance.engine.problem import ActionProblem
from fhirserver_conformance.engine.settings import Target
from fhirserver_conformance.engine.state import State
from fhirserver_conformance.paths.document import Document
from fhirserver_conformance.paths.values import PathError
from fhirserver_conformance.results import Headers
from fhirserver_conformance.script.model import Operation
from fhirserver_conformance.transport import Request

_WITH_BODY = ("POST", "PUT", "PATCH")
_FORM = "application/x-www-form-urlencoded"
_JSON_PATCH = "application/json-patch+json"
_XML_PATCH = "application/xml-patch+xml"


def request_for(operation: Operation, state: State, target: Target) -> Request:
    """Make the request of an operation.

    Raises:
        ActionProblem: it cannot be made: an unknown code, a variable without a value, a missing
            fixture, a body that cannot be converted.
    """
    method = (operation.method or interaction_of(operation).method).upper()
    url = address_of(operation, state, target)
    if method == "POST" and operation.code == "search" and operation.source_id is None:
        return _form_search(operation, state, target, url)
    content_type, body = None, None
    if method in _WITH_BODY and operation.source_id is not None:
        content_type, body = _content(operation, state)
    headers = headers_of(operation, state, target, url, content_type)
    return Request(method, url, headers, body)


def headers_of(
    operation: Operation, state: State, target: Target, url: str, content_type: str | None
) -> Headers:
    """Give the headers; those that the script sets itself win.

    The target's token goes to the target only, whatever the script's URL names.
    """
    wanted = {
        "Accept": _accept(operation),
        "Content-Type": content_type,
        "Authorization": authorization_for(target, url),
    }
    fill = state.variables.fill
    of_script = tuple((fill(name), fill(value)) for name, value in operation.headers)
    named = {name.lower() for name, _ in of_script}
    made = tuple(
        (name, value)
        for name, value in wanted.items()
        if value is not None and name.lower() not in named
    )
    return made + of_script


def _accept(operation: Operation) -> str | None:
    if operation.accept is None:
        return SHORT_CODES["json"]
    return None if operation.accept == NONE else mime_type(operation.accept)


def _content(operation: Operation, state: State) -> tuple[str | None, bytes]:
    document = state.message(operation.source_id).document
    if operation.content_type == NONE:
        return None, document.body
    if operation.content_type is None:
        return _natural_type(operation, document), document.body
    mime = mime_type(operation.content_type)
    wanted = format_of(mime)
    if wanted is None or mime in (_JSON_PATCH, _XML_PATCH):
        return mime, document.body
    try:
        return mime, document.in_format(wanted)
    except PathError as error:
        raise ActionProblem(str(error)) from None


def _natural_type(operation: Operation, document: Document) -> str:
    """Give the type of a body whose contentType the script leaves out."""
    if operation.code == "patch":
        start = document.body.lstrip()
        if start.startswith(b"["):
            return _JSON_PATCH
        if document.format == "xml" and b"<diff" in start:
            return _XML_PATCH
    return SHORT_CODES[document.format]


def _form_search(operation: Operation, state: State, target: Target, url: str) -> Request:
    """Move a search's parameters into the body.

    Spec: https://hl7.org/fhir/R4/http.html#search
    """
    address, _, query = url.partition("?")
    if not address.endswith("/_search"):
        address = f"{address}/_search"
    content_type = _FORM if operation.content_type is None else mime_type(operation.content_type)
    headers = headers_of(operation, state, target, address, content_type)
    return Request("POST", address, headers, encoded(query).encode("utf-8"))
