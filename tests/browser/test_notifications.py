"""A board member hears the bell, opens what it is about, and votes; both sides can be used by everybody."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Portal
from tests.browser.test_pages import ask
from tests.browser.usable import NARROW, WIDE, problems

pytestmark = pytest.mark.browser
Picture = Callable[[Page, str], None]
TITLE = "Your vote is asked for on a write elevation for vulnerability-analyst"
BELL = re.compile(r"^\d+ unread notifications?$")


def unread(page: Page) -> int:
    expect(page.get_by_role("link", name=BELL)).to_be_visible()
    return int(page.locator(".cs-bell .sr-only").inner_text().split()[0])


def test_the_bell_leads_to_the_vote(portal: Portal, picture: Picture) -> None:
    ask(portal.sign_in("olivia"), "CVE-2022-22965")
    page = portal.sign_in("sasha")
    before = unread(page)
    assert before > 0
    page.get_by_role("link", name=BELL).focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/admin/notifications/")
    newest = page.get_by_role("listitem").filter(has=page.get_by_role("button", name=TITLE)).first
    expect(newest).to_contain_text("Unread")
    expect(newest).to_contain_text("Asked for by Olivia")
    expect(newest).to_contain_text("left")
    picture(page, "notifications")
    found = problems(page)
    newest.get_by_role("button", name=TITLE).first.click()
    page.wait_for_url("**/governance/approval/**")
    assert unread(page) == before - 1
    page.get_by_role("link", name="Reject", exact=True).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Comment").fill("Not now.")
    dialog.get_by_role("button", name="Reject").click()
    expect(page.get_by_role("status").first).to_contain_text("You voted in the seat Security: reject.")
    owner = portal.sign_in("olivia")
    owner.goto("/admin/notifications/?show=unread")
    expect(
        owner.get_by_role("button", name=re.compile("is over: the approvers refused it")).first
    ).to_be_visible()
    assert found + problems(owner) == []


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_everybody_can_use_the_pages(
    portal: Portal,
    picture: Picture,
    dark: bool,  # noqa: FBT001
    width: int,
) -> None:
    found = []
    for username in ("olivia", "sasha", "ada"):
        page = portal.sign_in(username, dark=dark, width=width)
        for name in ("", "notifications/", "notification-mail/", "waiting/"):
            page.goto(f"/admin/{name}")
            picture(page, f"{username}-{name.strip('/') or 'overview'}-{width}-{'dark' if dark else 'light'}")
            found += problems(page)
    assert found == []
