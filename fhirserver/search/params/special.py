"""Special search values: `near` of Location, `latitude|longitude|distance|units`.

Spec: https://hl7.org/fhir/R4/location.html#search

    48.14|11.58               within 10 km: R4 leaves the distance to the server
    48.14|11.58|500|m         within 500 m; units are any length of UCUM
    48.14|11.58|5             within 5 km

Distances run along a sphere of the Earth's mean radius (haversine), which is up to 0.6 % from what
an ellipsoid gives. An index finds what lies in a box around the circle, by latitude; then each
row's distance is computed.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from fhirserver_terminology import ucum

from fhirserver.search.conditions import Condition, Fragment, OrderKey, Rows
from fhirserver.search.escape import escape, split, unescape
from fhirserver.search.params import number

MODIFIERS: frozenset[str] = frozenset()
NOT_OFFERED: frozenset[str] = frozenset()
DEFAULT_DISTANCE = Decimal(10)
DEFAULT_UNIT = "km"
EARTH_RADIUS_M = 6_371_008.8

_BY_LATITUDE = (OrderKey("@.q_low"),)
_MARGIN_DEGREES = 1e-6
"""Added to each side of the box, against rounding; about 10 cm."""


@dataclass(frozen=True, slots=True)
class NearValue:
    """A circle on the Earth.

    Attributes:
        text: parts as written.
        latitude, longitude: of its centre, in degrees.
        distance_m: its radius.
    """

    text: tuple[str, ...]
    latitude: float
    longitude: float
    distance_m: float

    def render(self) -> str:
        """Write it as in a URL."""
        return "|".join(map(escape, self.text))


def parse(text: str, _modifier: str | None = None) -> NearValue:
    """Parse one value.

    Raises:
        ValueError: a part that is missing or does not fit; it is named.
    """
    parts = tuple(map(unescape, split(text, "|")))
    if not 2 <= len(parts) <= 4:
        raise ValueError("write latitude|longitude|distance|units; the last two may be left out")
    latitude, longitude, distance, unit = (*parts, "", "")[:4]
    return NearValue(
        parts,
        _degrees("latitude", latitude, 90),
        _degrees("longitude", longitude, 180),
        _metres(distance, unit or DEFAULT_UNIT),
    )


def condition(sps: tuple[int, ...], values: Iterable[NearValue]) -> Condition:
    """Build the condition of one criterion; its values are alternatives."""
    tests = [test for value in values for test in _tests(value)]
    return Rows("composite", sps, tuple(tests), _BY_LATITUDE, single=True)


def _degrees(name: str, text: str, most: int) -> float:
    degrees = _number(name, text)
    if abs(degrees) > most:
        raise ValueError(f"{name}: between -{most} and {most} degrees")
    return float(degrees)


def _metres(distance: str, unit: str) -> float:
    value = _number("distance", distance) if distance else DEFAULT_DISTANCE
    if value < 0:
        raise ValueError("distance: 0 or more")
    found = ucum.canonical(value, unit)
    if found is None or found[1] != "m":
        raise ValueError("units: a length of UCUM, e.g. km, m or [mi_us]")
    return float(found[0])


def _number(name: str, text: str) -> Decimal:
    try:
        value = number.parse(text)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None
    if value.prefix is not None:
        raise ValueError(f"{name}: a number without a prefix")
    return value.value


def _tests(value: NearValue) -> Iterator[Fragment]:
    """Test a row of a position; a box across the 180th meridian is two."""
    height = math.degrees(value.distance_m / EARTH_RADIUS_M) + _MARGIN_DEGREES
    south, north = value.latitude - height, value.latitude + height
    latitude, longitude = Decimal(str(value.latitude)), Decimal(str(value.longitude))
    circle = (latitude, latitude, longitude, Decimal(str(value.distance_m)))
    for west, east in _meridians(value, north, south):
        bounds = tuple(map(_bound, (south, north, west, east)))
        yield Fragment(
            "@.code = %s AND @.q_low >= %s AND @.q_low <= %s AND @.e_low >= %s AND @.e_low <= %s"
            f" AND {_DISTANCE} <= %s::float8",
            ("", *bounds, *circle),
        )


def _meridians(value: NearValue, north: float, south: float) -> list[tuple[float, float]]:
    """Give the longitudes between which the circle lies."""
    if north >= 90 or south <= -90:
        return [(-180, 180)]
    ratio = math.sin(value.distance_m / EARTH_RADIUS_M) / math.cos(math.radians(value.latitude))
    width = math.degrees(math.asin(min(1.0, ratio))) + _MARGIN_DEGREES
    west, east = value.longitude - width, value.longitude + width
    if west < -180:
        return [(west + 360, 180), (-180, east)]
    if east > 180:
        return [(west, 180), (-180, east - 360)]
    return [(west, east)]


def _bound(degrees: float) -> Decimal:
    """Give a bound as the column's type: the index answers no other."""
    return Decimal(f"{degrees:.9f}")


_DISTANCE = (
    f"{2 * EARTH_RADIUS_M} * asin(least(1, sqrt("
    "sind((@.q_low::float8 - %s::float8) / 2) ^ 2"
    " + cosd(%s::float8) * cosd(@.q_low::float8)"
    " * sind((@.e_low::float8 - %s::float8) / 2) ^ 2)))"
)
"""Metres between the row's position and a latitude and longitude."""
