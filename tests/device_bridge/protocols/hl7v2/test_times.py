"""HL7 v2 times: precision, offsets, zones and the hours of a clock change."""

from datetime import UTC
from zoneinfo import ZoneInfo

import pytest

from fhirserver_device_bridge.protocols.hl7v2.errors import MessageError
from fhirserver_device_bridge.protocols.hl7v2.times import parse_time
from fhirserver_device_bridge.reading import Moment

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("sent", "text", "precision"),
    [
        pytest.param("2026", "2026", "year", id="year"),
        pytest.param("202605", "2026-05", "month", id="month"),
        pytest.param("20260504", "2026-05-04", "day", id="day"),
        pytest.param("2026050410", "2026-05-04", "day", id="hour-alone-is-its-day"),
        pytest.param("202605041007+0200", "2026-05-04T10:07:00+02:00", "minute", id="minute"),
        pytest.param("20260504100703-0430", "2026-05-04T10:07:03-04:30", "second", id="second"),
        pytest.param("20260504100703Z", "2026-05-04T10:07:03+00:00", "second", id="Z"),
        pytest.param("20260504100703+02", "2026-05-04T10:07:03+02:00", "second", id="short-offset"),
        pytest.param(
            "20260504100703.10+0000", "2026-05-04T10:07:03.10+00:00", "fraction", id="digits-kept"
        ),
        pytest.param(
            "20260504100703250+0000", "2026-05-04T10:07:03.250+00:00", "fraction", id="17-digits"
        ),
        pytest.param(
            "20261231235960+0000", "2026-12-31T23:59:60+00:00", "second", id="leap-second"
        ),
        pytest.param("20260504000000-0000", "2026-05-04T00:00:00+00:00", "second", id="minus-zero"),
    ],
)
def test_what_was_sent_is_kept(sent: str, text: str, precision: str) -> None:
    moment = parse_time(sent, BERLIN)
    assert (moment.text, moment.precision, moment.ambiguous) == (text, precision, False)
    assert moment.offset_known


@pytest.mark.parametrize(
    ("sent", "moment"),
    [
        pytest.param(
            "20260115120000",
            Moment("2026-01-15T12:00:00+01:00", "second", offset_known=False),
            id="winter",
        ),
        pytest.param(
            "20260715120000",
            Moment("2026-07-15T12:00:00+02:00", "second", offset_known=False),
            id="summer",
        ),
        pytest.param(
            "20261025023000",
            Moment(
                "2026-10-25T02:30:00+02:00",
                "second",
                offset_known=False,
                ambiguous=True,
                latest="2026-10-25T02:30:00+01:00",
            ),
            id="an-hour-that-exists-twice-is-both",
        ),
        pytest.param(
            "20261025023000+0100",
            Moment("2026-10-25T02:30:00+01:00", "second"),
            id="an-offset-tells-which",
        ),
        pytest.param(
            "20260329023000",
            Moment("2026-03-29T02:30:00+01:00", "second", offset_known=False),
            id="an-hour-that-does-not-exist-is-of-a-clock-not-changed-yet",
        ),
    ],
)
def test_a_missing_offset_is_the_sources(sent: str, moment: Moment) -> None:
    assert parse_time(sent, BERLIN) == moment


@pytest.mark.parametrize(
    "sent",
    [
        "", "26", "20261", "20261301", "20260230", "2026050424", "202605041060", "20260504100061",
        "20260504100000+2500", "20260504100000+0075", "2026-05-04", "00000101", "20260504T10", "x",
    ],
)  # fmt: skip
def test_what_is_no_time_is_refused(sent: str) -> None:
    with pytest.raises(MessageError, match="OBX-14 is no HL7 time"):
        parse_time(sent, UTC, "OBX-14")
