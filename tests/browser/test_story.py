"""The story by clicking: the board approves, the owner elevates, the auditor takes the evidence home."""

import re
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Portal

pytestmark = pytest.mark.browser
Picture = Callable[[Page, str], None]
BOARD = ("sasha", "carla", "leo", "petra", "enzo")


def press(page: Page, name: str) -> None:
    """Press a link or button by the words on it; an icon may stand before them."""
    words = re.compile(rf"(^|\s){re.escape(name)}$")
    page.get_by_role("link", name=words).or_(page.get_by_role("button", name=words)).first.click()


def approve(page: Page, comment: str) -> None:
    """Approve what the open page shows."""
    press(page, "Approve")
    dialog = page.locator("#modal-content")
    dialog.get_by_label("Comment").fill(comment)
    dialog.get_by_role("button", name="Approve").click()
    expect(page.locator("#modal-content form")).to_have_count(0)


def open_waiting(page: Page, title: str | re.Pattern[str]) -> None:
    page.goto("/admin/waiting/")
    page.get_by_role("link", name=title).first.click()
    page.wait_for_url("**/governance/approval/**")


def test_the_board_approves_by_clicking(portal: Portal, picture: Picture) -> None:
    title = re.compile(r"^Vulnerability analyst 1\.0\.\d+$")
    for number, username in enumerate(BOARD):
        page = portal.sign_in(username)
        if number == 0:
            picture(page, "overview")
        open_waiting(page, title)
        expect(page.get_by_role("heading", name="What has changed")).to_be_visible()
        if number == 2:
            picture(page, "approval")
        approve(page, "Read, and compared with what is approved.")
        last = page
    expect(last.get_by_text("Approved", exact=True).first).to_be_visible()
    last.goto("/admin/agents/agent/")
    last.get_by_role("link", name="Vulnerability analyst").first.click()
    expect(last.get_by_text("Active", exact=True).first).to_be_visible()
    expect(last.get_by_text("1.0.1").first).to_be_visible()
    picture(last, "agent")


def test_the_owner_cannot_vote_on_their_own(portal: Portal) -> None:
    page = portal.sign_in("olivia")
    page.goto("/admin/governance/approval/?all=1")
    page.locator("#result_list tbody a").first.click()
    expect(page.get_by_role("link", name=re.compile(r"Approve$"))).to_have_count(0)


def test_the_owner_elevates_by_clicking_and_the_write_happens_once(portal: Portal, picture: Picture) -> None:
    owner = portal.sign_in("olivia")
    owner.goto("/admin/agents/proposedaction/")
    row = owner.locator("#result_list tr", has_text="CVE-2023-44487").first
    row.get_by_role("link", name="open_ticket").click()
    owner.wait_for_url("**/proposedaction/**/change/")
    proposal = owner.url
    press(owner, "Request write elevation")
    owner.get_by_label("What it is for").fill("Open the ticket for this finding.")
    owner.get_by_label("Minutes").fill("10")
    owner.get_by_label("Uses").fill("1")
    owner.locator("main form button[type=submit], main form input[type=submit]").first.click()
    owner.wait_for_url(re.compile(r"/governance/(elevation|approval)/[0-9a-f-]{36}/"))

    for username in ("sasha", "carla"):
        approver = portal.sign_in(username)
        open_waiting(approver, re.compile("open_ticket"))
        if username == "carla":
            picture(approver, "elevation")
        approve(approver, "This one ticket, once.")

    owner.goto(proposal)
    for _attempt in range(60):
        if owner.get_by_text("Executed", exact=True).count():
            break
        owner.wait_for_timeout(500)
        owner.reload()
    expect(owner.get_by_text("Executed", exact=True).first).to_be_visible()
    owner.goto("/admin/governance/elevation/")
    expect(owner.locator("#result_list tbody tr").first).to_contain_text(re.compile("ended", re.IGNORECASE))
    owner.goto("/admin/agents/ticket/")
    expect(owner.locator("#result_list")).to_contain_text("SEC-2")


def test_the_run_is_told_step_by_step(portal: Portal, picture: Picture) -> None:
    page = portal.sign_in("olivia")
    page.goto("/admin/agents/run/")
    page.locator("#result_list tbody a").first.click()
    timeline = page.get_by_role("heading", name=re.compile("What it did"))
    expect(timeline).to_be_visible()
    expect(page.get_by_text("rules, not a language model").first).to_be_visible()
    for function in ("get_vulnerability_info", "assess_vulnerability", "open_ticket"):
        expect(page.get_by_text(function).first).to_be_visible()
    page.locator("article", has=page.get_by_text("Denied", exact=True)).first.evaluate(
        "card => window.scrollTo(0, card.getBoundingClientRect().top + window.scrollY - 16)"
    )
    picture(page, "run")


def test_the_auditor_builds_downloads_and_verifies(portal: Portal, picture: Picture, tmp_path: Path) -> None:
    page = portal.sign_in("aude")
    page.goto("/admin/audits/event/")
    expect(page.locator("#result_list")).to_contain_text("decision.made")
    picture(page, "ledger")
    page.goto("/admin/audits/bundle/")
    page.locator("a[href$='/bundle/add/']").click()
    page.get_by_label("Agent", exact=True).select_option(label="Vulnerability analyst")
    picture(page, "bundle-form")
    press(page, "Build bundle")
    page.wait_for_url(re.compile(r"/audits/bundle/[0-9a-f-]{36}/"))
    for _attempt in range(60):
        if page.get_by_text("Ready", exact=True).count():
            break
        page.wait_for_timeout(500)
        page.reload()
    picture(page, "bundle")
    with page.expect_download() as download:
        press(page, "Download")
    bundle = tmp_path / "evidence.zip"
    download.value.save_as(bundle)
    verifier = tmp_path / "verify.py"
    with zipfile.ZipFile(bundle) as archive:
        verifier.write_bytes(archive.read("verify.py"))
    key = portal.installation.data / "keys" / "ledger.vkey"
    result = subprocess.run(
        [sys.executable, "-I", "-S", str(verifier), str(bundle), "--key", str(key)],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert result.returncode == 0, result.stdout + result.stderr
