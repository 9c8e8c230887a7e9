"""Whole flows, for tests that are about what comes after them."""

from __future__ import annotations

from tests.smart.browser import App, Browser, Seen, Told


def allow(browser: Browser, page: Seen, *scopes: str) -> Seen:
    """Allow what the consent page offers, or only some scopes."""
    assert page.address.endswith("/consent"), (page.address, page.text)
    ticked = scopes or tuple(page.values("scope"))
    fields = [("scope", each) for each in ticked]
    return browser.answer(page, *fields, ("refreshing", "on"), ("decision", "allow"))


def granted(app: App, browser: Browser, *choices: tuple[str, str], **changes: str) -> Told:
    """Go from the application to its tokens.

    Args:
        app: asks.
        browser: in which somebody is logged in.
        choices: what is chosen on the pages before the consent, e.g. ("patient", "hers").
        changes: of what the application asks with.
    """
    seen = browser.open(app.address(**changes))
    for choice in choices:
        seen = browser.answer(seen, choice)
    if seen.address.endswith("/consent"):
        seen = allow(browser, seen)
    assert "code" in seen.answer, (seen.address, seen.text)
    return app.redeem(seen.answer["code"])
