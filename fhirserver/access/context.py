"""The caller of one request, whatever door it came in by."""

from dataclasses import dataclass

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
    """

    actor: str
    client: str
    request_id: str
    address: str = ""
    of_test_run: bool = False
