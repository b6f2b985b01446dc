"""A browser on a served installation that has played the demo's story.

The pictures that the README shows are made by these tests: `PICTURES=docs/pictures make pictures`.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    StorageState,
    expect,
    sync_playwright,
)

from tests.processes.installation import Installation

CHROMIUM = shutil.which("chromium")
expect.set_options(timeout=20_000)  # a busy machine is slow, and not wrong
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update")
# What the Content-Security-Policy refused, said on the console in words that the test shows.
REPORT = """document.addEventListener("securitypolicyviolation", (event) => console.error(
    `CSP: ${event.violatedDirective} refused ${event.blockedURI} at ${event.sourceFile}`))"""
ABORTED = "net::ERR_ABORTED"  # somebody moved on, or a download began
PICTURES = os.environ.get("PICTURES", "")
# The tests of an installation share their sessions: whoever signed in once has proved it for all of them.
UNHURRIED = {"COUNTERSIGN_REAUTHENTICATION_SECONDS": "3600", "COUNTERSIGN_FEED_STALE_SECONDS": "600"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the pages in the order they are written in: a story by clicking goes on from test to test."""
    pages = [item for item in items if item.get_closest_marker("browser")]
    pages.sort(key=lambda item: item.reportinfo()[:2])
    items[:] = [item for item in items if not item.get_closest_marker("browser")] + pages


@dataclass
class Portal:
    """The served portal, and somebody's eyes and hands on it."""

    address: str
    password: str
    browser: Browser
    installation: Installation
    complaints: list[str] = field(default_factory=list)
    contexts: list[BrowserContext] = field(default_factory=list)
    signed_in: dict[str, StorageState] = field(default_factory=dict)

    def open(self, username: str = "", *, dark: bool = False, width: int = 1440) -> Page:
        """A window of its own, watched for errors on the console; signed in where the person was before."""
        context = self.browser.new_context(
            base_url=self.address,
            viewport={"width": width, "height": 1000},
            color_scheme="dark" if dark else "light",
            storage_state=self.signed_in.get(username),
        )
        self.contexts.append(context)
        context.add_init_script(REPORT)
        page = context.new_page()
        page.on("console", self._listen)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("requestfailed", self._listen_for_failures)
        page.goto("/admin/")
        return page

    def sign_in(self, username: str, *, dark: bool = False, width: int = 1440) -> Page:
        """The overview of this person, who signs in once for all tests."""
        page = self.open(username, dark=dark, width=width)
        if username not in self.signed_in:
            page.get_by_label("Username").fill(username)
            page.get_by_label("Password").fill(self.password)
            page.get_by_role("button", name="Sign in").click()
            page.wait_for_url("**/admin/")
            self.signed_in[username] = page.context.storage_state()
        return page

    def _listen_for_failures(self, request: Request) -> None:
        if request.failure != ABORTED:
            self.complaints.append(f"{request.failure}: {request.url}")

    def _listen(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(f"{message.type}: {message.text}")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("chromium is not installed (Debian: apt-get install chromium).")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield browser
        browser.close()


@contextmanager
def served(browser: Browser, data: Path, *scripts: str, **variables: str) -> Iterator[Portal]:
    """An installation on which the demo's story was played and then these scripts, served with its worker."""
    installation = Installation(data, variables)
    commands = [("prepare",), ("demo",), *(("shell", "-c", script) for script in scripts)]
    for command in commands:
        done = installation.manage(*command)
        assert done.returncode == 0, done.stdout + done.stderr
    password = (installation.data / "demo-sign-in.txt").read_text(encoding="ascii")
    yield Portal(installation.serve(), password, browser, installation)
    installation.stop()


@contextmanager
def watched(portal: Portal) -> Iterator[Portal]:
    """The served portal for one test; afterwards nothing may have complained on the console."""
    yield portal
    for context in portal.contexts:
        context.close()
    portal.contexts.clear()
    complaints, portal.complaints = portal.complaints, []
    assert complaints == []


@pytest.fixture(scope="session")
def told(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    """The installation of all tests that leave the story as they found it."""
    with served(browser, tmp_path_factory.mktemp("told"), **UNHURRIED) as portal:
        yield portal


@pytest.fixture
def portal(told: Portal) -> Iterator[Portal]:
    with watched(told):
        yield told


@pytest.fixture
def picture(tmp_path: Path) -> Callable[[Page, str], None]:
    """Keep a picture of the page under docs/pictures/ when asked to, else only for this test."""
    folder = Path(PICTURES).resolve() if PICTURES else tmp_path

    def keep(page: Page, name: str) -> None:
        page.evaluate("document.fonts.ready")
        page.screenshot(path=folder / f"{name}.png", full_page=False, animations="disabled")

    return keep
