"""Bodies that are made while they leave: so many at a time, each counted until it is closed."""

from __future__ import annotations

from typing import Any

import pytest

from fhirserver.errors import UnavailableError
from fhirserver.http.downloads import DOWNLOADS_MAX, Downloads
from fhirserver.http.response import Response, Stream


def streamed() -> Response:
    return Response(200, stream=Stream(2, iter((b"a", b"b"))))


def parts_of(response: Response) -> Any:
    assert response.stream is not None
    return response.stream.parts


def test_too_many_are_refused_until_one_is_closed() -> None:
    downloads = Downloads()
    under_way = [streamed() for _ in range(DOWNLOADS_MAX)]
    for each in under_way:
        downloads.admit(each, "GET")
    with pytest.raises(UnavailableError):
        downloads.admit(streamed(), "GET")
    first = parts_of(under_way[0])
    assert list(first) == [b"a", b"b"]
    with pytest.raises(UnavailableError):
        downloads.admit(streamed(), "GET")
    first.close()
    first.close()
    downloads.admit(streamed(), "GET")
    with pytest.raises(UnavailableError):
        downloads.admit(streamed(), "GET")


def test_head_and_bodies_that_are_complete_do_not_count() -> None:
    downloads = Downloads()
    for _ in range(2 * DOWNLOADS_MAX):
        downloads.admit(streamed(), "HEAD")
        downloads.admit(Response(200, body=b"a"), "GET")
