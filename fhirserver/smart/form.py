"""Parameters of a request to the authorization server: each once, or not at all.

Spec: RFC 6749 sections 3.1 and 3.2; the application/x-www-form-urlencoded rules
"""

from collections.abc import Mapping
from urllib.parse import parse_qsl

from fhirserver.smart.oauth_error import invalid_request

Form = Mapping[str, str]

FORM_MAX_BYTES = 65_536
_PARAMETERS_MAX = 100


def parse_form(text: str) -> Form:
    """Take a query string or a form body apart; what has no value counts as left out.

    Raises:
        OAuthError: a parameter twice, octets that are no UTF-8, or far too many of them.
    """
    try:
        pairs = parse_qsl(
            text, keep_blank_values=True, errors="strict", max_num_fields=_PARAMETERS_MAX
        )
    except ValueError:
        raise invalid_request(
            f"the parameters are no UTF-8, or more than {_PARAMETERS_MAX}"
        ) from None
    found = dict(pairs)
    if len(found) < len(pairs):
        raise invalid_request("a parameter is given twice; give each once")
    if any("\0" in value for value in found.values()):
        raise invalid_request("a parameter holds a NUL character")
    return {name: value for name, value in found.items() if value}


def needed(form: Form, name: str) -> str:
    """Give a parameter that there must be.

    Raises:
        OAuthError: it is not there.
    """
    value = form.get(name)
    if value is None:
        raise invalid_request(f"the parameter {name} is missing")
    return value
