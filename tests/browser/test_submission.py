"""A version by clicking, from a checklist with gaps to the board (S1-27).

It takes the place of the one that the story left before the board, and is the same build: whichever of them
the board's own test approves, the agent runs.
"""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Portal
from tests.browser.test_story import press
from tests.browser.usable import NARROW, problems

pytestmark = pytest.mark.browser
Picture = Callable[[Page, str], None]


def gate(page: Page, name: str) -> Locator:
    """The row of one gate of the checklist."""
    return page.locator("#checklist tbody tr", has=page.get_by_role("rowheader", name=re.compile(name)))


def sign(page: Page, checklist: str, name: str) -> None:
    page.goto(checklist)
    gate(page, name).get_by_role("link", name="The signature").click()
    expect(page.get_by_role("heading", name=re.compile("What you sign"))).to_be_visible()
    page.get_by_label("What you say").fill("I have read it, and I stand for it.")


def describe_change(owner: Page, version: str) -> None:
    """Say what the version changes, as the checklist asks of whatever follows an approved one."""
    owner.goto(f"/admin/governance/changerequest/add/?version={version}")
    owner.get_by_label("What it does").check()
    for text in ("What and why", "Who notices", "Monitoring plan", "Rollback plan"):
        owner.get_by_label(text).fill("The build that runs here, under a new label.")
    press(owner, "Save")
    owner.wait_for_url(re.compile(r"/governance/changerequest/[0-9a-f-]{36}/"))


def test_from_a_checklist_with_gaps_to_the_board(portal: Portal, picture: Picture) -> None:
    owner = portal.sign_in("olivia")
    owner.goto("/admin/agents/agent/?q=vulnerability-analyst")
    owner.locator("#result_list tbody a").first.click()
    owner.wait_for_url("**/agents/agent/**/change/**")
    owner.locator("#versions a").first.click()
    press(owner, "Derive a new version from this one")
    owner.get_by_label("Version", exact=False).first.fill("1.0.9")
    press(owner, "Add version")
    owner.wait_for_url(re.compile(r"/agents/agentversion/[0-9a-f-]{36}/"))
    checklist = owner.url.partition("#")[0]

    for name, state in (("Provenance", "Met"), ("Testing", "Met"), ("Monitoring", "Needs signature")):
        expect(gate(owner, name)).to_contain_text(state)
    found = problems(owner)
    owner.locator("#checklist").scroll_into_view_if_needed()
    picture(owner, "checklist-red")
    press(owner, "Submit to the board")
    owner.locator("#modal-content").get_by_role("button", name="Submit").click()
    expect(owner.locator("#modal-content")).to_contain_text("It is not signed yet")

    describe_change(owner, checklist.split("/")[-3])
    owner.goto("/admin/agents/versiontest/add/?version=" + checklist.split("/")[-3])
    owner.get_by_label("Kind").select_option("tabletop")
    owner.get_by_label("Suite").fill("tabletop/by-hand")
    owner.get_by_label("Tool").fill("people")
    owner.get_by_label("Name of the run").fill("1")
    found += problems(owner)
    press(owner, "Record")
    owner.wait_for_url(re.compile(r"/agents/versiontest/[0-9a-f-]{36}/"))
    found += problems(owner)

    sign(owner, checklist, "Post deployment")
    found += problems(owner)
    press(owner, "Sign")
    owner.wait_for_url(re.compile(r"/governance/gatesignature/[0-9a-f-]{36}/"))
    member = portal.sign_in("sasha")
    sign(member, checklist, "Monitoring")
    picture(member, "sign")
    press(member, "Sign")
    member.wait_for_url(re.compile(r"/governance/gatesignature/[0-9a-f-]{36}/"))
    found += problems(member)

    owner.goto(checklist)
    expect(owner.get_by_text("Nothing is missing before the board is asked.")).to_be_visible()
    owner.locator("#checklist").scroll_into_view_if_needed()
    picture(owner, "checklist-ready")
    press(owner, "Submit to the board")
    owner.locator("#modal-content").get_by_role("button", name="Submit").click()
    owner.wait_for_url("**/governance/approval/**")
    expect(
        owner.get_by_role("heading", name=re.compile("as it stood when the board was asked"))
    ).to_be_visible()
    assert found + problems(owner) == []


def test_the_checklist_fits_a_narrow_screen_in_the_dark(portal: Portal, picture: Picture) -> None:
    page = portal.sign_in("olivia", dark=True, width=NARROW)
    page.goto("/admin/agents/agentversion/")
    page.locator("#result_list tbody a").first.click()
    page.locator("#checklist").scroll_into_view_if_needed()
    picture(page, "checklist-narrow")
    assert problems(page) == []
