"""The story by clicking: the board approves, the owner elevates, the auditor takes the evidence home."""

import re
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import UNHURRIED, Portal, served

pytestmark = pytest.mark.browser
Picture = Callable[[Page, str], None]
BOARD = ("sasha", "carla", "leo", "petra", "enzo")


@pytest.fixture(scope="module")
def told(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    """An installation for this story alone, which goes on from test to test."""
    with served(browser, tmp_path_factory.mktemp("story"), **UNHURRIED) as portal:
        yield portal


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


def promote(page: Page) -> None:
    """The owner gives the newest release all of the tasks."""
    page.goto("/admin/governance/release/")
    page.locator("#result_list tbody a").first.click()
    expect(page.get_by_text("Nothing stands against the next step")).to_be_visible()
    press(page, "Promote")
    page.locator("#modal-content").get_by_role("button", name="Promote").click()
    expect(page.get_by_text("is the active version now")).to_be_visible()


def test_the_owner_promotes_a_release_and_takes_it_back(portal: Portal, picture: Picture) -> None:
    page = portal.sign_in("olivia")
    promote(page)
    picture(page, "release")
    press(page, "Roll back")
    dialog = page.locator("#modal-content")
    dialog.get_by_role("button", name="Roll back").click()
    expect(dialog.get_by_label("Reason")).to_have_attribute(
        "aria-invalid", "true"
    )  # without a reason nothing happens
    dialog.get_by_label("Reason").fill("It answers more slowly.")
    dialog.get_by_role("button", name="Roll back").click()
    expect(page.get_by_text("1.0.0 does all the work again")).to_be_visible()
    expect(page.get_by_text("Rolled back", exact=True).first).to_be_visible()


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
    page.get_by_role("row").filter(has_text="Completed").first.get_by_role("link").first.click()
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


# --- The board asks, an edit voids: after the story, on what it left active ----------------------------
READY = """
from agents.models import Agent, Person
from governance.choices import ChangeKind
from governance.services import changes
from portal.demo.readiness import make_ready
agent = Agent.objects.get(slug="vulnerability-analyst")
version = agent.versions.get(label="{label}")
texts = ("summary", "impact", "monitoring_plan", "rollback_plan")
said = dict.fromkeys(texts, "As before: the build is the same.")
changes.describe(actor=agent.owner, version=version, kinds=[ChangeKind.BEHAVIOUR], **said)
make_ready({{person.username: person for person in Person.objects.all()}}, agent, version)
"""
EDIT = """
from agents.models import Agent
from tests.governance.story import edit
agent = Agent.objects.get(slug="vulnerability-analyst")
edit(agent.owner, agent, purpose="Works through scanner reports and closes tickets by itself.")
"""


def submit_version(portal: Portal, page: Page, label: str) -> str:
    """Register the build that runs here under this label, and submit it; the address of the request."""
    page.goto("/admin/register-analyst/")
    page.get_by_label("Version").fill(label)
    for name in page.locator("input[type=radio]").evaluate_all(
        "all => [...new Set(all.map(one => one.name))]"
    ):
        page.locator(f"input[type=radio][name={name}]").nth(1).check()
    press(page, "Register")
    page.wait_for_url("**/agents/agent/**#checklist")
    ready = portal.installation.manage("shell", "-c", READY.format(label=label))
    assert ready.returncode == 0, ready.stdout + ready.stderr
    page.reload()
    press(page, "Submit it to the board")
    page.locator("#modal-content").get_by_role("button", name="Submit").click()
    page.wait_for_url("**/governance/approval/**")
    return page.url


def test_the_board_asks_for_changes_and_approves_what_was_mended(portal: Portal, picture: Picture) -> None:
    owner = portal.sign_in("olivia")
    asked = submit_version(portal, owner, "2.0.0")
    member = portal.sign_in("leo")
    open_waiting(member, re.compile("2\\.0\\.0$"))
    press(member, "Ask for changes")
    dialog = member.locator("#modal-content")
    dialog.get_by_role("button", name="Ask for changes").click()
    expect(dialog.get_by_label("Comment")).to_have_attribute("aria-invalid", "true")  # it needs one
    dialog.get_by_label("Comment").fill("Name the contract with the model's provider.")
    dialog.get_by_role("button", name="Ask for changes").click()
    expect(member.locator("#modal-content form")).to_have_count(0)
    owner.goto(asked)
    expect(owner.get_by_role("status").first).to_contain_text("Changes asked for")
    expect(owner.get_by_text("Name the contract with the model's provider.")).to_be_visible()
    picture(owner, "changes-asked-for")

    submit_version(portal, owner, "2.0.1")
    for username in BOARD:
        page = portal.sign_in(username)
        open_waiting(page, re.compile("2\\.0\\.1$"))
        approve(page, "Mended.")
    expect(page.get_by_text("Approved", exact=True).first).to_be_visible()
    promote(owner)


def test_an_edit_voids_and_is_put_back(portal: Portal, picture: Picture) -> None:
    owner = portal.sign_in("olivia")
    asked = submit_version(portal, owner, "2.1.0")
    edited = portal.installation.manage("shell", "-c", EDIT)
    assert edited.returncode == 0, edited.stderr
    owner.goto(asked)
    expect(owner.get_by_role("status").first).to_contain_text("Voided by an edit")
    owner.goto("/admin/agents/agent/")
    owner.get_by_role("link", name="Vulnerability analyst").first.click()
    expect(owner.get_by_role("status").first).to_contain_text("it may only read")
    expect(owner.locator("ins", has_text="closes tickets by itself")).to_be_visible()
    picture(owner, "edited")
    press(owner, "Put back what was approved")
    dialog = owner.locator("#modal-content")
    dialog.get_by_role("button", name="Put back").click()
    expect(owner.get_by_text("Put back: the agent is what the board approved.")).to_be_visible()
    expect(owner.get_by_text("it may only read")).to_have_count(0)
