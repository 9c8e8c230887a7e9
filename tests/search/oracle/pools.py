"""Values that resources and queries are drawn from: few, near one another, and awkward."""

from decimal import Decimal
from typing import Any

UCUM = "http://unitsofmeasure.org"
LOINC = "http://loinc.org"
BASE = "http://here/fhir"

LONG = "x" * 240
TEXTS = (
    "Eve", "Ève", "EVE", "Evelyn", "Severine", "Müller", "Mu\u0308ller", "MULLER", "Muller Eve",
    "O'Brien", "OBrien", "O’Brien", "Smith-Jones", "smith  jones", "Smith", "van der Berg",
    "Straße", "STRASSE", "Łódź", "Øre", "Æsir", "김철수", "김", "山田", "Ωmega", "ΩMEGA",
    "100% sure_", "100", "a,b", "a\\b", "x|y", "$5", "12 Main St.", "St. Mary", f"{LONG}a",
    f"{LONG}b", f"{LONG}ä", "🙂 smile", "end.",
)  # fmt: skip
HUGE = "Ä word, " * 12_500
"""100,000 characters."""

SYSTEMS = (LOINC, "http://snomed.info/sct", "urn:oid:1.2.3")
CODES = ("8480-6", "8462-4", "A", "a", "x|y", "c,d", "b\\c")
LABELS = ("Systolic blood pressure", "systolic", "Diastolic", "Blood-Pressure", "Ève's label")
IDENTIFIERS = ("1", "12", "12|3", "MRN-1", "y" * 1200 + "a", "y" * 1200 + "b")
IDENTIFIER_TYPES = (("http://types", "MR"), ("http://types", "SS"), ("http://other", "MR"))

DAYS = (
    "2012", "2013", "2013-03", "2013-04", "2013-03-13", "2013-03-14", "2013-03-15", "2012-12-31",
    "2024-02-29", "2024-05-31", "0001", "9999-12-31",
)  # fmt: skip
TIMES = (
    "2013-03-14T10:00:00Z", "2013-03-14T12:00:00+02:00", "2013-03-14T00:00:00-05:00",
    "2013-03-14T23:59:59.999Z", "2013-03-15T00:00:00Z", "2013-03-14T10:00:00.5Z",
    "2013-12-31T23:59:59+00:00", "2024-05-31T12:00:00+14:00", "2013-03-14T10:00:00.123456Z",
    "2013-03-14T10:00:00-12:00", "2013-01-01T00:00:00+05:45",
)  # fmt: skip
MINUTES = ("2013-03-14T10:00Z", "2013-03-14T12:00+02:00", "2013-03-14T10:01Z")
"""Only a search value may leave the seconds out."""

NUMBERS: tuple[int | Decimal, ...] = (
    0, 1, 5, -5, 100, 37,
    *map(Decimal, ("5.4", "5.40", "5.35", "5.45", "5.449", "99.5", "100.5", "0.0054", "0.054",
                   "98.6", "3.14159265358979323846264338327950288",
                   "123456789012345678901234567890.25", "16", "120.0", "1E+2", "1E-7", "-0.5",
                   "310.15")),
)  # fmt: skip
SEARCHED_NUMBERS = (
    "0", "1", "5", "-5", "100", "37", "5.4", "5.40", "5.35", "99.5", "0.0054", "54e-3", "98.6",
    "120", "1e-7", "100.00", "-0.5", "310.15", "3.1415926535897932384626433832795029",
    "3.14159265358979323846264338327950288", "123456789012345678901234567890.2", "1.5e2",
)  # fmt: skip
UNITS: tuple[dict[str, Any], ...] = (
    {},
    {"unit": "mg"},
    {"unit": "milligram", "system": UCUM, "code": "mg"},
    {"unit": "g", "system": UCUM, "code": "g"},
    {"system": UCUM, "code": "ug"},
    {"system": UCUM, "code": "cm"},
    {"system": UCUM, "code": "[in_i]"},
    {"system": UCUM, "code": "mm[Hg]"},
    {"system": UCUM, "code": "kPa"},
    {"system": UCUM, "code": "Cel"},
    {"system": UCUM, "code": "K"},
    {"system": "http://units", "code": "mg"},
    {"code": "mg"},
)
DURATIONS: tuple[dict[str, Any], ...] = tuple(
    {"system": UCUM, "code": code} for code in ("min", "h", "a")
)
SEARCHED_UNITS = (
    "", "||mg", "||milligram", f"|{UCUM}|mg", f"|{UCUM}|g", f"|{UCUM}|kg", f"|{UCUM}|m",
    f"|{UCUM}|cm", f"|{UCUM}|kPa", f"|{UCUM}|Cel", f"|{UCUM}|h", f"|{UCUM}|", "|http://units|mg",
    "|urn:iso:std:iso:4217|EUR", "||EUR",
)  # fmt: skip

IDS = ("p1", "p2", "p10")
URLS = (
    "http://there/fhir/Patient/p1",
    "urn:uuid:00000000-0000-4000-8000-000000000001",
)
CANONICALS = ("http://q/a", "http://q/a|1.0", "http://q/a|2.0", "http://q/ab", "urn:oid:1.2")
URIS = ("http://acme.org/vs/1", "http://acme.org/vs/12", "urn:oid:1.2.3", "http://ACME.org/vs/1")

STORED_AT = ("2013-03-14T10:00:00.5Z", "2013-03-14T23:59:59.999Z", "2024-05-31T00:00:00Z")
"""When resources are stored, for `_lastUpdated`."""

LATITUDES = ("0", "48.1374", "48.14", "-33.86", "89.99", "90", "-90")
LONGITUDES = ("0", "11.5755", "11.58", "180", "-180", "179.99", "-179.99", "151.2")
DISTANCES = (
    "", "|1", "|5", "|500|", "|500|m", "|1|km", "|3|[mi_us]", "|25000|km", "|0|m", "|0.35|km",
)  # fmt: skip
