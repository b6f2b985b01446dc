"""The auditor at the ledger: search, event, proof, verify this; the board sees pseudonyms."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Portal
from tests.browser.test_pages import tab_to
from tests.browser.usable import NARROW, WIDE, problems

pytestmark = pytest.mark.browser
Picture = Callable[[Page, str], None]


def test_search_event_proof_and_verify_this(portal: Portal, picture: Picture, tmp_path: Path) -> None:
    page = portal.sign_in("aude")
    page.goto("/admin/audits/event/")
    page.get_by_label("Agent").fill("analyst")
    page.get_by_label("Action").select_option("decision.made")
    page.get_by_role("button", name="Search", exact=True).click()
    page.wait_for_url(re.compile("action=decision.made"))
    expect(page.locator("#result_list tbody tr").first).to_contain_text("decision.made")
    found = problems(page)
    page.locator("#result_list tbody a").first.click()
    page.wait_for_url("**/audits/event/*/change/**")
    expect(page.get_by_role("heading", name="Proof that it is in the ledger")).to_be_visible()
    page.get_by_text("Show the path").click()
    expect(page.get_by_text(re.compile(r"^root of \d+ entries$"))).to_be_visible()
    found += problems(page)
    files: list[Path] = []
    for link in ("Download the proof (C2SP tlog-proof)", "Download the entry that it proves"):
        with page.expect_download() as download:
            page.get_by_role("link", name=link).click()
        files.append(tmp_path / str(len(files)))
        download.value.save_as(files[-1])
    key = portal.installation.data / "keys" / "ledger.vkey"
    checked = portal.installation.manage(
        "ledger", "check-proof", str(files[0]), "--entry", str(files[1]), "--key", str(key)
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert checked.stdout.startswith("Proved: the entry is number")
    page.get_by_role("link", name="Verify this").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    found += problems(page)
    dialog.get_by_role("button", name="Verify", exact=True).click()
    expect(page.get_by_role("status").first).to_contain_text("Verified: the header is what was recorded")
    picture(page, "event")
    page.get_by_role("link", name="Previous in its stream").click()
    expect(page.get_by_role("link", name="Next in its stream")).to_be_visible()
    page.goto("/admin/audits/verification/")
    expect(page.locator("#result_list tbody tr").first).to_contain_text("One event")
    found += problems(page)
    page.locator("#result_list tbody a").first.click()
    expect(page.get_by_text("Sound", exact=True).first).to_be_visible()
    assert found + problems(page) == []


def test_the_search_works_by_keyboard_alone(portal: Portal) -> None:
    page = portal.sign_in("aude")
    page.goto("/admin/audits/event/")
    tab_to(page, page.get_by_label("Outcome"))
    page.keyboard.type("denied")
    tab_to(page, page.get_by_role("button", name="Search", exact=True))
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("outcome=denied"))
    rows = page.locator("#result_list tbody tr")
    assert rows.count() > 0
    for row in rows.all():
        expect(row).to_contain_text("Denied")
    tab_to(page, page.get_by_role("link", name="Clear"))
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Older").focus()
    first = page.locator("#result_list tbody a").first.get_attribute("href")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("before="))
    assert page.locator("#result_list tbody a").first.get_attribute("href") != first
    page.get_by_role("link", name="Newer").click()
    expect(page.locator("#result_list tbody a").first).to_have_attribute("href", re.compile("change"))


@pytest.mark.parametrize(
    ("dark", "width"), [(False, WIDE), (True, NARROW)], ids=["light-wide", "dark-narrow"]
)
def test_the_board_sees_pseudonyms(portal: Portal, dark: bool, width: int) -> None:  # noqa: FBT001
    page = portal.sign_in("sasha", dark=dark, width=width)
    found = problems(page)
    page.goto("/admin/audits/event/?action=approval.voted")
    row = page.locator("#result_list tbody tr").first
    expect(row).to_contain_text(re.compile(r"Person [0-9a-f]{4}-[0-9a-f]{4}"))
    found += problems(page)
    page.locator("#result_list tbody a").first.click()
    expect(page.get_by_text("You see pseudonyms in place of people")).to_be_visible()
    expect(page.get_by_role("link", name="Download the entry that it proves")).to_have_count(0)
    assert found + problems(page) == []
