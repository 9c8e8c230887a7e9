"""What a run needs besides its scripts."""

from collections.abc import Callable
from dataclasses import dataclass

from fhirserver_conformance.paths.fhirpath import FhirPathName
from fhirserver_conformance.transport import Transport

__all__ = ["FhirPathName", "RunSettings", "Target", "no_authorization"]


def no_authorization() -> str | None:
    """Send no Authorization header."""
    return None


@dataclass(frozen=True, slots=True)
class Target:
    """A server under test.

    Attributes:
        base: FHIR base without a slash at its end, e.g. "http://127.0.0.1:8080/fhir".
        authorization: gives the Authorization header's value before each request, e.g.
            "Bearer …", renewed where needed; None for no header.
    """

    base: str
    authorization: Callable[[], str | None] = no_authorization


@dataclass(frozen=True, slots=True)
class RunSettings:
    """One run.

    Attributes:
        targets: destinations 1, 2, … in order; at least one.
        transport: sends the requests.
        fhirpath: which FHIRPath engine judges.
        parallel: scripts that run at the same time; tests of one script never do.
        validator: FHIR base whose $validate judges profiles that are not base R4; None: those
            asserts are skipped.
        variables: values by name, in place of what scripts say of variables of that name.
    """

    targets: tuple[Target, ...]
    transport: Transport
    fhirpath: FhirPathName = "own"
    parallel: int = 1
    validator: str | None = None
    variables: tuple[tuple[str, str], ...] = ()
