"""Who gets a server's token: that server and nobody else.

Spec: https://www.rfc-editor.org/rfc/rfc6750#section-5.3
"""

from fhirserver_conformance.engine.problem import ActionProblem
from fhirserver_conformance.engine.settings import Target
from fhirserver_conformance.login.login_error import LoginError
from fhirserver_conformance.transport import is_below


def authorization_for(target: Target, url: str) -> str | None:
    """Give the Authorization header's value of a request to a server's address; None for none.

    Raises:
        ActionProblem: the token has expired and a new one is not to be had.
    """
    if not is_below(target.base, url):
        return None
    try:
        return target.authorization()
    except LoginError as error:
        raise ActionProblem(f"there is no access token any more: {error}") from None
