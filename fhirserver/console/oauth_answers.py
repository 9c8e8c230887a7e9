"""Requests and answers of the authorization server's endpoints: forms in, JSON out.

Spec: RFC 6749 sections 3.2 and 5; https://fetch.spec.whatwg.org/#http-cors-protocol

Applications in a browser call them from their own origin; those of registered applications may read
the answers. No cookie counts here.
"""

from __future__ import annotations

from collections.abc import Callable, Container
from functools import wraps

from flask import Response, request

from fhirserver.console.signed_in import services_here
from fhirserver.errors import FhirError
from fhirserver.model.json import JsonObject, write_json
from fhirserver.smart.client_authentication import TokenCall
from fhirserver.smart.form import FORM_MAX_BYTES, Form, parse_form
from fhirserver.smart.introspection import bearer_of
from fhirserver.smart.oauth_error import OAuthError, invalid_request

View = Callable[[], Response]

FORM_TYPE = "application/x-www-form-urlencoded"
_NOT_KEPT = {"Cache-Control": "no-store", "Pragma": "no-cache"}


def read_form() -> Form:
    """Read the parameters: of a POST from its body, of a GET from the URL.

    Raises:
        OAuthError: no form, too large, or a parameter twice.
    """
    if request.method == "GET":
        return parse_form(request.query_string.decode("latin-1"))
    if request.mimetype != FORM_TYPE:
        raise OAuthError("invalid_request", f"send the parameters as {FORM_TYPE}", status=400)
    if (request.content_length or 0) > FORM_MAX_BYTES or request.content_length is None:
        raise OAuthError("invalid_request", f"the form is larger than {FORM_MAX_BYTES} bytes")
    try:
        return parse_form(request.get_data().decode())
    except UnicodeDecodeError:
        raise invalid_request("the form is no UTF-8") from None


def token_call() -> TokenCall:
    """Read a request that a client makes itself.

    Raises:
        OAuthError: it is no form.
    """
    services = services_here()
    return TokenCall(
        services, read_form(), request.headers.get("Authorization", ""), services.now()
    )


def read_bearer() -> str:
    """Read the access token that a request presents; "" where it has none."""
    return bearer_of(request.headers.get("Authorization", ""))


def as_json(body: JsonObject, status: int = 200) -> Response:
    """Answer with JSON that nobody keeps."""
    return Response(write_json(body), status, _NOT_KEPT, mimetype="application/json")


def as_error(error: OAuthError) -> Response:
    """Answer with an error of the RFCs."""
    response = as_json(error.body, error.status)
    response.headers.extend(list(error.headers))
    return response


def unavailable(error: FhirError) -> OAuthError:
    """Say what keeps the server from answering in the words of RFC 6749."""
    code = "temporarily_unavailable" if error.status in (429, 503) else "server_error"
    return OAuthError(code, str(error), status=error.status, headers=error.headers)


def for_applications(registered: Container[str]) -> Callable[[View], View]:
    """Make views of what applications call: errors become JSON, their pages may read answers.

    Args:
        registered: origins of those pages.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def answered() -> Response:
            if request.method == "OPTIONS":
                return _let_pages_read(Response(status=204), registered)
            try:
                response = view()
            except OAuthError as error:
                response = as_error(error)
            except FhirError as error:
                response = as_error(unavailable(error))
            return _let_pages_read(response, registered)

        return answered

    return decorate


def _let_pages_read(response: Response, registered: Container[str]) -> Response:
    response.headers.add("Vary", "Origin")
    origin = request.headers.get("Origin")
    if origin in registered:
        response.headers["Access-Control-Allow-Origin"] = str(origin)
        if request.method == "OPTIONS":
            response.headers["Access-Control-Allow-Methods"] = "GET, POST"
            response.headers["Access-Control-Allow-Headers"] = "Authorization, Content-Type"
            response.headers["Access-Control-Max-Age"] = "600"
    return response
