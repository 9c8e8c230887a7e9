"""Rows of positions, for `near`.

Spec: https://hl7.org/fhir/R4/location.html#search

Latitude and longitude in degrees (WGS84) stand in one row of the table of composites. What is no
place on Earth has none.
"""

from collections.abc import Mapping

from fhirserver.model.json import JsonObject
from fhirserver.search.extract.quantity import number_text
from fhirserver.search.extract.rows import CompositeRow, Emit, Sink, Target


def position(value: JsonObject, sink: Sink, target: Target) -> None:
    """Emit a position."""
    latitude, longitude = value.get("latitude"), value.get("longitude")
    if latitude is None or longitude is None or abs(latitude) > 90 or abs(longitude) > 180:
        return
    for sp in target.sps:
        sink.composite.append(
            CompositeRow(sp, 0, "", q_low=number_text(latitude), e_low=number_text(longitude))
        )


EMITTERS: Mapping[str, Emit] = {"BackboneElement": position}
