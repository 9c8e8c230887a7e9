"""Validation and a JSON Schema agree on which damaged resources are wrong."""

import copy
import gzip
import random
from collections.abc import Iterator
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema.protocols import Validator

from fhirserver.definitions import r4
from fhirserver.model.json import parse_json
from fhirserver.validation import validate
from tests.validation.json_schema import schema_of, validator_of

WRONG = (
    7, -1, Decimal("1.50"), True, "x", " x", "a b", "a  b", "", "2024-02-30", "2024-1-1",
    "2024-02-03T10:00:00Z", "2024-02-03T10:00:00", "10:00:00", "http://a", None, {}, [], {"x": 1},
    ["x"], [None], {"extension": [{"url": "a", "valueString": "b"}]},
)  # fmt: skip
"""Values that stand somewhere they do not belong; in some places each is right."""

_BEYOND_SCHEMA = (
    "has no day",
    "A reference to",
    "is no reference",
    "is not that of the reference",
    "A coding from",
    "is not base64",
    "narrative",
    "A document type",
    "null stands",
    "items and _",
    "no resource type",
)
"""Words of the structural rules that the schema does not state."""


@cache
def _validator(type: str) -> Validator:
    return validator_of(schema_of(type, r4()))


def test_agreement_with_a_json_schema(test_data: Path) -> None:
    """Structure, cardinality, values and codes are judged alike by another engine."""
    dice = random.Random(11)
    refused = 0
    for resource in _examples(test_data):
        for _ in range(4):
            damaged = copy.deepcopy(resource)
            owner, key = dice.choice(list(_places(damaged)))
            owner[key] = copy.deepcopy(dice.choice(WRONG))
            ours = [
                issue
                for issue in validate(damaged)
                if issue.code in ("structure", "required", "value", "code-invalid")
            ]
            theirs = next(_validator(resource["resourceType"]).iter_errors(damaged), None)
            refused += bool(ours)
            if theirs is not None:
                assert ours, (theirs.message, list(theirs.path))
            elif ours:
                assert any(words in ours[0].diagnostics for words in _BEYOND_SCHEMA), ours[0]
    assert refused > 300


def _examples(test_data: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(test_data / "r4-examples" / "examples.ndjson.gz") as lines:
        for line in lines:
            if len(line) < 4_000:
                resource = parse_json(line)
                if "contained" not in resource and resource["resourceType"] != "Bundle":
                    yield resource


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    children = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in children:
        if key not in ("resourceType", "div", "text"):
            yield value, key
            if isinstance(item, dict | list):
                yield from _places(item)
