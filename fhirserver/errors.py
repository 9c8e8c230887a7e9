"""Everything that can go wrong with a request, as one tree of exceptions.

Spec: https://hl7.org/fhir/R4/http.html#Status-Codes and https://hl7.org/fhir/R4/valueset-issue-type.html

    FhirError                     status  issue code
    ├── MalformedBodyError          400   structure      JSON or XML that cannot be parsed
    ├── InvalidRequestError         400   invalid        a header, path, id or parameter is wrong
    │   └── InvalidSearchError      400   invalid        a search parameter or one of its values
    ├── NotSupportedError           400   not-supported  known to FHIR, not offered here
    ├── UnauthorizedError           401   login
    ├── ForbiddenError              403   forbidden
    ├── NotFoundError               404   not-found
    ├── MethodNotAllowedError       405   not-supported
    ├── NotAcceptableError          406   not-supported
    ├── RequestTimeoutError             408   timeout        the body did not arrive in time
    ├── ConflictError               409   conflict
    ├── GoneError                   410   deleted
    ├── PreconditionFailedError     412   conflict
    │   └── MultipleMatchesError    412   multiple-matches
    ├── TooLargeError               413   too-long
    ├── UnsupportedMediaTypeError   415   not-supported
    ├── RangeNotSatisfiableError    416   invalid        nothing of the content is in Range
    ├── UnprocessableError          422   processing     carries one issue per broken rule
    ├── ThrottledError              429   throttled
    └── UnavailableError            503   transient      carries Retry-After

`diagnostics` names the rule and the remedy and quotes nothing but the caller's own input.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

Severity = Literal["fatal", "error", "warning", "information"]


@dataclass(frozen=True, slots=True)
class Issue:
    """One issue of an OperationOutcome.

    Attributes:
        severity: R4 issue severity.
        code: R4 issue type, e.g. "structure", "required", "invariant".
        diagnostics: the rule and the remedy, for a person.
        expression: FHIRPath locations, e.g. ("Patient.name[0].given",).
        details: what programs may rely on: a code of HL7's operation-outcome system, e.g.
            "MSG_NO_EXIST", of what is "suppressed" a code of v3-ActReason, or the key of the
            invariant that is broken, e.g. "obs-6".
    """

    severity: Severity
    code: str
    diagnostics: str
    expression: tuple[str, ...] = ()
    details: str | None = None


class FhirError(Exception):
    """A request that cannot be answered as asked; becomes an OperationOutcome.

    Args:
        diagnostics: the rule and the remedy, for a person.
        expression: FHIRPath locations, or HTTP places such as "http.If-Match".
        issues: the whole list where there is more than one; then `diagnostics` is its first.
        headers: HTTP headers that the answer needs, e.g. Allow or Retry-After.
    """

    status: ClassVar[int] = 500
    code: ClassVar[str] = "exception"
    details: ClassVar[str | None] = None

    def __init__(
        self,
        diagnostics: str,
        *,
        expression: Sequence[str] = (),
        issues: Sequence[Issue] = (),
        headers: Sequence[tuple[str, str]] = (),
    ) -> None:
        super().__init__(diagnostics)
        self.issues: tuple[Issue, ...] = tuple(issues) or (
            Issue("error", self.code, diagnostics, tuple(expression), self.details),
        )
        self.headers: tuple[tuple[str, str], ...] = tuple(headers)


class MalformedBodyError(FhirError):
    """The body is not well-formed JSON or XML."""

    status = 400
    code = "structure"
    details = "MSG_BAD_SYNTAX"


class InvalidRequestError(FhirError):
    """A header, path, id or parameter breaks a rule."""

    status = 400
    code = "invalid"


class InvalidSearchError(InvalidRequestError):
    """A search parameter is unknown, or one of its values is wrong."""


class NotSupportedError(FhirError):
    """FHIR defines it; this server does not offer it."""

    status = 400
    code = "not-supported"


class UnauthorizedError(FhirError):
    """No valid credentials."""

    status = 401
    code = "login"
    details = "MSG_AUTH_REQUIRED"


class ForbiddenError(FhirError):
    """The caller may not do this."""

    status = 403
    code = "forbidden"


class NotFoundError(FhirError):
    """Nothing is there, or nothing that the caller may know of."""

    status = 404
    code = "not-found"
    details = "MSG_NO_EXIST"


class MethodNotAllowedError(FhirError):
    """The place exists and does not take this method; carries Allow."""

    status = 405
    code = "not-supported"
    details = "MSG_OP_NOT_ALLOWED"


class NotAcceptableError(FhirError):
    """None of the formats asked for can be produced."""

    status = 406
    code = "not-supported"


class RequestTimeoutError(FhirError):
    """The body did not arrive within the deadline."""

    status = 408
    code = "timeout"


class ConflictError(FhirError):
    """The change contradicts what is stored, e.g. a delete of a referenced resource."""

    status = 409
    code = "conflict"


class GoneError(FhirError):
    """The resource, or this version of it, is deleted."""

    status = 410
    code = "deleted"
    details = "MSG_DELETED_ID"


class PreconditionFailedError(FhirError):
    """If-Match or another precondition does not hold."""

    status = 412
    code = "conflict"
    details: ClassVar[str | None] = "MSG_VERSION_AWARE_CONFLICT"


class MultipleMatchesError(PreconditionFailedError):
    """A condition that must select one resource selects several."""

    code = "multiple-matches"
    details = "SEARCH_MULTIPLE"


class TooLargeError(FhirError):
    """A size, depth or count limit is hit; diagnostics name it."""

    status = 413
    code = "too-long"


class UnsupportedMediaTypeError(FhirError):
    """The body's Content-Type is not one that this place reads."""

    status = 415
    code = "not-supported"
    details = "MSG_UNKNOWN_CONTENT"


class RangeNotSatisfiableError(FhirError):
    """The content ends before the part that is asked for begins; carries Content-Range."""

    status = 416
    code = "invalid"


class UnprocessableError(FhirError):
    """The resource is well-formed and breaks FHIR's rules."""

    status = 422
    code = "processing"


class ThrottledError(FhirError):
    """The caller has too much under way; carries Retry-After."""

    status = 429
    code = "throttled"


class InternalError(FhirError):
    """A defect of the server."""

    status = 500
    code = "exception"


class UnavailableError(FhirError):
    """The database cannot be reached or has no free connection; carries Retry-After."""

    status = 503
    code = "transient"

    def __init__(self, diagnostics: str, *, retry_after_s: int = 2) -> None:
        super().__init__(diagnostics, headers=(("Retry-After", str(retry_after_s)),))
