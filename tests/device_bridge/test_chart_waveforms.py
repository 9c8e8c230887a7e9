"""Waveforms on a real server: in pieces, once, and corrected piece by piece."""

from dataclasses import replace
from decimal import Decimal

import pytest

from fhirserver_device_bridge.sender.judgement import Judgement
from fhirserver_device_bridge.sender.lane import Lane
from tests.client import Client
from tests.device_bridge.messages import WARD, obx, oru
from tests.device_bridge.test_chart import LATER, SENT, chart, everything

pytestmark = pytest.mark.usefixtures("patients")


def test_dev_13_pieces_of_a_waveform_are_charted_once_and_corrected(
    client: Client, lane: Lane
) -> None:
    source = replace(WARD, waveform_s=Decimal(2))

    def told(*samples: str, at: str = "20260504100000+0000", **fields: str) -> bytes:
        """A waveform at 1/s, and its rate."""
        wave = obx("131330^x^MDC", "1.6.2.1", "^".join(samples), kind="NA", f14=at, **fields)
        rate = obx("0^MDC_ATTR_SAMP_RATE^MDC", "1.6.2.1.1", "1", unit="264608^x^MDC")
        return oru(wave, rate, sent=LATER if "f11" in fields else SENT)

    def charted() -> list[tuple[str, str, str]]:
        """Beginning, samples and version of each."""
        made = client.search("Observation?code=131330&_sort=date")
        return [
            (
                each["effectivePeriod"]["start"][14:19],
                each["valueSampledData"]["data"],
                each["meta"]["versionId"],
            )
            for each in made
        ]

    first = told("1", "2.50", "", "4", "5")
    assert chart(lane, first, source) == Judgement("done")
    assert charted() == [("00:00", "1 2.50", "1"), ("00:02", "E 4", "1"), ("00:04", "5", "1")]
    before = everything(client)
    assert chart(lane, first, source) == Judgement("done")
    assert everything(client) == before
    following = told("6", "7", at="20260504100005+0000")
    assert chart(lane, following, source, 2) == Judgement("done")
    correction = told("1", "2.50", "3", "4", "9", f11="C")
    assert chart(lane, correction, source, 3) == Judgement("done")
    assert charted() == [
        # A corrected piece that says the same is final no more.
        *(("00:00", "1 2.50", "2"), ("00:02", "3 4", "2"), ("00:04", "9", "2")),
        ("00:05", "6 7", "1"),
    ]
    found = client.search("Observation?code=131330&date=ge2026-05-04T10:00:05Z")
    assert [each["valueSampledData"]["data"] for each in found] == ["6 7"]
