"""Pages: readable, linked, and harmless whatever is stored."""

from __future__ import annotations

import base64
import hashlib
import re

import pytest

from fhirserver.http.html.links import address
from fhirserver.http.html.page import Page, render, security_headers
from fhirserver.http.html.plain import headline, moment, plain, when

BASE = "http://127.0.0.1:8080/fhir"
PAGE = Page(BASE, "/Patient/1", (("_pretty", "true"),), 200)


@pytest.mark.parametrize(
    ("text", "is_reference", "target"),
    [
        pytest.param("Patient/1", True, f"{BASE}/Patient/1", id="local"),
        pytest.param("Patient/1/_history/2", True, f"{BASE}/Patient/1/_history/2", id="version"),
        pytest.param("Patient/1", False, None, id="not-a-reference"),
        pytest.param("http://x.org/a", False, "http://x.org/a", id="http"),
        pytest.param("#p", True, None, id="contained"),
        pytest.param("urn:uuid:1", True, None, id="urn"),
        pytest.param("javascript:alert(1)", True, None, id="javascript"),
        pytest.param("data:text/html,x", True, None, id="data"),
        pytest.param('http://x.org/"onclick=', False, None, id="quote"),
    ],
)
def test_addresses(text: str, is_reference: bool, target: str | None) -> None:
    assert address(text, BASE, is_reference=is_reference) == target


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        pytest.param({"family": "Ames", "given": ["Bo", "Li"]}, "Bo Li Ames", id="HumanName"),
        pytest.param({"text": "Jo", "family": "X"}, "Jo", id="HumanName-text"),
        pytest.param({"coding": [{"display": "Pulse"}]}, "Pulse", id="CodeableConcept"),
        pytest.param({"coding": [{"code": "8867-4"}]}, "8867-4", id="CodeableConcept-code"),
        pytest.param({"value": 5, "unit": "mg"}, "5 mg", id="Quantity"),
        pytest.param({"start": "2020", "end": "2021"}, "2020 – 2021", id="Period"),
        pytest.param({"start": "2020"}, "2020 – …", id="Period-open"),
        pytest.param({"system": "http://s", "value": "v"}, "v (http://s)", id="Identifier"),
        pytest.param({"line": ["A 1"], "city": "B"}, "A 1, B", id="Address"),
        pytest.param(True, "yes", id="boolean"),
        pytest.param(["a", "b"], "a<br>b", id="list"),
        pytest.param({"text": "<b>"}, "&lt;b&gt;", id="escaped"),
        pytest.param(
            {"reference": "Patient/1", "display": "<i>"},
            f'<a href="{BASE}/Patient/1">Patient/1</a> (&lt;i&gt;)',
            id="Reference",
        ),
    ],
)
def test_values_in_words(value: object, shown: str) -> None:
    assert plain(value, BASE) == shown


def test_a_headline_tells_resources_apart() -> None:
    observation = {"code": {"text": "Pulse"}, "valueQuantity": {"value": 70, "unit": "/min"}}
    assert headline(observation) == "Pulse · 70 /min"
    assert headline({"resourceType": "Basic"}) == ""
    components = [{"valueQuantity": {"value": value, "unit": "mm[Hg]"}} for value in (120, 80)]
    assert headline({"component": components}) == "120 mm[Hg] · 80 mm[Hg]"


def test_the_clinical_date_is_shown_to_the_minute() -> None:
    assert when({"effectiveDateTime": "2024-05-01T10:00:00Z"}) == "2024-05-01T10:00:00Z"
    assert when({"period": {"end": "2024"}}) == "2024"
    assert when({"date": 5}) == ""
    assert moment("2024-05-01T10:00:59Z") == "2024-05-01 10:00"


EVIL = "\"><script>alert(1)</script><img src=x onerror=y>'&"


@pytest.mark.parametrize(
    "resource",
    [
        pytest.param({"resourceType": "Patient", "id": EVIL, "name": [{"text": EVIL}]}, id="text"),
        pytest.param({"resourceType": "Patient", EVIL: {EVIL: [EVIL]}}, id="names"),
        pytest.param(
            {"resourceType": "Patient", "text": {"div": f"<div>{EVIL}</div>"}}, id="narrative"
        ),
        pytest.param(
            {
                "resourceType": "Bundle",
                "type": EVIL,
                "total": 1,
                "link": [{"relation": "next", "url": EVIL}],
                "entry": [{"fullUrl": EVIL, "resource": {"resourceType": EVIL, "id": EVIL}}],
            },
            id="bundle",
        ),
        pytest.param(
            {
                "resourceType": "OperationOutcome",
                "issue": [
                    {"severity": "error", "code": "x", "diagnostics": EVIL, "expression": [EVIL]}
                ],
            },
            id="outcome",
        ),
        pytest.param(
            {"resourceType": "Patient", "managingOrganization": {"reference": f"http://{EVIL}"}},
            id="reference",
        ),
    ],
)
def test_stored_text_stays_text(resource: dict[str, object]) -> None:
    page = Page(BASE, "/Patient", (("name", EVIL),), 400)
    html = render(resource, page).decode()
    assert "<script" not in html
    assert "<img" not in html
    assert not re.search(r'href="(?!http://|https://)[^"]+"', html.replace(f'href="{BASE}', ""))


def test_a_page_asks_for_nothing_and_runs_nothing() -> None:
    html = render({"resourceType": "Patient", "id": "1"}, PAGE).decode()
    style = re.search(r"<style>(.*?)</style>", html, re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    policy = dict(security_headers())["Content-Security-Policy"]
    assert policy.startswith(f"default-src 'none'; style-src 'sha256-{digest}';")
    assert not re.search(r"<(script|link|img|iframe|form)|style=|url\(|@import", html)


def test_a_page_leads_to_its_other_formats() -> None:
    html = render({"resourceType": "Patient", "id": "1", "meta": {"versionId": "1"}}, PAGE).decode()
    assert f'href="{BASE}/Patient/1?_pretty=true&amp;_format=json"' in html
    assert f'href="{BASE}/Patient/1/_history"' in html
    assert f'href="{BASE}/Patient/1/*"' in html


def test_a_bundle_has_its_paging_links_and_entries() -> None:
    bundle = {
        "resourceType": "Bundle",
        "type": "searchset",
        "total": 7,
        "link": [
            {"relation": "self", "url": f"{BASE}/Patient"},
            {"relation": "next", "url": f"{BASE}/Patient?_page=x"},
        ],
        "entry": [
            {
                "fullUrl": f"{BASE}/Patient/1",
                "resource": {"resourceType": "Patient", "id": "1"},
                "search": {"mode": "match"},
            }
        ],
    }
    html = render(bundle, PAGE).decode()
    assert f'<a href="{BASE}/Patient?_page=x">next</a>' in html
    assert f'<a href="{BASE}/Patient/1">Patient/1</a>' in html
    assert "7 in total" in html


def test_the_page_of_an_error_names_its_status() -> None:
    outcome = {
        "resourceType": "OperationOutcome",
        "issue": [{"severity": "error", "code": "not-found", "diagnostics": "Not here."}],
    }
    html = render(outcome, Page(BASE, "/Patient/2", (), 404)).decode()
    assert "<h1>404 Not Found</h1>" in html
    assert "Not here." in html
