"""The page at `/` of a server with authentication, and pages that are for one role."""

from __future__ import annotations

import re

import pytest

from tests.console.people import People
from tests.visitor import Visitor

REPORT = {
    "resourceType": "TestReport",
    "id": "of-administrators",
    "status": "completed",
    "testScript": {"display": "x"},
    "result": "pass",
}


def test_who_is_not_logged_in_sees_the_way_in(visitor: Visitor) -> None:
    """SEC-E11: and nothing of what is stored."""
    text = visitor.get("/").text
    assert 'href="/login?next=/"' in text
    assert "smart-configuration" in text
    assert "What is in it" not in text
    assert not re.search(r"holds [\d,]+ resources", text)


@pytest.mark.parametrize(
    ("role", "paths"),
    [
        ("physician", "/launch /break-glass /apps /developer /inspect /account"),
        ("researcher", "/apps /developer /inspect /account"),
        ("front-desk", "/launch /apps /developer /inspect /account"),
        ("patient", "/launch /record-access /apps /account"),
        ("proxy", "/launch /record-access /apps /account"),
        ("auditor", "/record-access /apps /admin/break-glass /developer /inspect /account"),
        (
            "administrator",
            "/apps /admin/apps /admin/break-glass /conformance/ /developer /inspect /account",
        ),
    ],
)
def test_links_are_of_the_role_and_lead_somewhere(
    people: People, ward: None, role: str, paths: str
) -> None:
    user = "Patient/ward-ann" if role == "patient" else "Practitioner/70"
    with people.enter(people.add("x", role, user)) as visitor:
        places = visitor.get("/").text.partition('id="places"')[2].partition("</section>")[0]
        found = re.findall(r'href="([^"]+)"', places)
        assert found == paths.split()
        for path in found:
            answer = visitor.get(path)
            assert answer.status == 200, (path, answer.text)
            assert "<script" not in answer.text


ASKING = ("/apps", "/record-access", "/developer", "/launch", "/inspect", "/admin/apps")


@pytest.mark.parametrize("path", [*ASKING, "/conformance/"])
def test_pages_ask_for_a_login_and_come_back(visitor: Visitor, path: str) -> None:
    answer = visitor.get(path)
    assert answer.status == 303
    assert answer.headers["location"].removesuffix("?") == f"/login?next={path}"


@pytest.mark.parametrize(
    ("role", "status"),
    [("administrator", 200), ("physician", 403), ("auditor", 403), ("patient", 403)],
)
def test_conformance_is_for_administrators(people: People, role: str, status: int) -> None:
    """SEC-E0: pages look things up by the decision that tokens go by."""
    with people.secured.caller(people.secured.issue("system/*.cruds").secret) as loader:
        loader.request("PUT", "TestReport/of-administrators", REPORT)
    with people.enter(people.add("x", role)) as visitor:
        for path in ("/conformance/", "/conformance/support/", "/conformance/support/Patient"):
            assert visitor.get(path).status == status
        path = "/conformance/reports/of-administrators"
        assert visitor.get(path).status == status
        assert visitor.press("/logout", "/conformance/suites/system/run").status == 403
        assert visitor.press("/logout", f"{path}/cancel", csrf="x").status == 403
        cancelled = visitor.press("/logout", f"{path}/cancel").status
        assert cancelled == (303 if status == 200 else 403)
