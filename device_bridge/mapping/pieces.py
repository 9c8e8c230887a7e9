"""Long waveforms become several readings, each with its own beginning and duration; pure.

Spec: https://hl7.org/fhir/R4/datatypes.html#SampledData

    samples as sent     0 ........................................ 2499    at 250/s, 10:00:00
    pieces of 4 s       0 ... 999 | 1000 ... 1999 | 2000 .......... 2499
    begins at           10:00:00  | 10:00:04      | 10:00:08
    lasts               4 s       | 4 s           | 2 s

The samples of all pieces, joined, are those that were sent. What two messages say is never joined.
"""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from msgspec.structs import replace

from fhirserver_device_bridge.moments import TO_THE_SECOND, later
from fhirserver_device_bridge.reading import Reading, Rejected, Samples

_MOST = 500
"""Pieces of one waveform: what begins to be many resources becomes longer ones."""


@dataclass(frozen=True, slots=True)
class _Piece:
    """Samples from the one numbered `first` on."""

    first: int
    samples: Samples

    @property
    def begins(self) -> timedelta:
        return _lasting(self.first, self.samples)

    @property
    def lasts(self) -> timedelta:
        """To the beginning of the next one, whatever the rounding."""
        return _lasting(self.first + len(self.samples.values), self.samples) - self.begins


def pieces(reading: Reading, length_s: Decimal) -> list[Reading | Rejected]:
    """Divide a waveform.

    Args:
        reading: any; what is no waveform stays as it is, and so does one whose beginning is not
            known to the second.
        length_s: of a piece, > 0; to the nearest sample, and never less than one.

    Returns:
        The pieces in order; rejected where the waveform ends after all time.
    """
    if not isinstance(reading.value, Samples) or not reading.value.values:
        return [reading]
    if reading.time is None or reading.time.precision not in TO_THE_SECOND:
        return [reading]
    try:
        return [_reading(reading, piece) for piece in _divided(reading.value, length_s)]
    except OverflowError:
        return [
            Rejected(reading, "the waveform ends after the year 9999: correct its rate or time")
        ]


def _divided(samples: Samples, length_s: Decimal) -> list[_Piece]:
    sent = samples.values
    fewest = -(-len(sent) // _MOST)
    size = max(1, fewest, round(length_s * 1000 / samples.period_ms))
    return [
        _Piece(first, replace(samples, values=sent[first : first + size]))
        for first in range(0, len(sent), size)
    ]


def _lasting(count: int, samples: Samples) -> timedelta:
    return timedelta(microseconds=round(count * samples.period_ms * 1000))


def _reading(whole: Reading, piece: _Piece) -> Reading:
    assert whole.time is not None
    begins, lasts = piece.begins, piece.lasts
    # Only what the device said is the same in every replay: its stamp, and how far behind it.
    own = f"{whole.device_time} +{begins}" if whole.device_time and begins else whole.device_time
    time = later(whole.time, begins)
    later(time, lasts)  # There has to be an end, too.
    return replace(
        whole,
        value=piece.samples,
        time=time,
        device_time=own,
        duration_s=Decimal(lasts // timedelta(microseconds=1)) / 1_000_000,
    )
