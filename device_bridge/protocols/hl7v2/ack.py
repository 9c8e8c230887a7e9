r"""Acknowledgements: which ones a sender wants, and their text.

Spec: HL7 v2.6 chapter 2, section 2.9 (processing rules), tables 0008 and 0155

    mode       when                       codes: accepted, error, rejected
    original   MSH-15, MSH-16 empty       AA AE AR
    enhanced   either is sent             by MSH-15 CA CE CR, by MSH-16 AA AE AR

    AL always   NE never   ER only of an error or rejection   SU only of success; empty is NE

A commit acknowledgement says that the message is stored safely; it is given after the journal has
it. The bridge's application acknowledgement says the same, for what becomes of a reading later is
told by dead letters and not by the protocol.
"""

from datetime import datetime
from typing import Literal

from fhirserver_device_bridge.protocols.hl7v2.message import Segment
from fhirserver_device_bridge.source import Source

Outcome = Literal["accepted", "error", "rejected"]
_APPLICATION_ERROR = "207"
"""Of table 0357."""

_LETTER: dict[Outcome, str] = {"accepted": "A", "error": "E", "rejected": "R"}
_ALWAYS = {"original": ("", ""), "enhanced": ("AL", "NE"), "none": ("NE", "NE")}


def wanted(header: Segment, outcome: Outcome, override: Source | None = None) -> tuple[str, ...]:
    """Tell which acknowledgements a message wants, in the order of sending.

    Args:
        header: the message's MSH.
        outcome: "error" if it may be sent again (the disk is low), "rejected" if it never will do.
        override: the source, whose `acknowledgement` holds instead of MSH-15 and MSH-16.

    Returns:
        None, one or two codes of MSA-1, e.g. ("CA",) or ("CA", "AA").
    """
    accept, application = header.field(15), header.field(16)
    if override is not None and override.acknowledgement is not None:
        accept, application = _ALWAYS[override.acknowledgement]
    letter = _LETTER[outcome]
    if not accept and not application:
        return ("A" + letter,)
    asked = (("C", accept), ("A", application))
    return tuple(kind + letter for kind, condition in asked if _holds(condition, outcome))


def _holds(condition: str, outcome: Outcome) -> bool:
    return (
        condition == "AL"
        or (condition == "SU" and outcome == "accepted")
        or (condition == "ER" and outcome != "accepted")
    )


def acknowledge(
    header: Segment, code: str, *, at: datetime, control_id: str, text: str = ""
) -> bytes:
    """Write an acknowledgement.

    Args:
        header: MSH of the message, read by `header_of`, so that what is echoed keeps its bytes.
        code: of `wanted`.
        at: time of the acknowledgement, aware.
        control_id: this message's own.
        text: why, for codes of errors; of this program, never of the message.

    Returns:
        MSH and MSA, and ERR where `text` is given, each ended by CR; MSA-2 is MSH-10 as it was
        sent.
    """
    marks = header.separators
    event = header.component(9, 2)
    stamp = at.strftime("%Y%m%d%H%M%S") + at.strftime("%z")
    fields = [
        f"MSH{marks.field}{header.field(2)}",
        *(header.field(number) for number in (5, 6, 3, 4)),
        stamp,
        "",
        marks.component.join(("ACK", event, "ACK") if event else ("ACK",)),
        control_id,
        header.field(11) or "P",
        header.field(12) or "2.6",
        *["", "", "", "", ""],
        header.field(18),
    ]
    lines = [marks.field.join(fields).rstrip(marks.field)]
    lines.append(marks.field.join(("MSA", code, header.field(10))))
    if text:
        lines.append(
            marks.field.join(
                ("ERR", "", "", _APPLICATION_ERROR, "E", "", "", "", _plain(text, header))
            )
        )
    return "".join(line + "\r" for line in lines).encode("latin-1")


def _plain(text: str, header: Segment) -> str:
    """Free a text of what would be read as a separator; everything in it is of this program."""
    marks = header.separators
    special = {
        marks.field,
        marks.component,
        marks.repetition,
        marks.escape,
        marks.subcomponent,
        "\r",
        "\n",
    }
    return "".join(" " if mark in special or ord(mark) > 126 else mark for mark in text)
