"""In whose name work goes on after its request: looked up anew, so what is taken away ends it.

    the token was revoked, its client or account disabled,       401
    the grant narrowed or taken back
    fewer scopes, another role, training that has expired,       403
    a relation that has ended

That the token has expired meanwhile ends nothing: the work was asked for in time.
"""

from fhirserver.access import AuthContext, principal, reaches_as_much, read_caller
from fhirserver.errors import ForbiddenError, UnauthorizedError
from fhirserver.interactions.types import Services
from fhirserver.model.json import JsonObject


def working_caller(services: Services, kept: JsonObject) -> AuthContext:
    """Give the caller of a job with the rights of its request, if it still has all of them.

    Args:
        services: `find_caller` knows who the token stands for now.
        kept: see `keep_caller`; without rights where the server ran open.

    Raises:
        UnauthorizedError: the token counts for nothing any more.
        ForbiddenError: the caller may less than it could.
    """
    auth = read_caller(kept, services.definitions)
    if auth.rights is None:
        return auth
    now = services.find_caller(services, f"work:{auth.token}")
    if now is None:
        raise UnauthorizedError(
            "The access token that this was asked for with was revoked, or its client or user may "
            "do nothing here any more; ask again with another."
        )
    if principal(now) != principal(auth) or not reaches_as_much(now, kept):
        raise ForbiddenError(
            "The caller may less than it could when it asked for this; ask again for what it may."
        )
    return auth
