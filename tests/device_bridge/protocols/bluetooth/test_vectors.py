"""DEV-22: values of characteristics, with what others than this code say that they hold.

    nordic     NordicSemiconductor/Android-BLE-Common-Library, its unit tests
    spezi      StanfordSpezi/SpeziBluetooth, its unit tests
    sputnik    sputnikdev/bluetooth-gatt-parser, its integration tests
    bvp        eisaev/blevalueparser, its unit tests
    sample     the records of a public sample application of a glucose sensor, with its comments
    spec       worked out by hand from the GATT Specification Supplement

Numbers stand with the digits that the value has. Where a source gives a base unit (kg/L), its
number is written in the unit in which people read it.
"""

from __future__ import annotations

import pytest

from fhirserver_device_bridge.protocols.bluetooth.measurements import measurements
from tests.device_bridge.protocols.bluetooth.lines import GLUCOSE, SOURCE, entry, shown

VECTORS = [
    pytest.param(
        0x2A35,
        "15 BDF0 0B00 9FF0 3C00 1200",
        [
            "PRESS_BLD_NONINV_SYS 18.9 kPa",
            "PRESS_BLD_NONINV_DIA 11 kPa",
            "PRESS_BLD_NONINV_MEAN 15.9 kPa",
            "PULS_RATE_NON_INV 60 /min",
            "BLOOD_PRESSURE_MEASUREMENT_STATUS 8410608.1",
            "BLOOD_PRESSURE_MEASUREMENT_STATUS 8410608.4",
        ],
        id="2A35-nordic-some",
    ),
    pytest.param(
        0x2A35,
        "00 BDF0 0B00 9FF0",
        [
            "PRESS_BLD_NONINV_SYS 18.9 mm[Hg]",
            "PRESS_BLD_NONINV_DIA 11 mm[Hg]",
            "PRESS_BLD_NONINV_MEAN 15.9 mm[Hg]",
        ],
        id="2A35-nordic-minimal",
    ),
    pytest.param(
        0x2A35,
        "1E 8A00 5800 FF07 EA07 04 11 14 29 3B 3C00 FF 2700",
        [
            "PRESS_BLD_NONINV_SYS 138 mm[Hg]",
            "PRESS_BLD_NONINV_DIA 88 mm[Hg]",
            "PRESS_BLD_NONINV_MEAN not-a-number",
            "PULS_RATE_NON_INV 60 /min",
            "BLOOD_PRESSURE_MEASUREMENT_STATUS 8410608.0",
            "BLOOD_PRESSURE_MEASUREMENT_STATUS 8410608.1",
            "BLOOD_PRESSURE_MEASUREMENT_STATUS 8410608.2",
            "BLOOD_PRESSURE_MEASUREMENT_STATUS 8410608.5",
        ],
        id="2A35-nordic-full-with-a-year-and-no-mean",
    ),
    pytest.param(
        0x2A35,
        "10 7800 5000 5D00 1880",
        [
            "PRESS_BLD_NONINV_SYS 120 mm[Hg]",
            "PRESS_BLD_NONINV_DIA 80 mm[Hg]",
            "PRESS_BLD_NONINV_MEAN 93 mm[Hg]",
            "BLOOD_PRESSURE_MEASUREMENT_STATUS nothing rejected",
            "BLOOD_PRESSURE_MEASUREMENT_STATUS nothing rejected",
        ],
        id="2A35-spec-reserved-numbers-of-the-status",
    ),
    pytest.param(
        0x2A1C,
        "06 B00E00FE DC070C050B321B 04",
        ["TEMP_FINGER 37.60 Cel"],
        id="2A1C-nordic",
    ),
    pytest.param(0x2A1C, "01 DA0300FF", ["TEMP_BODY 98.6 [degF]"], id="2A1C-spec-fahrenheit"),
    pytest.param(
        0x2A1C, "04 FFFF7F00 0A", ["TEMP_BODY not-a-number rejected"], id="2A1C-spec-place-reserved"
    ),
    pytest.param(0x2A37, "00 55", ["ECG_HEART_RATE 85 /min"], id="2A37-nordic-simple"),
    pytest.param(
        0x2A37,
        "1E 55 3200 2100",
        ["ECG_HEART_RATE 85 /min", "HF_ENERGY 50 kJ", "ECG_TIME_PD_RR_GL 32.2265625 ms"],
        id="2A37-nordic-uint8",
    ),
    pytest.param(
        0x2A37,
        "1F 0101 3201 0100 0201 FFFF",
        [
            "ECG_HEART_RATE 257 /min",
            "HF_ENERGY 306 kJ",
            "ECG_TIME_PD_RR_GL 0.9765625 ms",
            "ECG_TIME_PD_RR_GL 251.9531250 ms",
            "ECG_TIME_PD_RR_GL 63999.0234375 ms",
        ],
        id="2A37-nordic-uint16",
    ),
    pytest.param(
        0x2A37,
        "14 4A 0D03",
        ["ECG_HEART_RATE 74 /min", "ECG_TIME_PD_RR_GL 762.6953125 ms"],
        id="2A37-sputnik",
    ),
    pytest.param(
        0x2A5F,
        "00 6400 5A00",
        ["PULS_OXIM_SAT_O2 100 %", "PULS_OXIM_PULS_RATE 90 /min"],
        id="2A5F-spezi-whole-numbers",
    ),
    pytest.param(
        0x2A5F,
        "00 E8F3 84F3",
        ["PULS_OXIM_SAT_O2 100.0 %", "PULS_OXIM_PULS_RATE 90.0 /min"],
        id="2A5F-spezi-tenths",
    ),
    pytest.param(
        0x2A5F,
        "1C 5F00 5A00 2000 000000 57F0",
        ["PULS_OXIM_SAT_O2 95 %", "PULS_OXIM_PULS_RATE 90 /min", "PULS_OXIM_PERF_REL 8.7 %"],
        id="2A5F-spezi-simple",
    ),
    pytest.param(
        0x2A5F,
        "1F DEF3 CAF3 CAF3 5AF5 D4F3 B2F2 2001 000000 7AE3",
        [
            "PULS_OXIM_SAT_O2 99.0 %",
            "PULS_OXIM_PULS_RATE 97.0 /min",
            "PULS_OXIM_SAT_O2 MODALITY_FAST 97.0 %",
            "PULS_OXIM_PULS_RATE MODALITY_FAST 137.0 /min",
            "PULS_OXIM_SAT_O2 MODALITY_SLOW 98.0 %",
            "PULS_OXIM_PULS_RATE MODALITY_SLOW 69.0 /min",
            "PULS_OXIM_PERF_REL 8.90 %",
        ],
        id="2A5F-spezi-full",
    ),
    pytest.param(
        0x2A5E,
        "0F ACF3 BEF5 E8070B1D170839 2040 220000 66E3",
        [
            "PULS_OXIM_SAT_O2 MODALITY_SPOT 94.0 %",
            "PULS_OXIM_PULS_RATE MODALITY_SPOT 147.0 /min",
            "PULS_OXIM_PERF_REL 8.70 %",
            "PULS_OXIM_DEV_STATUS 150604.14",
            "PULS_OXIM_DEV_STATUS 150604.10",
        ],
        id="2A5E-spezi",
    ),
    pytest.param(
        0x2A5E,
        "02 ACF3 BEF5 0080",
        [
            "PULS_OXIM_SAT_O2 MODALITY_SPOT error",
            "PULS_OXIM_PULS_RATE MODALITY_SPOT error",
        ],
        id="2A5E-spec-invalid",
    ),
    pytest.param(
        0x2A5E,
        "04 ACF3 FF07 000001",
        [
            "PULS_OXIM_SAT_O2 MODALITY_SPOT 94.0 %",
            "PULS_OXIM_PULS_RATE MODALITY_SPOT not-a-number",
            "PULS_OXIM_DEV_STATUS nothing rejected",
        ],
        id="2A5E-spec-reserved-bit-of-the-sensor",
    ),
    pytest.param(
        0x2A18,
        "1B 0100 E307021B0B0A1E FBFF 1E00 12 0501",
        [
            "CONC_GLU_CAPILLARY_PLASMA 3000000 mg/dL",
            "CTXT_GLU_SAMPLELOCATION CTXT_GLU_SAMPLELOCATION_FINGER",
            "GLU_METER_DEV_STATUS 8417752.0",
            "GLU_METER_DEV_STATUS 8417752.2",
            "GLU_METER_DEV_STATUS 8417752.8",
        ],
        id="2A18-nordic",
    ),
    pytest.param(
        0x2A18,
        "1F 0100 DC070608000000 0100 37C0 11 0000",
        [
            "CONC_GLU_CAPILLARY_WHOLEBLOOD 5.5 mmol/L",
            "CTXT_GLU_SAMPLELOCATION CTXT_GLU_SAMPLELOCATION_FINGER",
        ],
        id="2A18-sample-mol",
    ),
    pytest.param(
        0x2A18,
        "0B 0000 DC070607000000 0000 16D1 11 0000",
        [
            "CONC_GLU_CAPILLARY_WHOLEBLOOD 27800 mg/dL",
            "CTXT_GLU_SAMPLELOCATION CTXT_GLU_SAMPLELOCATION_FINGER",
        ],
        id="2A18-sample-kg",
    ),
    pytest.param(
        0x2A18,
        "02 0000 DC070607000000 70B0 FB",
        ["CONC_GLU_GEN 112 mg/dL rejected"],
        id="2A18-spec-reserved-fluid-and-no-location",
    ),
    pytest.param(
        0x2A34,
        "FF 0100 00 01 DAD2 01 51 FF00 89 01 60D0 0700",
        [
            "CTXT_GLU_CARB_BREAKFAST 730 g",
            "CTXT_GLU_MEAL CTXT_GLU_MEAL_PREPRANDIAL",
            "CTXT_GLU_TESTER CTXT_GLU_TESTER_SELF",
            "CTXT_GLU_HEALTH CTXT_GLU_HEALTH_NONE",
            "CTXT_GLU_EXERCISE 137 %",
            "CTXT_MEDICATION_RAPIDACTING 96 mL",
            "CONC_HBA1C 7 %",
        ],
        id="2A34-sample-litres",
    ),
    pytest.param(
        0x2A34,
        "DF 0200 00 01 DAD2 01 51 FF00 89 01 60A0 0700",
        [
            "CTXT_GLU_CARB_BREAKFAST 730 g",
            "CTXT_GLU_MEAL CTXT_GLU_MEAL_PREPRANDIAL",
            "CTXT_GLU_TESTER CTXT_GLU_TESTER_SELF",
            "CTXT_GLU_HEALTH CTXT_GLU_HEALTH_NONE",
            "CTXT_GLU_EXERCISE 137 %",
            "CTXT_MEDICATION_RAPIDACTING 96 mg",
            "CONC_HBA1C 7 %",
        ],
        id="2A34-sample-kilograms",
    ),
    pytest.param(0x2A34, "00 0100", [], id="2A34-nordic-empty"),
    pytest.param(
        0x2A34, "06 0100 06 FF", ["CTXT_GLU_MEAL nothing rejected"], id="2A34-spec-reserved-meal"
    ),
    pytest.param(
        0x2A9D,
        "08 7800 E600 A406",
        [
            "MASS_BODY_ACTUAL 0.600 kg",
            "RATIO_MASS_BODY_LEN_SQ 23.0 kg/m2",
            "LEN_BODY_ACTUAL 170.0 cm",
        ],
        id="2A9D-spezi-si",
    ),
    pytest.param(
        0x2A9D,
        "09 7800 E600 3C00",
        [
            "MASS_BODY_ACTUAL 1.20 [lb_av]",
            "RATIO_MASS_BODY_LEN_SQ 23.0 kg/m2",
            "LEN_BODY_ACTUAL 6.0 [in_i]",
        ],
        id="2A9D-spezi-imperial",
    ),
    pytest.param(0x2A9D, "00 FFFF", ["MASS_BODY_ACTUAL unknown"], id="2A9D-spec-unsuccessful"),
    pytest.param(
        0x2A9C,
        "FE0F 1234 E7070206121C00 2A 2345 3456 4567 5678 6789 789A 89AB 9ABC ABCD",
        [
            "BODY_FAT 1333.0 %",
            "Basal metabolism of a day 17699 kJ",
            "Muscle percentage 2206.8 %",
            "Muscle mass 132.185 kg",
            "MASS_BODY_FAT_FREE 154.030 kg",
            "MASS_BODY_SOFT_LEAN 175.875 kg",
            "BODY_WATER 197.720 kg",
            "Impedance of the body 4391.3 Ohm",
            "MASS_BODY_ACTUAL 241.410 kg",
            "LEN_BODY_ACTUAL 5265.1 cm",
        ],
        id="2A9C-bvp-all-without-its-reserved-flags",
    ),
    pytest.param(
        0x2A9C,
        "5515 1234 2A 3456 5678 789A 9ABC",
        [
            "BODY_FAT 1333.0 %",
            "Muscle percentage 2206.8 %",
            "MASS_BODY_FAT_FREE 308.06 [lb_av]",
            "BODY_WATER 395.44 [lb_av]",
            "MASS_BODY_ACTUAL 482.82 [lb_av]",
        ],
        id="2A9C-bvp-even-in-pounds",
    ),
]


@pytest.mark.parametrize(("number", "value", "said"), VECTORS)
def test_dev_22_what_a_value_says(number: int, value: str, said: list[str]) -> None:
    found = measurements(entry(number, value, known=GLUCOSE), SOURCE, 1)
    assert [shown(each) for each in found] == said
