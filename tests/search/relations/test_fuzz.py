"""Search URLs made of everything that a search may hold, right and wrong: never a 500.

The same requests come every time, unless FHIRSERVER_FUZZ_REQUESTS says how many there shall be;
then they are new ones.
"""

import os
import random
from urllib.parse import quote, quote_from_bytes

import pytest

from fhirserver.definitions import r4
from tests.client import Client

REQUESTS = os.environ.get("FHIRSERVER_FUZZ_REQUESTS")
TYPES = ("Patient", "Observation", "Encounter", "Condition", "Location", "ValueSet", "Provenance")
MODIFIERS = (
    "missing", "exact", "contains", "text", "not", "above", "below", "in", "of-type", "ofType",
    "identifier", "iterate", "Patient", "Nothing", "",
)  # fmt: skip
RESULTS = (
    "_sort", "_count", "_total", "_summary", "_elements", "_include", "_revinclude", "_page",
    "_include:iterate", "_contained", "_type", "_filter", "_text", "_list", "_query",
    "_explain", "_id", "_lastUpdated", "_tag", "_has:Observation:patient:code", "_has", "_has:::",
)  # fmt: skip
VALUES = (
    "", "true", "false", "a", "http://loinc.org|8867-4", "|", "||", "$", "a$5", "ne2020-13-45",
    "ge2020", "eq9999-12-31T23:59:60Z", "0000", "ap0001", "2020-02-30", "1e400", "-1e-100", "5.4",
    "9" * 50, "5|http://unitsofmeasure.org|mg", "5|http://unitsofmeasure.org|[", "90|180|1|km",
    "-90|-180|1e9|m", "0|0|-1|", "nan", "inf", "Patient/1", "Patient/1/_history/1", "http://x/y",
    "urn:uuid:1", "*", "Observation:subject", "Observation:*:Patient", "-date,name", "-", ",",
    ",,,", "\\", "\\,", "\\\\\\", "%", "_", "\u0000", "\ud7ff", "\U0010ffff", "Ä" * 500, "x" * 3000,
    "ﷺ" * 99, "\u0301", "\u202e", "'; DROP TABLE resource; --", "$1", "%s", "{}", "\n", " ", "İ",
)  # fmt: skip


def _name(chance: random.Random, type_: str) -> str:
    codes = sorted(r4().search_parameters(type_))
    code = chance.choice(codes)
    match chance.randrange(8):
        case 0:
            return chance.choice(RESULTS)
        case 1:
            return f"{code}.{_name(chance, chance.choice(TYPES))}"
        case 2:
            other = chance.choice(TYPES)
            link = chance.choice(sorted(r4().search_parameters(other)))
            return f"_has:{other}:{link}:{_name(chance, other)}"
        case 3 | 4:
            return f"{code}:{chance.choice(MODIFIERS)}"
        case 5:
            return f"{code}:Patient.{_name(chance, 'Patient')}"
    return code


def _value(chance: random.Random) -> str:
    prefix = chance.choice(("", "", "", "gt", "ne", "sa", "ap", "xx"))
    return prefix + ",".join(chance.choices(VALUES, k=chance.choice((1, 1, 1, 2, 5))))


def _url(chance: random.Random) -> str:
    type_ = chance.choice(TYPES)
    place = chance.choice(("{}", "{}", "{}", "{}", "", "Patient/1/{}", "Patient/1/*")).format(type_)
    pairs = []
    for _ in range(chance.choice((1, 1, 2, 3))):
        value = quote(_value(chance).encode("utf-8", "replace"))
        if chance.random() < 0.05:
            value += quote_from_bytes(chance.randbytes(5))
        pairs.append(f"{quote(_name(chance, type_), safe=':.')}={value}")
    return f"{place}?{'&'.join(pairs)}"


@pytest.mark.parametrize("part", range(4))
def test_no_search_url_breaks_the_server(filled: Client, part: int) -> None:
    chance = random.Random(part if REQUESTS is None else None)
    answered: dict[int, int] = {}
    for _ in range(int(REQUESTS or 600) // 4):
        url = _url(chance)
        answer = filled.get(url)
        assert answer.status in (200, 400, 403, 404, 414), (answer.status, url)
        assert answer.json["resourceType"] in ("Bundle", "OperationOutcome", "Parameters")
        answered[answer.status] = answered.get(answer.status, 0) + 1
    assert answered[200] > 0
    assert answered[400] > 0
