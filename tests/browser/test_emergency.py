"""An owner rewords a request, breaks the glass, and is reviewed; the figures say how approvers do."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import UNHURRIED, Portal, served, watched
from tests.browser.test_story import press
from tests.browser.usable import NARROW, WIDE, problems

pytestmark = pytest.mark.browser
Picture = Callable[[Page, str], None]
PREPARE = """
from agents.models import Agent, Person
from governance.services import elevations
olivia = Person.objects.get(username="olivia")
elevations.request(
    actor=olivia, agent=Agent.objects.get(slug="vulnerability-analyst"), action="open_ticket",
    resource="finding/*", intent="Open tickets for the whole report.", minutes=60, uses=20,
)
"""


@pytest.fixture(scope="module")
def prepared(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    """The demo's story, and a request that waits."""
    data = tmp_path_factory.mktemp("prepared")
    with served(browser, data, PREPARE, **UNHURRIED) as portal, watched(portal):
        yield portal


def looked_at(portal: Portal, picture: Picture, username: str, address: str, name: str) -> list[str]:
    """The page in both widths and both lights."""
    found = []
    for dark in (False, True):
        for width in (WIDE, NARROW):
            page = portal.sign_in(username, dark=dark, width=width)
            page.goto(address)
            picture(page, f"{name}-{width}-{'dark' if dark else 'light'}")
            found += problems(page)
    return found


def test_an_owner_rewords_what_waits_for_the_board(prepared: Portal, picture: Picture) -> None:
    page = prepared.sign_in("olivia")
    page.goto("/admin/governance/elevation/?state__exact=pending")
    page.locator("#result_list tbody tr a").first.click()
    elevation = page.url
    press(page, "Edit the request")
    dialog = page.locator("#modal-content")
    expect(dialog.get_by_label("Uses")).to_have_value("20")
    dialog.get_by_label("Uses").fill("5")
    picture(page, "revise")
    dialog.get_by_role("button", name="Ask for this instead").click()
    expect(page.get_by_text("Revision 2 is asked for.")).to_be_visible()
    assert looked_at(prepared, picture, "olivia", elevation, "elevation-revised") == []
    member = prepared.sign_in("sasha")
    member.goto("/admin/governance/approval/")
    member.locator("#result_list tbody tr a").first.click()
    expect(member.get_by_text("5 times at most")).to_be_visible()
    assert looked_at(prepared, picture, "sasha", member.url, "approval-of-a-class") == []


def test_who_breaks_the_glass_is_reviewed(prepared: Portal, picture: Picture) -> None:
    assert looked_at(prepared, picture, "olivia", "/admin/governance/breakglass/add/", "break-glass") == []
    page = prepared.sign_in("olivia")
    page.goto("/admin/governance/breakglass/add/")
    page.get_by_label("Action").fill("open_ticket")
    page.get_by_label("Resource").fill("finding/01999999-9999-7999-8999-999999999999")
    page.get_by_label("What the emergency is").fill("The shop is down, and nobody on the board answers.")
    page.get_by_role("button", name="Break the glass").click()
    expect(page.get_by_text("Everybody was told.")).to_be_visible()
    glass = page.url
    reviewer = prepared.sign_in("sasha")
    reviewer.goto("/admin/waiting/")
    reviewer.locator("#glass").get_by_role("link", name="open_ticket").first.click()
    assert looked_at(prepared, picture, "sasha", glass, "broken-glass") == []
    reviewer.goto(glass)
    press(reviewer, "Review")
    dialog = reviewer.locator("#modal-content")
    dialog.get_by_label("Yes").check()
    dialog.get_by_label("What you found").fill("The shop was down. One ticket was opened.")
    picture(reviewer, "review")
    dialog.get_by_role("button", name="Record the review").click()
    expect(reviewer.get_by_text("Justified").first).to_be_visible()


def test_the_approvers_load(prepared: Portal, picture: Picture) -> None:
    assert looked_at(prepared, picture, "sasha", "/admin/approver-load/", "approver-load") == []
    page = prepared.sign_in("sasha")
    page.goto("/admin/")
    page.get_by_role("link", name="Approvers' load").click()
    expect(page.get_by_role("heading", name="Quick votes")).to_be_visible()
