"""Waveforms: an NA value and the facets of its metric.

Spec: IHE Devices Technical Framework volume 2, waveform content module

    1.7.1.9      NA     MDC_IMPED_TTHOR          2048^2051^…   the samples
    1.7.1.9.1    NM     MDC_ATTR_SAMP_RATE       500           in 1/s, or a period
    1.7.1.9.2    NM     MDC_ATTR_NU_MSMT_RES     0.0625        value of one step
    1.7.1.9.3    NM     MDC_EVT_INOP             32767         the sample that means "no signal"
    1.7.1.9.4    NR     MDC_ATTR_DATA_RANGE      -2048^2047    of samples

Facets are known by reference id, and by code where it is not 0. A sample that is empty is a gap.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from fhirserver_device_bridge.protocols.hl7v2.errors import MessageError
from fhirserver_device_bridge.protocols.hl7v2.message import Segment
from fhirserver_device_bridge.protocols.hl7v2.values import read_number, unit
from fhirserver_device_bridge.reading import Samples

_FACETS = {
    **dict.fromkeys(("MDC_ATTR_SAMP_RATE", "67981"), "rate"),
    **dict.fromkeys(("MDC_ATTR_NU_MSMT_RES", "2327", "67863"), "resolution"),
    **dict.fromkeys(("MDC_ATTR_DATA_RANGE",), "range"),
    **dict.fromkeys(("MDC_EVT_INOP", "262196"), "gap"),
}
_MILLISECONDS = {"264320": Decimal(1000), "264338": Decimal(1)}
"""MDC_DIM_SEC and MDC_DIM_MILLI_SEC."""

_LARGEST = 1_000_000


@dataclass(frozen=True, slots=True)
class Facets:
    """What the facets of one metric say, as rows."""

    rows: Mapping[str, Segment]

    def number(self, name: str) -> Decimal | None:
        """Give a facet's number, None where it was not sent."""
        row = self.rows.get(name)
        return read_number(row.component(5)) if row and row.component(5) else None


def facets(rows: Iterable[Segment]) -> Facets:
    """Find the facets among the rows that stand below a metric."""
    return Facets({name: row for row in rows if (name := facet(row))})


def facet(obx: Segment) -> str | None:
    """Name the facet of a waveform that a row holds; None for anything else."""
    return _FACETS.get(obx.component(3, 2).strip()) or _FACETS.get(obx.component(3))


def read_samples(obx: Segment, known: Facets, systems: Mapping[str, str]) -> Samples:
    """Read a waveform.

    Raises:
        MessageError: no rate, too many samples, or one that is no number.
    """
    lower, upper = _range(known)
    gap = known.number("gap")
    sent = obx.components(5)
    if len(sent) > _LARGEST:
        raise MessageError(f"OBX-5 holds more than {_LARGEST} samples: send shorter pieces")
    numbers = (read_number(text) if text.strip() else None for text in sent)
    return Samples(
        period_ms=_period_ms(known),
        values=tuple(None if number == gap else number for number in numbers),
        unit=unit(obx, systems),
        factor=known.number("resolution") or Decimal(1),
        lower=lower,
        upper=upper,
    )


def _period_ms(known: Facets) -> Decimal:
    rate = known.number("rate")
    if rate is None or rate <= 0:
        raise MessageError("a waveform (NA) needs the facet MDC_ATTR_SAMP_RATE, more than 0")
    per = _MILLISECONDS.get(known.rows["rate"].component(6))
    return rate * per if per else Decimal(1000) / rate


def _range(known: Facets) -> tuple[Decimal | None, Decimal | None]:
    row = known.rows.get("range")
    if row is None:
        return None, None
    lower, upper = [*row.components(5), ""][:2]
    return read_number(lower), read_number(upper)
