"""Every list and one page of each kind: nothing complains, and everybody can read it."""

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.browser.conftest import Portal

pytestmark = pytest.mark.browser
LISTS = (
    "agents/agent",
    "agents/run",
    "agents/report",
    "agents/finding",
    "agents/proposedaction",
    "agents/ticket",
    "agents/vulnerability",
    "governance/approval",
    "governance/elevation",
    "governance/seat",
    "governance/riskclass",
    "governance/grant",
    "governance/decision",
    "audits/event",
    "audits/checkpoint",
    "audits/bundle",
)


def grave(page: Page) -> list[str]:
    """What axe calls serious or critical on this page."""
    found: list[dict[str, Any]] = Axe().run(page).response["violations"]
    return [
        f"{page.url} {violation['id']}: {violation['nodes'][0]['html'][:200]}"
        for violation in found
        if violation["impact"] in {"serious", "critical"}
    ]


@pytest.mark.parametrize(("dark", "width"), [(False, 1440), (True, 390)], ids=["light-wide", "dark-narrow"])
def test_every_list_and_its_first_page(portal: Portal, dark: bool, width: int) -> None:  # noqa: FBT001
    page = portal.sign_in("aude", dark=dark, width=width)
    problems = grave(page)
    for name in LISTS:
        page.goto(f"/admin/{name}/?all=1" if name == "governance/approval" else f"/admin/{name}/")
        problems += grave(page)
        first = page.locator("#result_list tbody tr a").first
        assert first.count(), f"{name} is empty: the story has told nothing of it"
        address = first.get_attribute("href")
        assert address
        response = page.goto(address)
        assert response
        assert response.status == 200
        problems += grave(page)
    assert problems == []
