"""DEV-13: a long waveform becomes several Observations, whose samples joined are those sent."""

import gzip
import json
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from fhirserver_device_bridge.convert import Conversion
from fhirserver_device_bridge.fhir import identity
from fhirserver_device_bridge.mapping.grouping import Measurement
from fhirserver_device_bridge.mapping.pieces import pieces
from fhirserver_device_bridge.reading import MDC, Coding, Moment, Reading, Samples
from fhirserver_device_bridge.source import Source
from tests.device_bridge.messages import WARD, converted, obx, oru

LEAD = "131329^MDC_ECG_ELEC_POTL_I^MDC"
PER_SECOND = "264608^MDC_DIM_PER_SEC^MDC"
RATE = "0^MDC_ATTR_SAMP_RATE^MDC"
AT = "20260504100000+0000"


def wave(
    samples: Sequence[str],
    rate: str,
    at: str = AT,
    *,
    lead: str = LEAD,
    place: str = "1.1.1.9",
    facets: Sequence[str] = (),
    **fields: str,
) -> tuple[str, ...]:
    """Write an NA value and its facets.

    Args:
        samples: as they stand in OBX-5.
        rate: in 1/s.
        at: OBX-14.
        lead: OBX-3.
        place: OBX-4.
        facets: further rows.
        fields: further fields of the OBX.
    """
    row = obx(lead, place, "^".join(samples), kind="NA", f14=at, **fields)
    return (row, obx(RATE, f"{place}.1", rate, unit=PER_SECOND), *facets)


def cut_at(length_s: str, zone: str = "UTC") -> Source:
    return replace(WARD, waveform_s=Decimal(length_s), zone=ZoneInfo(zone))


def observations(conversion: Conversion) -> list[dict[str, Any]]:
    assert conversion.bundle is not None, (conversion.rejected, conversion.quarantined)
    resources = (entry["resource"] for entry in conversion.bundle["entry"])
    return [each for each in resources if each["resourceType"] == "Observation"]


def told(made: dict[str, Any]) -> tuple[str, str, int]:
    """Give the beginning, the end and the number of samples of an Observation."""
    count = len(made["valueSampledData"]["data"].split())
    if "effectivePeriod" in made:
        return made["effectivePeriod"]["start"], made["effectivePeriod"]["end"], count
    return made["effectiveDateTime"], "", count


def joined(made: Sequence[dict[str, Any]]) -> str:
    return " ".join(each["valueSampledData"]["data"] for each in made)


