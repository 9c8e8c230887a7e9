"""What becomes of a dump's statements on their way into a server of another version."""

from __future__ import annotations

import io

import pytest

from fhirserver.store.backup_dump import pass_on

_HEAD = b"SET lock_timeout = 0;\n"
_SETTING = b"SET transaction_timeout = 0;\n"
_REST = b"COPY x FROM stdin;\n1\n\\.\n" + _SETTING


@pytest.mark.parametrize(
    ("version", "dump", "passed"),
    [
        pytest.param(160014, _HEAD + _SETTING + _REST, _HEAD + _REST, id="16-lacks-the-setting"),
        pytest.param(170002, _HEAD + _SETTING + _REST, _HEAD + _SETTING + _REST, id="17-has-it"),
        pytest.param(160014, _HEAD, _HEAD, id="a-dump-without-it"),
    ],
)
def test_an_older_server_is_not_asked_for_what_it_lacks(
    version: int, dump: bytes, passed: bytes
) -> None:
    target = io.BytesIO()
    pass_on(io.BytesIO(dump), target, version)
    assert target.getvalue() == passed
