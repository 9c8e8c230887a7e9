"""Literal references: what is below this server's base, in every spelling."""

from __future__ import annotations

import pytest

from fhirserver.model.reference import below_base

HTTPS = "https://fhir.example/r4"
PORT = "http://127.0.0.1:8080/fhir"
IPV6 = "http://[::1]/fhir"


@pytest.mark.parametrize(
    ("text", "base", "below"),
    [
        pytest.param("https://fhir.example/r4/Patient/1", HTTPS, "Patient/1", id="as-it-is"),
        pytest.param("HTTPS://Fhir.Example/r4/Patient/1", HTTPS, "Patient/1", id="rfc3986-case"),
        pytest.param("https://fhir.example:443/r4/x", HTTPS, "x", id="rfc3986-default-port"),
        pytest.param("https://fhir.example:444/r4/x", HTTPS, None, id="other-port"),
        pytest.param("https://fhir.example/R4/x", HTTPS, None, id="rfc3986-path-keeps-its-case"),
        pytest.param("http://fhir.example/r4/x", HTTPS, None, id="other-scheme"),
        pytest.param("https://fhirxexample/r4/x", HTTPS, None, id="a-point-is-a-point"),
        pytest.param("https://fhir.example/r4x/y", HTTPS, None, id="longer-path"),
        pytest.param("https://fhir.example/r4", HTTPS, None, id="base-alone"),
        pytest.param("https://fhir.example/r4/", HTTPS, "", id="base-and-slash"),
        pytest.param("http://127.0.0.1:8080/fhir/x", PORT, "x", id="port"),
        pytest.param("http://127.0.0.1/fhir/x", PORT, None, id="port-missing"),
        pytest.param("HTTP://[::1]:80/fhir/x", IPV6, "x", id="ipv6"),
        pytest.param("Patient/1", HTTPS, None, id="relative"),
        pytest.param("urn:uuid:1", HTTPS, None, id="urn"),
    ],
)
def test_what_is_below_a_base(text: str, base: str, below: str | None) -> None:
    assert below_base(text, base) == below
