"""A person at a browser: logs in, allows, and takes pictures of what is seen."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

PROGRAM = shutil.which("chromium") or shutil.which("google-chrome") or ""


@dataclass
class Visit:
    """One person at one browser.

    Attributes:
        flow: names the pictures.
        settings: see `by_browser.py`.
        page: what the browser shows.
        pictures: how many there are.
    """

    flow: str
    settings: dict[str, Any]
    page: Page
    pictures: int = 0

    @property
    def root(self) -> str:
        """The server's root."""
        return str(self.settings["base"]).removesuffix("/fhir")

    def log_in(self, username: str) -> None:
        """Fill in the login."""
        self.page.get_by_label("Username").fill(username)
        self.page.get_by_label("Password").fill(self.settings["passwords"][username])
        self.picture("login")
        self.page.get_by_role("button", name="Log in").click()

    def allow(self) -> None:
        """Allow what the consent page says, and wait for the application's page."""
        self.page.wait_for_url("**/consent")
        self.picture("consent")
        self.page.get_by_role("button", name="Allow", exact=True).click()
        self.page.wait_for_url(f"{self.settings['origin']}/**")

    def picture(self, name: str) -> None:
        """Take a picture of the page."""
        self.pictures += 1
        file = Path(self.settings["pictures"]) / f"{self.flow}-{self.pictures}-{name}.png"
        self.page.screenshot(path=file, full_page=True)


@contextmanager
def visiting(flow: str, settings: dict[str, Any]) -> Iterator[Visit]:
    """Open a browser without a window; what its page says on failing is printed."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=PROGRAM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 900, "height": 700})
        page.set_default_timeout(60_000)
        visit = Visit(flow, settings, page)
        try:
            yield visit
        except BaseException:
            visit.picture("failed")
            raise
        finally:
            browser.close()
