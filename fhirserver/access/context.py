"""The caller of one request, whatever door it came in by."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AuthContext:
    """Who asks, through which client, from where.

    Attributes:
        actor: reference or business identifier of the person or system, e.g. "Practitioner/7";
            "anonymous" where the server runs open.
        client: id of the OAuth client, or the name of the command that calls.
        request_id: the request's id, also in the answer's X-Request-Id.
        address: network address of the caller, "" where there is none.
    """

    actor: str
    client: str
    request_id: str
    address: str = ""
