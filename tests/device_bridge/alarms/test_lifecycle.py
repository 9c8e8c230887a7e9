"""One lifecycle for each alarm, whatever order things are said in. DEV-15, DEV-25."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from fhirserver_device_bridge.alarms.alarm import Alarm, Condition, Kind, Phase, Report
from fhirserver_device_bridge.alarms.lifecycle import advance

NOW = datetime(2026, 1, 1, tzinfo=UTC)
_PHASES: dict[str, Phase] = {"s": "start", "u": "update", "e": "end", "p": "point"}


def happened(script: str, kind: Kind = "device") -> list[str]:
    """Play what is said, e.g. "s1 u2=PH e3": phase, time, and what is wrong then."""
    told: list[str] = []
    last: Alarm | None = None
    for word in script.split():
        said, _, text = word.partition("=")
        second = int(said[1:])
        report = Report(
            key="k",
            kind=kind,
            phase=_PHASES[said[0]],
            said_us=second,
            at=f"2026-01-01T00:00:{second:02}+00:00",
            condition=Condition(text=text),
        )
        step = advance(last, report, "icu", 1, NOW)
        told.append(step[0] if step else "-")
        last = step[1] if step else last
    assert last is not None
    told.append(f"{(last.started or '-')[17:19]}..{(last.ended or '')[17:19]}")
    return told


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        pytest.param("s1 e2", "started ended 01..02", id="the-end-closes-what-the-start-opened"),
        pytest.param("s1 u2 u3 e4", "started - - ended 01..04", id="nothing-new-is-nothing"),
        pytest.param("s1 u2=PH e3=PH", "started changed ended 01..03", id="escalated"),
        pytest.param("s1 e3 u2", "started ended - 01..03", id="late-is-ignored"),
        pytest.param("e2 s1", "ended - ..02", id="an-end-before-its-start-stays-the-end"),
        pytest.param("s1 e2 s1", "started ended - 01..02", id="a-start-sent-again"),
        pytest.param("s1 e1 s1", "started ended - 01..01", id="within-one-second"),
        pytest.param("s1 e2 e3", "started ended - 01..02", id="ended-once"),
        pytest.param("s1 e2 s3", "started ended started 03..", id="again-is-another-alarm"),
        pytest.param("u2 e3", "started ended 02..03", id="heard-of-late"),
        pytest.param("p1 p2", "started started 02..02", id="points-have-no-duration"),
    ],
)
def test_an_alarm_of_a_device(script: str, expected: str) -> None:
    assert happened(script) == expected.split()


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        pytest.param("s1=a s2=b e3", "started - ended 01..03", id="what-is-said-first-counts"),
        pytest.param("s2 e1 e3", "started - ended 02..03", id="late-is-ignored"),
        pytest.param("s1 e1 s1", "started ended started 01..", id="a-correction-may-be-critical"),
    ],
)
def test_a_critical_value(script: str, expected: str) -> None:
    assert happened(script, "critical") == expected.split()


def test_an_end_that_a_clock_puts_before_the_start() -> None:
    """R4 allows no Period that ends before it starts."""
    started = Report("k", "device", "start", 1, "2026-01-01T12:00:00+02:00", Condition())
    step = advance(None, started, "icu", 1, NOW)
    assert step is not None
    ended = Report("k", "device", "end", 2, "2026-01-01T09:59:59Z", Condition())
    step = advance(step[1], ended, "icu", 2, NOW)
    assert step is not None
    assert step[1].ended == step[1].started
