"""The page as a person uses it, in Chromium; skipped where there is none."""

from collections.abc import Iterator

import pytest

from fhirserver_conformance.report.page import page_parts
from fhirserver_conformance.report.test_report import report_id
from fhirserver_conformance.results import ScriptResult
from tests.conformance.report import samples
from tests.conformance.report.browser import PROGRAM, Browser
from tests.conformance.report.samples import ISSUED

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="there is no Chromium on this machine")

LISTED = '[...document.querySelectorAll(".script > summary")].map((each) => each.innerText)'


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with Browser(tmp_path_factory.mktemp("browser")) as running:
        yield running


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    file = tmp_path_factory.mktemp("page") / "index.html"
    parts = page_parts(samples.EVERY, title=samples.HOSTILE, tester="a test", issued=ISSUED)
    file.write_text("".join(parts), "utf-8")
    return file.as_uri()


def place(address: str, result: ScriptResult, number: int) -> str:
    return f"{address}#{report_id(result)}/{number}"


def listed(browser: Browser) -> list[str]:
    """Give the sources of the scripts that are listed."""
    shown: list[str] = browser.run(LISTED)
    return sorted(line.split(" / ")[1].split()[0] for line in shown)


def redrawn(browser: Browser, action: str) -> list[str]:
    """Do something in the page and wait until it has drawn the list again."""
    browser.run(
        "new Promise((done) => { const seen = new MutationObserver(done);"
        ' seen.observe(document.getElementById("scripts"), {childList: true});'
        f" {action}; }}).then(() => null)"
    )
    return listed(browser)


def test_failures_stand_first_with_their_reasons(browser: Browser, address: str) -> None:
    browser.open(address)
    assert listed(browser) == ["attack</script><script>document.title=\"owned\"</script><img",
                               "broken.json", "mixed.json", "update.json"]  # fmt: skip
    assert browser.run("document.forms.filter.elements.found.value") == "5 tests in 4 scripts"
    reasons = browser.run('document.querySelector(".reasons").innerText')
    assert "expected 200, found 400" in reasons
    assert "Patient/a is still there" in reasons


@pytest.mark.parametrize(
    ("action", "sources"),
    [
        pytest.param(
            'document.querySelector("[value=pass]").click()',
            ["attack", "broken.json", "mixed.json", "update.json", "update.json"],
            id="a verdict more",
        ),
        pytest.param('document.querySelector("[type=reset]").click()', None, id="all"),
        pytest.param(
            "document.querySelector(\"[data-suite=crud]\").click()",
            ["broken.json", "mixed.json", "skipped.json", "update.json"],
            id="one suite",
        ),
        pytest.param(
            '[...document.querySelectorAll(".reasons button")]'
            '.find((each) => each.innerText.includes("found 400")).click()',
            ["mixed.json"],
            id="one reason",
        ),
    ],
)  # fmt: skip
def test_filters(browser: Browser, address: str, action: str, sources: list[str] | None) -> None:
    browser.open(address)
    found = [source.split("<")[0] for source in redrawn(browser, action)]
    everything = ["attack", "broken.json", "mixed.json", "skipped.json", *["update.json"] * 2]
    assert found == (everything if sources is None else sources)


def test_the_keyboard_is_enough(browser: Browser, address: str) -> None:
    """A slash leads to the text filter, which looks into reasons."""
    browser.open(address)
    browser.press("/")
    assert browser.run("document.activeElement.name") == "text"
    browser.run("document.execCommand('selectAll')")
    assert redrawn(browser, "document.execCommand('insertText', false, 'CONNECTION')") == [
        "mixed.json"
    ]


def test_an_address_opens_a_test_with_its_exchange(browser: Browser, address: str) -> None:
    """Numbers stand there as they were sent."""
    browser.open(place(address, samples.MIXED, 4))
    browser.wait_for("document.querySelector('pre')")
    text = browser.run('document.querySelector(".test").innerText')
    for part in ("expected 200, found 400", "Authorization\t(hidden)", 'ETag\tW/"1"', "as a curl"):
        assert part in text
    shell = browser.run("[...document.querySelectorAll('pre')].at(-1).textContent")
    assert shell.startswith("curl -g -i -X 'PUT' -H 'Accept: application/fhir+json' --data-raw '{")
    body = browser.run('document.querySelector("pre").innerText')
    assert body == '{\n  "resourceType": "Patient",\n  "weight": 1.00\n}'
    browser.run('document.querySelector(".size button").click()')
    assert browser.run('document.querySelector("pre").innerText') == samples.BODY.decode()


def test_a_server_cannot_act_in_the_page(browser: Browser, address: str) -> None:
    """Its markup is text, wherever it stands; nothing runs and nothing is asked for."""
    browser.open(place(address, samples.ATTACK, 0))
    browser.wait_for("document.querySelector('.exchange')")
    browser.run("for (const each of document.querySelectorAll('details')) each.open = true")
    assert browser.run("document.title").startswith("</script><script>document.title=")
    assert samples.MARKUP in browser.run('document.querySelector(".test").innerText')
    assert browser.run("document.querySelectorAll('img, iframe, main script').length") == 0
    assert browser.dialogs == []
    assert {request.split("#")[0] for request in browser.requests} <= {address, "about:blank"}


@pytest.mark.parametrize(
    ("text", "laid_out"),
    [
        pytest.param('{"a":[],"b":{"c":[1.0,-2e5]}}',
                     '{\n  "a": [],\n  "b": {\n    "c": [\n      1.0,\n      -2e5\n    ]\n  }\n}',
                     id="JSON"),
        pytest.param('{"a": "{\\"[,:', '{\n  "a": "{\\"[,:', id="JSON that breaks off"),
        pytest.param('<a x="1"><b/><c>t</c><!-- d --></a>',
                     '<a x="1">\n  <b/>\n  <c>t</c>\n  <!-- d -->\n</a>', id="XML"),
        pytest.param("<a><b>text", "<a>\n  <b>text", id="XML that breaks off"),
        pytest.param("plain { text", "plain { text", id="neither"),
    ],
)  # fmt: skip
def test_bodies_are_laid_out(browser: Browser, address: str, text: str, laid_out: str) -> None:
    browser.open(address)
    pairs = browser.run(f"layOut({text!r})")
    assert "".join(part for _, part in pairs) == laid_out
