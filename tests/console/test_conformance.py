"""The pages below /conformance: what they show, what their buttons do, and who may press them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from typing import Any

import pytest

from fhirserver.console.support import SUITES
from fhirserver_conformance.suites import SUITES as TOOL_SUITES
from tests.client import Answer, Client
from tests.operations.scripts import script
from tests.server import ServerProcess
from tests.waiting import wait_for

HOSTILE = "<script>alert(1)</script>"
REPORT: dict[str, Any] = {
    "resourceType": "TestReport",
    "id": "done",
    "name": f"Some {HOSTILE}",
    "status": "completed",
    "testScript": {"display": "x"},
    "result": "fail",
    "score": 50,
    "test": [
        {
            "name": "one test",
            "action": [
                {"operation": {"result": "pass", "message": "GET x: 200"}},
                {"assert": {"result": "fail", "message": f"found {HOSTILE}"}},
            ],
        }
    ],
}


@pytest.fixture
def pages(server: ServerProcess, clean: None) -> Iterator[Client]:
    with server.client() as opened:
        yield opened


def press(client: Client, path: str, origin: str | None = "") -> Answer:
    """Press a button, from a page of the server itself unless another origin is given."""
    own = client.base.removesuffix("/fhir")
    headers = {} if origin is None else {"Origin": origin or own}
    return client.request("POST", path, b"", headers)


class Checker(HTMLParser):
    """Finds what a page must not have."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("script", "iframe", "img", "object"):
            self.found.append(tag)
        self.found += [name for name, _ in attrs if name.startswith("on") or name == "style"]


def checked(answer: Answer) -> str:
    """Give the text of a page that runs nothing and needs nothing from elsewhere."""
    assert answer.status == 200, answer.text
    checker = Checker()
    checker.feed(answer.text)
    assert checker.found == []
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["referrer-policy"] == "same-origin"
    return answer.text


def test_pages_of_an_empty_server(pages: Client) -> None:
    assert "None is stored" in checked(pages.get("/conformance/"))
    assert "run one" in checked(pages.get("/conformance/support/"))
    assert "No run has tried" in checked(pages.get("/conformance/support/Patient"))


def test_a_button_runs_a_script_and_leads_to_its_report(pages: Client) -> None:
    pages.put("Patient/p", {"resourceType": "Patient", "id": "p"})
    pages.put("TestScript/t", script(id="t", title=f"Reading {HOSTILE}"))
    text = checked(pages.get("/conformance/"))
    (action,) = re.findall(r'action="(/conformance/scripts/[^"]+)"', text)
    answer = press(pages, action)
    assert answer.status == 303
    place = answer.headers["location"]

    def ended() -> str | None:
        page = checked(pages.get(place))
        return None if 'http-equiv="refresh"' in page else page

    page = wait_for(ended)
    assert "pass" in page
    assert "what is stored is read" in page
    assert f'href="{pages.base}/TestScript/t"' in page
    assert place in checked(pages.get("/conformance/"))


def test_a_report_is_shown_as_text(pages: Client) -> None:
    pages.put("TestReport/done", REPORT)
    text = checked(pages.get("/conformance/reports/done"))
    for words in ("fail", "50 %", "one test", "GET x: 200", "&lt;script&gt;"):
        assert words in text
    assert "refresh" not in text
    assert "Cancel" not in text


def test_a_report_that_waits_loads_itself_again_and_can_be_cancelled(pages: Client) -> None:
    waiting = {**REPORT, "id": "w", "status": "waiting", "result": "pending", "test": []}
    del waiting["test"]
    pages.put("TestReport/w", waiting)
    text = checked(pages.get("/conformance/reports/w"))
    assert 'http-equiv="refresh"' in text
    (action,) = re.findall(r'action="([^"]+)"', text)
    assert press(pages, action).headers["location"] == "/conformance/"
    assert pages.get("TestReport/w").status == 410
    assert pages.get("/conformance/reports/w").status == 410


@pytest.mark.parametrize(
    "origin",
    [
        pytest.param(lambda _own: None, id="none"),
        pytest.param(lambda _own: "null", id="hidden"),
        pytest.param(lambda _own: "https://evil.example", id="elsewhere"),
        pytest.param(lambda own: own.rpartition(":")[0], id="another-port"),
        pytest.param(lambda own: f"{own}.evil.example", id="longer"),
    ],
)
@pytest.mark.parametrize("path", ["scripts/t/run", "suites/system/run", "reports/done/cancel"])
def test_pages_from_elsewhere_change_nothing(
    pages: Client, path: str, origin: Callable[[str], str | None]
) -> None:
    pages.put("TestScript/t", script(id="t"))
    pages.put("TestReport/done", REPORT)
    own = pages.base.removesuffix("/fhir")
    assert press(pages, f"/conformance/{path}", origin(own)).status == 403
    assert [each["id"] for each in pages.search("TestReport")] == ["done"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "reports/none", 404),
        ("GET", "reports/not%20an%20id", 404),
        ("GET", "support/Strange", 404),
        ("POST", "scripts/none/run", 404),
        ("POST", "suites/Not-A-Name/run", 400),
        ("GET", "scripts/t/run", 405),
    ],
)
def test_what_is_not_there(pages: Client, method: str, path: str, status: int) -> None:
    headers = {"Origin": pages.base.removesuffix("/fhir")}
    assert pages.request(method, f"/conformance/{path}", None, headers).status == status


def test_the_statement_leads_to_the_proof_of_its_claims(pages: Client) -> None:
    (rest,) = pages.get("metadata").json["rest"]
    root = pages.base.removesuffix("/fhir")
    for resource in rest["resource"]:
        page = resource["documentation"].rpartition(" ")[2]
        assert page == f"{root}/conformance/support/{resource['type']}"
    assert "<h1>VisionPrescription</h1>" in checked(pages.get(page.removeprefix(root)))


def test_the_suites_are_those_of_the_tool() -> None:
    assert {name for name, _ in SUITES} <= set(TOOL_SUITES)


def test_a_suite_is_run_and_its_claims_are_shown(pages: Client) -> None:
    place = press(pages, "/conformance/suites/system/run").headers["location"]
    wait_for(lambda: "refresh" not in checked(pages.get(place)))
    report = pages.get(f"TestReport/{place.rpartition('/')[2]}").json
    assert (report["status"], report["result"], report["score"]) == ("completed", "pass", 100)
    text = checked(pages.get("/conformance/support/"))
    assert place in text
    assert "The whole system" in text
    assert "history-system" in text
    assert report["participant"][0]["display"] in text
