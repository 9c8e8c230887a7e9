"""The gate before the chart: a number that cannot be is rejected with its reason.

The limits are those of the table (`possible`): what no body and no instrument has, not what is
normal.
"""

from fhirserver_device_bridge.mapping.table import Table
from fhirserver_device_bridge.mapping.units import in_unit
from fhirserver_device_bridge.reading import Quantity, Reading, Rejected


def gate(reading: Reading, table: Table) -> Reading | Rejected:
    """Pass a reading on, or reject it."""
    metric = table.metric(reading.codes)
    if metric is None or metric.possible is None or not isinstance(reading.value, Quantity):
        return reading
    value = in_unit(reading.value, metric.ucum, metric, table)
    lowest, highest = metric.possible
    if value is None or lowest <= value <= highest:
        return reading
    name = metric.code.display or metric.code.code
    reason = (
        f"the value of {name} is not within {lowest} to {highest} {metric.ucum}, "
        "as all that can be is: correct the device's unit or scale, or the mapping's limits"
    )
    return Rejected(reading, reason)