DAY = "2026-05-04T"
# Number of samples, rate, OBX-14, length of a piece -> beginning, end and samples of each.
BOUNDARIES: dict[str, tuple[int, str, str, str, list[tuple[str, str, int]]]] = {
    "shorter-than-a-piece": (
        *(500, "250", AT, "4"),
        [(DAY + "10:00:00+00:00", DAY + "10:00:02+00:00", 500)],
    ),
    "just-a-piece": (
        *(1000, "250", AT, "4"),
        [(DAY + "10:00:00+00:00", DAY + "10:00:04+00:00", 1000)],
    ),
    "a-sample-more": (
        *(1001, "250", AT, "4"),
        [
            (DAY + "10:00:00+00:00", DAY + "10:00:04+00:00", 1000),
            (DAY + "10:00:04+00:00", DAY + "10:00:04.004+00:00", 1),
        ],
    ),
    "the-last-is-shorter": (
        *(2500, "250", AT, "4"),
        [
            (DAY + "10:00:00+00:00", DAY + "10:00:04+00:00", 1000),
            (DAY + "10:00:04+00:00", DAY + "10:00:08+00:00", 1000),
            (DAY + "10:00:08+00:00", DAY + "10:00:10+00:00", 500),
        ],
    ),
    "over-midnight-with-fraction-and-offset": (
        *(300, "100", "20260504235958.25+0530", "2"),
        [
            (DAY + "23:59:58.25+05:30", "2026-05-05T00:00:00.250+05:30", 200),
            ("2026-05-05T00:00:00.250+05:30", "2026-05-05T00:00:01.250+05:30", 100),
        ],
    ),
    "a-piece-ends-where-the-next-begins": (
        *(64, "256", AT, "0.1"),
        [
            (DAY + "10:00:00+00:00", DAY + "10:00:00.101562+00:00", 26),
            (DAY + "10:00:00.101562+00:00", DAY + "10:00:00.203125+00:00", 26),
            (DAY + "10:00:00.203125+00:00", DAY + "10:00:00.250+00:00", 12),
        ],
    ),
    "to-the-nearest-sample": (
        *(90, "60", AT, "1"),
        [
            (DAY + "10:00:00+00:00", DAY + "10:00:01+00:00", 60),
            (DAY + "10:00:01+00:00", DAY + "10:00:01.500+00:00", 30),
        ],
    ),
    "never-less-than-a-sample": (
        *(2, "0.1", AT, "1"),
        [
            (DAY + "10:00:00+00:00", DAY + "10:00:10+00:00", 1),
            (DAY + "10:00:10+00:00", DAY + "10:00:20+00:00", 1),
        ],
    ),
    "from-a-leap-second": (
        *(2, "1", "20161231235960+0000", "1"),
        [
            ("2016-12-31T23:59:60+00:00", "2017-01-01T00:00:00+00:00", 1),
            ("2017-01-01T00:00:00+00:00", "2017-01-01T00:00:01+00:00", 1),
        ],
    ),
    "in-the-hour-that-exists-twice": (
        *(20, "10", "20261025023000", "1"),
        [
            ("2026-10-25T02:30:00+02:00", "2026-10-25T02:30:01+01:00", 10),
            ("2026-10-25T02:30:01+02:00", "2026-10-25T02:30:02+01:00", 10),
        ],
    ),
    "a-beginning-to-the-minute-cuts-nothing": (
        *(20, "10", "202605041000+0000", "1"),
        [(DAY + "10:00:00+00:00", "", 20)],
    ),
    "a-beginning-to-the-day-cuts-nothing": (*(20, "10", "20260504", "1"), [("2026-05-04", "", 20)]),
}


@pytest.mark.parametrize(
    ("count", "rate", "at", "length_s", "expected"),
    [pytest.param(*row, id=name) for name, row in BOUNDARIES.items()],
)
def test_dev_13_where_a_waveform_is_cut(
    count: int, rate: str, at: str, length_s: str, expected: list[tuple[str, str, int]]
) -> None:
    sent = [str(number) for number in range(count)]
    raw = oru(*wave(sent, rate, at))
    made = observations(converted(raw, cut_at(length_s, "Europe/Berlin")))
    assert [told(each) for each in made] == expected
    assert joined(made) == " ".join(sent)
    assert len({each["identifier"][0]["value"] for each in made}) == len(expected)


NO_SIGNAL = obx("262196^MDC_EVT_INOP^MDC", "1.1.1.9.3", "32767")
# OBX-5, further facets -> data of pieces of three samples.
GAPS: dict[str, tuple[str, tuple[str, ...], list[str]]] = {
    "none": ("1 2.50 -3 4", (), ["1 2.50 -3", "4"]),
    "before-a-boundary": ("1 2 - 4", (), ["1 2 E", "4"]),
    "across-a-boundary": ("1 2 - - 5 6", (), ["1 2 E", "E 5 6"]),
    "a-piece-of-nothing-else": ("1 2 3 - - - 7", (), ["1 2 3", "E E E", "7"]),
    "at-the-end": ("1 2 3 4 -", (), ["1 2 3", "4 E"]),
    "said-by-number": ("1 2 32767 32767.0 5", (NO_SIGNAL,), ["1 2 E", "E 5"]),
    "a-number-nobody-calls-a-gap": ("1 32767", (), ["1 32767"]),
}


@pytest.mark.parametrize(
    ("sent", "facets", "data"), [pytest.param(*row, id=name) for name, row in GAPS.items()]
)
def test_dev_13_gaps(sent: str, facets: tuple[str, ...], data: list[str]) -> None:
    samples = ["" if part == "-" else part for part in sent.split()]
    made = observations(converted(oru(*wave(samples, "3", facets=facets)), cut_at("1")))
    assert [each["valueSampledData"]["data"] for each in made] == data


