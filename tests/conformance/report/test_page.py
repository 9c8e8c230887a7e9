"""The page holds every request and answer, and nothing of a server ever runs in it."""

import base64
import hashlib
import re
import zlib
from html.parser import HTMLParser
from typing import Any

import pytest

from fhirserver.model.json import parse_json
from fhirserver_conformance.report.page import page_parts
from fhirserver_conformance.report.page_data import BODY_LIMIT_BYTES
from fhirserver_conformance.report.test_report import report_id
from fhirserver_conformance.results import ScriptResult
from tests.conformance.report import samples
from tests.conformance.report.samples import ISSUED, case, exchange, operation, script


class Page(HTMLParser):
    """What a browser would find: elements with attributes, and the text of scripts."""

    def __init__(self, *results: ScriptResult) -> None:
        super().__init__()
        self.text = "".join(
            page_parts(results, title=samples.HOSTILE, tester=samples.HOSTILE, issued=ISSUED)
        )
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.contents: dict[str, str] = {}
        self.open: str | None = None
        self.feed(self.text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self.open = dict(attrs).get("id") or tag

    def handle_endtag(self, tag: str) -> None:
        self.open = None if tag in ("script", "style") else self.open

    def handle_data(self, data: str) -> None:
        if self.open is not None:
            self.contents[self.open] = self.contents.get(self.open, "") + data

    def unpacked(self, name: str) -> Any:
        return parse_json(zlib.decompress(base64.b64decode(self.contents[name])))


@pytest.fixture(scope="module")
def page() -> Page:
    return Page(*samples.EVERY)


def test_the_index_lists_every_test_with_its_reason(page: Page) -> None:
    index = page.unpacked("index")
    assert [row["id"] for row in index] == [report_id(result) for result in samples.EVERY]
    mixed = {
        test["name"]: (test["verdict"], test["message"], test["counted"])
        for test in index[1]["tests"]
    }
    assert mixed["fails"] == ("fail", "expected 200, found 400", True)
    assert mixed["setup"] == ("pass", "", False)
    assert index[3]["tests"][0]["message"] == "TestScript.test[0]: has no action"
    assert index[4]["tests"][1]["counted"], "a teardown that failed is a case"


def test_the_detail_holds_the_whole_exchange(page: Page) -> None:
    detail = page.unpacked("detail-1")
    operation_row = detail["tests"][4][0]
    exchange = operation_row["exchange"]
    assert (exchange["method"], exchange["url"], exchange["status"]) == (
        "PUT",
        f"{samples.BASE}/Patient/a",
        400,
    )
    assert ["Authorization", "(hidden)"] in exchange["request_headers"]
    assert ["ETag", 'W/"1"'] in exchange["response_headers"]
    body = detail["bodies"][exchange["response_body"]]
    assert body == {
        "text": samples.BODY.decode(),
        "size_bytes": len(samples.BODY),
        "cut": False,
    }
    assert len(detail["bodies"]) == 1, "a body that occurs again stands there once"
    assert detail["tests"][5][0]["exchange"]["failure"] == "reset"


@pytest.mark.parametrize(
    ("body", "text", "cut"),
    [
        pytest.param(b"x" * BODY_LIMIT_BYTES, "x" * BODY_LIMIT_BYTES, False, id="at the limit"),
        pytest.param(b"x" * BODY_LIMIT_BYTES + b"y", "x" * BODY_LIMIT_BYTES, True, id="above it"),
        pytest.param(b"\xff\x00a", "\\xff␀a", False, id="no text"),
    ],
)
def test_bodies_are_cut_and_say_so(body: bytes, text: str, cut: bool) -> None:
    row = Page(script(case("a", operation(sent=exchange(body=body))))).unpacked("detail-0")[
        "bodies"
    ][1]
    assert row == {"text": text, "size_bytes": len(body), "cut": cut}


def test_nothing_of_a_server_is_markup(page: Page) -> None:
    """Hostile names stand in the page as escaped text or packed, whatever they hold."""
    ours = Page(samples.PASSED)
    tags = [tag for tag, _ in page.elements]
    assert set(tags) == {tag for tag, _ in ours.elements}
    assert tags.count("script") == len(samples.EVERY) + 2
    assert not any(name.startswith("on") for _, attributes in page.elements for name in attributes)
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]", page.text)


def test_only_our_script_and_style_may_run(page: Page) -> None:
    (policy,) = (
        attributes["content"] for tag, attributes in page.elements if "http-equiv" in attributes
    )
    hashes = {
        name: base64.b64encode(hashlib.sha256(page.contents[name].encode()).digest()).decode()
        for name in ("script", "style")
    }
    assert policy == (
        f"default-src 'none'; style-src 'sha256-{hashes['style']}'; "
        f"script-src 'sha256-{hashes['script']}'; base-uri 'none'; form-action 'none'"
    )


def test_the_page_needs_nothing_from_elsewhere(page: Page) -> None:
    assert not any({"src", "href"} & {*attributes} for _, attributes in page.elements)
    assert not re.search(r"url\(|@import", page.contents["style"])
    assert not re.search(r"innerHTML|fetch\(|eval\(|XMLHttp|import\(", page.contents["script"])


def test_the_table_of_suites_is_there_without_a_script() -> None:
    text = Page(samples.PASSED, samples.LEFTOVERS).text
    rows = re.findall(r'data-suite="(.*?)".*?(\d[\d.]* %)', text)
    assert rows == [("crud", "100 %"), ("leftovers", "50 %"), ("", "66.6 %")]
