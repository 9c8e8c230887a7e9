"""All characteristics that become readings, by their number."""

from fhirserver_device_bridge.protocols.bluetooth import (
    blood_pressure,
    glucose,
    heart_rate,
    oximeter,
    scale,
    thermometer,
)
from fhirserver_device_bridge.protocols.bluetooth.meanings import Characteristic

CHARACTERISTICS: dict[int, Characteristic] = {
    each.number: each
    for each in (
        blood_pressure.MEASUREMENT,
        glucose.MEASUREMENT,
        glucose.CONTEXT,
        heart_rate.MEASUREMENT,
        oximeter.SPOT_CHECK,
        oximeter.CONTINUOUS,
        scale.WEIGHT,
        scale.BODY_COMPOSITION,
        thermometer.MEASUREMENT,
    )
}
