"""RFC 7386: an object merges, null takes away, the rest replaces.

Spec: https://www.rfc-editor.org/rfc/rfc7386#section-2
"""

from typing import Any

import pytest

from fhirserver.errors import InvalidRequestError
from fhirserver.interactions.merge_patch import apply_merge_patch
from fhirserver.model.json import parse_json, write_json


@pytest.mark.parametrize(
    ("target", "patch", "expected"),
    [
        pytest.param(b'{"a":"b"}', b'{"a":"c"}', b'{"a":"c"}', id="A-replaced"),
        pytest.param(b'{"a":"b"}', b'{"b":"c"}', b'{"a":"b","b":"c"}', id="A-added"),
        pytest.param(b'{"a":"b","b":1}', b'{"a":null}', b'{"b":1}', id="A-null takes away"),
        pytest.param(b'{"a":1}', b'{"b":null}', b'{"a":1}', id="null of what is not there"),
        pytest.param(b'{"a":["b"]}', b'{"a":"c"}', b'{"a":"c"}', id="A-list by text"),
        pytest.param(b'{"a":"c"}', b'{"a":["b"]}', b'{"a":["b"]}', id="A-text by list"),
        pytest.param(
            b'{"a":{"b":"c"}}', b'{"a":{"b":"d","c":null}}', b'{"a":{"b":"d"}}', id="A-inside"
        ),
        pytest.param(
            b'{"a":[{"b":"c"}]}', b'{"a":[1]}', b'{"a":[1]}', id="A-lists do not merge"
        ),
        pytest.param(b'{"a":[1,2]}', b'{"a":[null]}', b'{"a":[null]}', id="null inside a list"),
        pytest.param(b'{"a":"b"}', b'{"a":{"c":null,"d":1}}', b'{"a":{"d":1}}', id="A-no nulls in"),
        pytest.param(b"{}", b'{"a":{"b":{"c":null}}}', b'{"a":{"b":{}}}', id="A-empty objects"),
        pytest.param(b'{"e":null}', b'{"a":1}', b'{"e":null,"a":1}', id="A-null in the target"),
        pytest.param(b'{"a":1.00}', b'{"b":2.50e1}', b'{"a":1.00,"b":2.50e1}', id="digits stay"),
        pytest.param(
            b'{"birthDate":"1970","_birthDate":{"id":"b"}}', b'{"birthDate":"1971"}',
            b'{"birthDate":"1971","_birthDate":{"id":"b"}}', id="ids and extensions stay",
        ),
        pytest.param(
            b'{"birthDate":"1970","_birthDate":{"id":"b"}}', b'{"_birthDate":null}',
            b'{"birthDate":"1970"}', id="ids and extensions go by their own name",
        ),
        pytest.param(b'{"b":1,"a":{"d":1,"c":2}}', b'{"a":{"d":3}}', b'{"b":1,"a":{"d":3,"c":2}}',
                     id="order stays"),
    ],
)  # fmt: skip
def test_a_patch_merges(target: bytes, patch: bytes, expected: bytes) -> None:
    resource, document = parse_json(target), parse_json(patch)
    found = apply_merge_patch(resource, document)
    assert write_json(found) == expected
    assert (write_json(resource), write_json(document)) == (target, patch)


@pytest.mark.parametrize("document", [[], "x", 1, None, True])
def test_what_is_no_object_is_refused(document: Any) -> None:
    with pytest.raises(InvalidRequestError, match="an object"):
        apply_merge_patch({"resourceType": "Patient"}, document)
