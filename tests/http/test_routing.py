"""Paths and methods to interactions."""

from __future__ import annotations

import pytest

from fhirserver.definitions import r4
from fhirserver.errors import InvalidRequestError, MethodNotAllowedError, NotFoundError
from fhirserver.http.routing import Route, Router

ROUTER = Router(r4())


@pytest.mark.parametrize(
    ("method", "path", "route"),
    [
        pytest.param("GET", "", Route("search-system"), id="http.html#search-system"),
        pytest.param("POST", "/", Route("batch"), id="http.html#transaction"),
        pytest.param("GET", "/metadata", Route("capabilities"), id="http.html#capabilities"),
        pytest.param("HEAD", "/metadata", Route("capabilities"), id="http.html#head"),
        pytest.param("POST", "/_search", Route("search-system"), id="http.html#search-post"),
        pytest.param("GET", "/_history", Route("history-system"), id="http.html#history-system"),
        pytest.param("GET", "/_async/0f", Route("async-status", id="0f"), id="async.html#status"),
        pytest.param(
            "DELETE", "/_async/0f", Route("async-cancel", id="0f"), id="async.html#cancel"
        ),
        pytest.param("GET", "/Patient", Route("search-type", "Patient"), id="http.html#search"),
        pytest.param("GET", "/Patient/", Route("search-type", "Patient"), id="trailing-slash"),
        pytest.param("POST", "/Patient", Route("create", "Patient"), id="http.html#create"),
        pytest.param(
            "PUT", "/Patient", Route("conditional-update", "Patient"), id="http.html#cond-update"
        ),
        pytest.param(
            "PATCH", "/Patient", Route("conditional-patch", "Patient"), id="http.html#cond-patch"
        ),
        pytest.param(
            "DELETE", "/Patient", Route("conditional-delete", "Patient"), id="http.html#3.1.0.7.1"
        ),
        pytest.param(
            "POST", "/Patient/_search", Route("search-type", "Patient"), id="search-type-by-post"
        ),
        pytest.param(
            "GET", "/Patient/_history", Route("history-type", "Patient"), id="history-type"
        ),
        pytest.param("GET", "/Patient/a-1.B", Route("read", "Patient", "a-1.B"), id="read"),
        pytest.param("HEAD", "/Patient/1", Route("read", "Patient", "1"), id="read-head"),
        pytest.param("PUT", "/Patient/1", Route("update", "Patient", "1"), id="update"),
        pytest.param("PATCH", "/Patient/1", Route("patch", "Patient", "1"), id="patch"),
        pytest.param("DELETE", "/Patient/1", Route("delete", "Patient", "1"), id="delete"),
        pytest.param(
            "GET", "/Patient/1/_history", Route("history-instance", "Patient", "1"), id="history"
        ),
        pytest.param(
            "GET", "/Patient/1/_history/2", Route("vread", "Patient", "1", "2"), id="vread"
        ),
        pytest.param(
            "GET",
            "/Patient/1/Observation",
            Route("search-compartment", "Observation", "1", compartment="Patient"),
            id="compartment",
        ),
        pytest.param(
            "GET",
            "/Device/1/*",
            Route("search-compartment", None, "1", compartment="Device"),
            id="compartment-all",
        ),
        pytest.param(
            "POST",
            "/Encounter/1/Condition/_search",
            Route("search-compartment", "Condition", "1", compartment="Encounter"),
            id="compartment-by-post",
        ),
    ],
)
def test_routes(method: str, path: str, route: Route) -> None:
    assert ROUTER.find(method, path) == route


@pytest.mark.parametrize("type_", r4().resource_types)
def test_every_type_has_its_endpoints(type_: str) -> None:
    for method, path, interaction in (
        ("GET", f"/{type_}", "search-type"),
        ("POST", f"/{type_}", "create"),
        ("GET", f"/{type_}/1", "read"),
        ("PUT", f"/{type_}/1", "update"),
        ("PATCH", f"/{type_}/1", "patch"),
        ("DELETE", f"/{type_}/1", "delete"),
        ("GET", f"/{type_}/1/_history", "history-instance"),
        ("GET", f"/{type_}/1/_history/1", "vread"),
        ("GET", f"/{type_}/_history", "history-type"),
    ):
        assert ROUTER.find(method, path).interaction == interaction


@pytest.mark.parametrize(
    ("method", "path"),
    [
        pytest.param("GET", "/Nothing", id="type"),
        pytest.param("GET", "/patient/1", id="case"),
        pytest.param("GET", "/Parameters", id="Parameters"),
        pytest.param("POST", "/Parameters", id="Parameters-create"),
        pytest.param("GET", "/DomainResource/1", id="abstract"),
        pytest.param("GET", "/HumanName/1", id="data-type"),
        pytest.param("GET", "/Patient/1/_history/1/x", id="below-a-version"),
        pytest.param("GET", "/Observation/1/Patient", id="no-compartment"),
        pytest.param("GET", "/Patient/1/Nothing", id="no-compartment-member"),
        pytest.param("POST", "/Nothing/$validate", id="operation-of-an-unknown-type"),
        pytest.param("GET", "/Patient/1/_history/$validate", id="operation-too-deep"),
        pytest.param("GET", "/metadata/x", id="below-metadata"),
    ],
)
def test_places_that_do_not_exist(method: str, path: str) -> None:
    with pytest.raises(NotFoundError):
        ROUTER.find(method, path)


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("/Patient/a b", id="blank"),
        pytest.param("/Patient/" + "a" * 65, id="65-characters"),
        pytest.param("/Patient/a_b", id="underscore"),
        pytest.param("/Patient/\x00", id="nul"),
        pytest.param("/Patient/\xff", id="no-utf-8"),
        pytest.param("/Patient/\xc3\xa9", id="beyond-ascii"),
        pytest.param("/Patient/%zz", id="broken-escape"),
        pytest.param("/Patient//1", id="empty-segment"),
        pytest.param("/Patient/1\n", id="newline"),
        pytest.param("/Patient/1/_history/a_b", id="version"),
        pytest.param("/Patient/1;drop", id="semicolon"),
        pytest.param("/Patient/*", id="asterisk"),
    ],
)
def test_paths_that_cannot_be(path: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        ROUTER.find("GET", path)
    assert caught.value.issues[0].expression == ("http.path",)


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        pytest.param("DELETE", "/", "GET, HEAD, POST, OPTIONS", id="base"),
        pytest.param("POST", "/metadata", "GET, HEAD, OPTIONS", id="metadata"),
        pytest.param("GET", "/_search", "POST, OPTIONS", id="_search"),
        pytest.param("POST", "/Patient/1", "GET, HEAD, PUT, PATCH, DELETE, OPTIONS", id="instance"),
        pytest.param("PUT", "/Patient/1/_history/1", "GET, HEAD, OPTIONS", id="version"),
        pytest.param("DELETE", "/Patient/1/_history", "GET, HEAD, OPTIONS", id="history"),
        pytest.param(
            "BREW", "/Patient", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS", id="unknown"
        ),
        pytest.param("PUT", "/Patient/1/*", "GET, HEAD, OPTIONS", id="compartment"),
    ],
)
def test_other_methods_are_told_which_there_are(method: str, path: str, allow: str) -> None:
    with pytest.raises(MethodNotAllowedError) as caught:
        ROUTER.find(method, path)
    assert caught.value.headers == (("Allow", allow),)
