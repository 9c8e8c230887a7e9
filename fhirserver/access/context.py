"""The caller of one request, whatever door it came in by."""

from dataclasses import dataclass

from fhirserver.access.rights import Rights

TEST_RUN_HEADER = "X-Test-Run"
"""Marks requests of scripts that this server runs; the value is the report's id."""


@dataclass(frozen=True, slots=True)
class AuthContext:
    """Who asks, through which client, from where.

    Attributes:
        actor: reference or business identifier of the person or system, e.g. "Practitioner/7";
            "anonymous" where the server runs open.
        client: id of the OAuth client, or the name of the command that calls.
        request_id: the request's id, also in the answer's X-Request-Id.
        address: network address of the caller, "" where there is none.
        of_test_run: whether a script asks that this server runs; such a one may start no runs.
        rights: what its access token grants; None where the server runs open, and for commands.
        token: public number of the access token, never its secret; "" where there is none.
    """

    actor: str
    client: str
    request_id: str
    address: str = ""
    of_test_run: bool = False
    rights: Rights | None = None
    token: str = ""
