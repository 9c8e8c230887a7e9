"""Positions as `near` compares them: distances along a sphere.

Spec: https://hl7.org/fhir/R4/location.html#search

The angle between two places is that of their unit vectors, which is right near the poles and where
east meets west; the server documents the sphere's radius and what counts without a distance.
"""

import math
from typing import Any

RADIUS_M = 6_371_008.8
METRES = {"": 1000.0, "km": 1000.0, "m": 1.0, "[mi_us]": 6336000 / 3937}
ROUNDING_M = 0.01

Vector = tuple[float, float, float]


def is_near(position: Any, parts: list[str]) -> bool:
    """Tell whether a position lies within `latitude|longitude|distance|units`."""
    latitude, longitude, distance, unit = [*parts, "", ""][:4]
    limit_m = float(distance or 10) * METRES[unit]
    here = _vector(float(latitude), float(longitude))
    there = _vector(float(position["latitude"]), float(position["longitude"]))
    away_m = RADIUS_M * math.atan2(math.hypot(*_cross(here, there)), _dot(here, there))
    return away_m <= limit_m + ROUNDING_M


def _vector(latitude: float, longitude: float) -> Vector:
    phi, theta = math.radians(latitude), math.radians(longitude)
    return math.cos(phi) * math.cos(theta), math.cos(phi) * math.sin(theta), math.sin(phi)


def _dot(a: Vector, b: Vector) -> float:
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def _cross(a: Vector, b: Vector) -> Vector:
    return a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]
