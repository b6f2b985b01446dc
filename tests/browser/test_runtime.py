"""What the demo's second agent left is on the pages that the demo's closing lines name."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from portal.demo.closing import PAGES
from tests.browser.conftest import Portal

pytestmark = pytest.mark.browser
# Ten minutes after the story it would be stale, and other tests may have taken so long.
HEAR = """
from governance.models import EnforcementPoint
from governance.services import revocation_feed
revocation_feed.read(actor=EnforcementPoint.objects.get(name="shop-gateway"), since=0)
"""
Picture = Callable[[Page, str], None]


@pytest.mark.parametrize("title", [title for title, *_ in PAGES])
def test_every_page_that_the_demo_names_is_in_the_menu_and_not_empty(portal: Portal, title: str) -> None:
    page = portal.sign_in("aude")
    page.locator("#nav-sidebar-apps").get_by_role("link", name=title, exact=True).first.click()
    expect(page).to_have_title(re.compile(rf"^{title}\b"))
    expect(page.get_by_text("Nothing here yet")).to_have_count(0)


def test_a_guardrail_is_told_from_draft_to_active(portal: Portal, picture: Picture) -> None:
    page = portal.sign_in("aude")
    page.goto("/admin/governance/policyversion/")
    page.locator("#result_list tbody tr a").first.click()
    expect(page.get_by_text("It decides.")).to_be_visible()
    expect(page.get_by_text("Allowed now, would be denied")).to_be_visible()
    expect(page.get_by_text("no-bulk-exports").first).to_be_visible()
    picture(page, "guardrail")


def test_what_has_not_confirmed_is_not_contained(portal: Portal, picture: Picture) -> None:
    heard = portal.installation.manage("shell", "--no-imports", "-c", HEAR)
    assert heard.returncode == 0, heard.stderr
    page = portal.sign_in("aude")
    page.goto("/admin/containment-state/?agent=order-desk")
    expect(page.locator("#agents")).to_contain_text("Not contained")
    expect(page.locator("#points tbody tr", has_text="shop-gateway")).to_contain_text("Acknowledged")
    expect(page.locator("#points tbody tr", has_text="warehouse-proxy")).to_contain_text("Never asked")
    picture(page, "containment")