def test_dev_13_no_waveform_becomes_more_than_500_observations() -> None:
    made = observations(converted(oru(*wave(["7"] * 1100, "1")), cut_at("1")))
    assert {told(each)[2] for each in made} == {3, 2}
    assert (len(made), joined(made)) == (367, " ".join(["7"] * 1100))


@pytest.mark.parametrize(
    ("rate", "at"),
    [
        pytest.param("1", "99991231235959+0000", id="the-last-second"),
        pytest.param("0." + "0" * 30 + "1", AT, id="a-rate-of-nearly-nothing"),
    ],
)
def test_dev_13_a_waveform_without_an_end_is_quarantined(rate: str, at: str) -> None:
    conversion = converted(oru(*wave(["1", "2", "3"], rate, at), obx(place="1.9.9.9")))
    (rejected,) = conversion.quarantined
    assert "after the year 9999" in rejected.reason
    assert len(observations(conversion)) == 1


def test_dev_13_pieces_of_two_messages_are_not_joined() -> None:
    first, second = (
        [
            each["identifier"][0]["value"]
            for each in observations(converted(oru(*wave(["1"] * 6, "4", at)), cut_at("1")))
        ]
        for at in ("20260504100000.5+0000", "20260504100002+0000")
    )
    assert (len(first), len(second), len({*first, *second})) == (2, 2, 4)


@pytest.mark.parametrize(
    ("status", "count", "same"),
    [
        pytest.param("C", 10, [True, True, True], id="a-correction-finds-its-pieces"),
        pytest.param("F", 9, [True, True, False], id="the-duration-is-part-of-it"),
    ],
)
def test_dev_13_identity(status: str, count: int, same: list[bool]) -> None:
    before, after = (
        observations(converted(oru(*wave(samples, "4", f11=told_as)), cut_at("1")))
        for samples, told_as in ((["1"] * 10, "F"), (["2"] * count, status))
    )
    pairs = zip(before, after, strict=True)
    assert [each["identifier"] == other["identifier"] for each, other in pairs] == same


def test_dev_13_recorded_leads_come_back_as_they_were(test_data: Path) -> None:
    """The specification's ECG, sent as NA values and cut into quarters of a second."""
    with gzip.open(test_data / "r4-examples/examples.ndjson.gz", "rt", encoding="utf-8") as lines:
        named = (json.loads(line) for line in lines if '"ekg"' in line)
        ecg = next(each for each in named if each["id"] == "ekg")
    rows: list[str] = []
    for number, lead in enumerate(ecg["component"], 1):
        code, recorded = lead["code"]["coding"][0], lead["valueSampledData"]
        rate = format(Decimal(1000) / Decimal(str(recorded["period"])), "f")
        rows += wave(
            recorded["data"].split(),
            rate,
            lead=f"{code['code']}^{code['display']}^MDC",
            place=f"1.1.1.{number}",
        )
    made = observations(converted(oru(*rows), cut_at("0.25")))
    assert len(made) == 5 * len(ecg["component"])
    for lead in ecg["component"]:
        code, recorded = lead["code"]["coding"][0]["code"], lead["valueSampledData"]
        of_lead = [each for each in made if each["code"]["coding"][-1]["code"] == code]
        assert joined(of_lead) == recorded["data"]
        assert {each["valueSampledData"]["period"] for each in of_lead} == {recorded["period"]}


def test_dev_13_pieces_of_a_personal_device_are_found_by_its_own_time() -> None:
    """How far its clock is off is measured anew each time; it stays the same Observations."""
    samples = Samples(Decimal(500), tuple(map(Decimal, range(5))))
    found = []
    for at in ("2026-05-04T10:00:00+00:00", "2026-05-04T10:00:01+00:00"):
        whole = Reading(
            *("home", 1, (Coding(MDC, "131328"),), (), "1", samples),
            time=Moment(at, "second"),
            device_time="2019-01-01T00:00:00.00",
        )
        parts = pieces(whole, Decimal(1))
        readings = [each for each in parts if isinstance(each, Reading)]
        assert [each.time and each.time.text[17:19] for each in readings] == [
            f"{int(at[17:19]) + begins:02}" for begins in (0, 1, 2)
        ]
        found.append([identity.observation(Measurement((each,))) for each in readings])
    assert found[0] == found[1]
    assert len(set(found[0])) == 3
