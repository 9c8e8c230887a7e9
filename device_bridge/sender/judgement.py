"""What an answer says about the message that was sent; pure.

Spec: https://hl7.org/fhir/R4/http.html#transaction-response, https://www.rfc-editor.org/rfc/rfc9110

    done      200, 201                        the server has it
    later     401, 408, 425, 429, 502 to 504  nobody's message would pass: try again, without end
    again     403, 404, 405, 409, 412, other 5xx   may be this message or the moment: a few times
    dead      everything else                 this message never passes; others go on
"""

from dataclasses import dataclass
from typing import Literal

from fhirserver_device_bridge.sender.fhir_client import Answer

Verdict = Literal["done", "held", "later", "again", "dead"]

_LATER = frozenset({401, 408, 425, 429, 502, 503, 504})
_AGAIN = frozenset({403, 404, 405, 409, 412})
_FIRST_PAUSE_S = 0.25
_REASON_LIMIT = 2000


@dataclass(frozen=True, slots=True)
class Judgement:
    """What becomes of a message.

    Attributes:
        reason: for whoever may read the journal; may hold what the server quoted.
        pause_s: what the server asked to wait; None where it asked for nothing.
    """

    verdict: Verdict
    reason: str | None = None
    pause_s: float | None = None


def judge(answer: Answer) -> Judgement:
    """Judge the answer to a transaction or to a search before it."""
    if answer.status in (200, 201):
        return Judgement("done")
    reason = _reason(answer)
    if answer.status in _LATER:
        return Judgement("later", reason, _retry_after_s(answer))
    if answer.status in _AGAIN or answer.status >= 500:
        return Judgement("again", reason, _retry_after_s(answer))
    return Judgement("dead", reason)


def pause_s(failures: int, longest_s: float) -> float:
    """Tell how long to wait after that many failures in a row: twice as long each time."""
    return min(longest_s, _FIRST_PAUSE_S * 2.0 ** min(failures - 1, 30))


def _reason(answer: Answer) -> str:
    said = [
        " ".join(filter(None, (issue.get("code"), _words(issue), *issue.get("expression", ()))))
        for issue in answer.resource().get("issue", ())
    ]
    return f"HTTP {answer.status}: {'; '.join(said)}"[:_REASON_LIMIT]


def _words(issue: dict[str, object]) -> str:
    details = issue.get("details")
    text = details.get("text") if isinstance(details, dict) else None
    return str(issue.get("diagnostics") or text or "")


def _retry_after_s(answer: Answer) -> float | None:
    value = answer.headers.get("retry-after", "")
    return float(value) if value.isdecimal() else None
