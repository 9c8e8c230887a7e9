"""Which limits hold, and what is beyond them. DEV-30."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from fhirserver_device_bridge.config.alarm_settings import Limit
from fhirserver_device_bridge.hearing import Receipt, hear
from tests.device_bridge.messages import CELSIUS, RECEIVED, TEMPERATURE, WARD, obx, oru
from tests.device_bridge.v2fhir.feed import SOURCE as LABORATORY
from tests.device_bridge.v2fhir.feed import message
from tests.device_bridge.v2fhir.samples import LAB

FEVER = Limit("fever", "150344", "Cel", "Ward", low=Decimal(35), high=Decimal(39))
PULSE = Limit("pulse", "149530", "/min", "Ward", low=Decimal(50), high=Decimal(120))
NEWBORN = replace(
    PULSE, name="newborn", low=Decimal(90), high=Decimal(200), from_age_days=0, to_age_days=28
)
ADULT = replace(PULSE, name="adult", from_age_days=6570)
FAHRENHEIT = "266560^MDC_DIM_FAHR^MDC"


def beyond(*rows: str, limits: tuple[Limit, ...], born: str = "") -> list[str]:
    """Give the limits that a message at 2026-05-04 is beyond, and on which side."""
    message = oru(*rows).replace(b"PID|||P-7^^^HOSP^MR", f"PID|||P-7^^^HOSP^MR||||{born}".encode())
    heard = hear(Receipt(message, WARD, RECEIVED, 1), limits, set())
    assert all(each.phase == "start" for each in heard.reports)
    return [
        f"{each.condition.limit} {each.condition.codes[0].display}" for each in heard.reports
    ] + ["unchecked"] * heard.unchecked


def temperature(value: str, unit: str = CELSIUS, **fields: str) -> str:
    return obx(TEMPERATURE, value=value, unit=unit, **fields)


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        pytest.param(temperature("39.0"), [], id="at-the-limit"),
        pytest.param(temperature("39.1"), ["fever Critical high"], id="above"),
        pytest.param(temperature("34.9"), ["fever Critical low"], id="below"),
        pytest.param(temperature("103", FAHRENHEIT), ["fever Critical high"], id="another-unit"),
        pytest.param(temperature("102", FAHRENHEIT), [], id="another-unit-within"),
        pytest.param(temperature("50", "1^x^99MINE"), ["unchecked"], id="a-unit-nobody-knows"),
        pytest.param(temperature("384.5"), [], id="DEV-09-what-cannot-be-is-not-critical"),
        pytest.param(temperature("39.1", f8="TEST"), [], id="a-test"),
        pytest.param(temperature("39.1", f8="DEMO"), [], id="a-demonstration"),
        pytest.param(temperature("39.1", f8="INV"), [], id="invalid"),
        pytest.param(temperature("39.1", f11="D"), [], id="taken-back"),
        pytest.param(temperature("39.1", f11="R"), ["fever Critical high"], id="not-verified-yet"),
        pytest.param(temperature("35", f8="<"), ["fever Critical low"], id="less-than-the-limit"),
        pytest.param(temperature("40", f8="<"), [], id="less-than-something-above"),
        pytest.param(temperature("39", f8=">"), ["fever Critical high"], id="more-than-the-limit"),
        pytest.param(obx(value="300"), [], id="another-metric"),
    ],
)
def test_dev_30_a_reading(row: str, expected: list[str]) -> None:
    assert beyond(row, limits=(FEVER,)) == expected


@pytest.mark.parametrize(
    ("mappings", "is_device"), [((), True), (("ADT",), True), (("ORU",), False)]
)
def test_dev_30_of_what_a_mapping_reads_no_device_and_no_observation_is_named(
    mappings: tuple[str, ...], is_device: bool
) -> None:
    """The Observation that the mapping makes has another identifier."""
    receipt = Receipt(oru(temperature("41")), replace(WARD, messages=mappings), RECEIVED, 1)
    heard = hear(receipt, (FEVER,), set())
    (report,) = heard.reports
    assert report.condition.evidence is not None
    assert (report.condition.evidence.observation is not None) == is_device
    assert (bool(report.condition.path), bool(heard.devices)) == (is_device, is_device)


SODIUM = Limit("sodium", "2951-2", "mmol/L", "Lab", "http://loinc.org", low=Decimal(121))
GLUCOSE = Limit("glucose", "2345-7", "mg/dL", "Lab", "http://loinc.org", high=Decimal(100))


@pytest.mark.parametrize(
    ("limit", "expected"),
    [
        pytest.param(SODIUM, ["sodium Critical low"], id="a-comparator"),
        pytest.param(GLUCOSE, ["unchecked"], id="mass-and-amount-are-not-alike"),
        pytest.param(replace(GLUCOSE, unit="umol/L", high=Decimal(6099)),
                     ["glucose Critical high"], id="another-unit"),
        pytest.param(replace(GLUCOSE, unit="mmol/L", high=Decimal("6.10")), [], id="at-the-limit"),
        pytest.param(replace(SODIUM, code="8867-4", unit="/min", low=None, high=Decimal(70)),
                     ["sodium Critical high"], id="a-second-value"),
        pytest.param(replace(SODIUM, system=""), [], id="of-MDC"),
        pytest.param(replace(SODIUM, system="urn:x"), [], id="of-another-system"),
    ],
)  # fmt: skip
def test_dev_30_results_of_a_laboratory(limit: Limit, expected: list[str]) -> None:
    """By the codes that it sends, whatever else the message holds."""
    receipt = Receipt(message("ORU^R01", *LAB), LABORATORY, RECEIVED, 1)
    heard = hear(receipt, (limit,), set())
    found = [f"{each.condition.limit} {each.condition.codes[0].display}" for each in heard.reports]
    assert found + ["unchecked"] * heard.unchecked == expected
    assert all(each.condition.patient for each in heard.reports)


@pytest.mark.parametrize(
    ("value", "born", "expected"),
    [
        pytest.param("150", "20260501", [], id="newborn-within"),
        pytest.param("80", "20260501", ["newborn Critical low"], id="newborn-below"),
        pytest.param("150", "19610301", ["adult Critical high"], id="adult-above"),
        pytest.param("150", "20200101", [], id="a-child-has-no-row"),
        pytest.param("150", "", [], id="unknown-age-critical-for-some-only"),
        pytest.param("40", "", ["newborn Critical low"], id="unknown-age-critical-for-all"),
        pytest.param("40", "1961", ["newborn Critical low"], id="a-year-is-no-day-of-birth"),
        pytest.param("80", "20260407", ["newborn Critical low"], id="the-28th-day"),
        pytest.param("80", "20260406", [], id="not-newborn-any-more"),
    ],
)
def test_dev_30_ages(value: str, born: str, expected: list[str]) -> None:
    assert beyond(obx(value=value), limits=(NEWBORN, ADULT), born=born) == expected


def test_dev_30_within_again_ends_what_is_open() -> None:
    open_: set[str] = set()
    phases = [
        each.phase
        for value in ("130", "131", "100", "99", "40")
        for each in hear(Receipt(oru(obx(value=value)), WARD, RECEIVED, 1), (PULSE,), open_).reports
    ]
    # What may be open is ended until the journal says that it is not: the last two are harmless.
    assert phases == ["start", "start", "end", "end", "start", "end"]


def test_dev_30_a_laboratory_s_own_code(tmp_path: Path) -> None:
    """It is known by its mapping."""
    file = tmp_path / "own.yaml"
    file.write_text(
        'name: lab\nversion: "1"\nmetrics: {}\nunits: {}\nown: {K: {ucum: mmol/L}}\n', "utf-8"
    )
    source = replace(WARD, mapping=str(file))
    limit = Limit("potassium", "K", "mmol/L", "Lab", high=Decimal(6))
    row = obx("K^Potassium^99LAB", value="6.5", unit="mmol/L^^UCUM")
    heard = hear(Receipt(oru(row), source, RECEIVED, 1), (limit,), set())
    assert [each.condition.limit for each in heard.reports] == ["potassium"]


@pytest.mark.parametrize("mappings", [(), ("ORU",)])
def test_dev_30_each_patient_of_a_message_has_its_own_age_and_name(
    mappings: tuple[str, ...],
) -> None:
    rows = ("PID|||P-8^^^HOSP^MR||||19610301", "OBR|1|||1^x^L|||20260504100000+0000")
    message = oru(obx(value="150"), *rows, obx(value="151"))
    message = message.replace(b"PID|||P-7^^^HOSP^MR", b"PID|||P-7^^^HOSP^MR||||20260501")
    source = replace(WARD, messages=mappings)
    (report,) = hear(Receipt(message, source, RECEIVED, 1), (NEWBORN, ADULT), set()).reports
    assert report.condition.limit == "adult"
    assert [each.value for each in report.condition.patient] == ["P-8"]
