"""From the start of an alarm to its end, whatever order things are said in. Pure.

    said                     nothing known      open                     ended
    start, update, point     started            changed, or nothing new  started anew
    end                      ended              ended                    nothing
    older than what counted  -                  nothing                  nothing

Only a device tells how its alarm changes: of a critical value, or a silence, what is said first
counts until it is over. An end whose start nobody told is kept as an alarm without one; that, too,
only a device can tell.
"""

from datetime import datetime
from hashlib import sha256

from msgspec.structs import replace

from fhirserver_device_bridge.alarms.alarm import Alarm, Report, What
from fhirserver_device_bridge.moments import first_instant

Step = tuple[What, Alarm]


def advance(
    last: Alarm | None, report: Report, source: str, entry: int, now: datetime
) -> Step | None:
    """Tell what a report makes of an alarm.

    Args:
        last: the last alarm of its key; None for none.
        report: what is said.
        source: name of the source.
        entry: number of the message that says it; 0 where none does.
        now: aware.

    Returns:
        What happened, and the alarm as it is then; None where nothing did.
    """
    if last is not None and _is_old(report, last):
        return None
    if last is not None and last.is_open:
        return _continued(last, report, now)
    if report.phase == "end" and (last is not None or report.kind != "device"):
        return None
    alarm = Alarm(
        id=_identity(source, report, entry),
        source=source,
        key=report.key,
        kind=report.kind,
        said_us=report.said_us,
        entry=entry,
        changed=now,
        condition=report.condition,
        started=None if report.phase == "end" else report.at,
        ended=report.at if report.phase in ("end", "point") else None,
    )
    return ("ended" if report.phase == "end" else "started"), alarm


def _is_old(report: Report, last: Alarm) -> bool:
    """Tell whether something later is known; a start sent again after its end is old as well."""
    if report.said_us != last.said_us:
        return report.said_us < last.said_us
    return report.kind == "device" and not last.is_open


def _continued(last: Alarm, report: Report, now: datetime) -> Step | None:
    condition = report.condition if report.kind == "device" else last.condition
    if condition.evidence is None:
        condition = replace(condition, evidence=last.condition.evidence)
    alarm = replace(
        last, said_us=report.said_us, changed=max(now, last.changed), condition=condition
    )
    if report.phase == "end":
        return "ended", replace(alarm, ended=_not_before(last.started, report.at))
    return None if condition == last.condition else ("changed", alarm)


def _not_before(started: str | None, ended: str) -> str:
    """Give the end; a clock that was set back must not make a Period that ends before it starts."""
    if started is not None and first_instant(ended) < first_instant(started):
        return started
    return ended


def _identity(source: str, report: Report, entry: int) -> str:
    told = "\n".join((source, report.key, report.at, str(report.said_us), str(entry)))
    return sha256(told.encode("utf-8", "surrogatepass")).hexdigest()
