"""The register by hand: an owner registers an agent, adds a version and edits the entry."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Portal
from tests.browser.test_story import press
from tests.browser.usable import problems

pytestmark = pytest.mark.browser
Picture = Callable[[Page, str], None]
MANIFEST = "- name: read_invoice\n  access: read\n  resource: invoice/{invoice_id}\n"


def test_an_owner_registers_an_agent_adds_a_version_and_edits_the_entry(
    portal: Portal, picture: Picture
) -> None:
    page = portal.sign_in("olivia")
    page.goto("/admin/agents/agent/add/")
    page.get_by_label("Slug").fill("invoice-helper")
    page.get_by_label("Name", exact=False).first.fill("Invoice helper")
    page.get_by_label("Purpose").fill("Reads invoices and drafts the answers.")
    page.get_by_label("Business unit").fill("Finance")
    page.get_by_label("Environment").select_option("test")
    page.get_by_label("It advises; people act").check()
    page.get_by_label("Jurisdictions").fill("Germany")
    page.get_by_label("GDPR").check()
    found = problems(page)
    press(page, "Register")
    expect(page.get_by_text("no ISO 3166-1 alpha-2 code")).to_be_visible()
    expect(page.get_by_label("Purpose")).to_have_value("Reads invoices and drafts the answers.")
    picture(page, "register")
    page.get_by_label("Jurisdictions").fill("DE, us")
    press(page, "Register")
    page.wait_for_url(re.compile(r"/agents/agent/[0-9a-f-]{36}/"))
    agent = page.url
    expect(page.get_by_text("It may do nothing yet")).to_be_visible()
    expect(page.get_by_text("US United States")).to_be_visible()

    press(page, "Add a version")
    page.get_by_label("Version", exact=False).first.fill("1.0.0")
    page.get_by_label("Model provider").fill("openai")
    page.get_by_label("Model name").fill("some-model")
    page.get_by_label("System prompt").fill("You read invoices.")
    page.get_by_label("Tool manifest").fill(MANIFEST.replace("read\n", "admin\n", 1))
    press(page, "Add version")
    expect(page.get_by_text("entry 1 (read_invoice), access")).to_be_visible()
    found += problems(page)
    page.get_by_label("Tool manifest").fill(MANIFEST)
    press(page, "Add version")
    page.wait_for_url(re.compile(r"/agents/agentversion/[0-9a-f-]{36}/"))
    expect(page.get_by_text("read_invoice").first).to_be_visible()
    found += problems(page)
    press(page, "Derive a new version from this one")
    expect(page.get_by_label("Model provider")).to_have_value("openai")

    page.goto(agent)
    press(page, "Edit the entry")
    page.get_by_label("Runbook").fill("Stop it, then call Olivia.")
    press(page, "Save")
    page.wait_for_url(agent)
    picture(page, "register-agent")
    page.get_by_text("Read the runbook").click()
    expect(page.get_by_text("Stop it, then call Olivia.").first).to_be_visible()
    assert found + problems(page) == []


def test_who_edits_what_the_board_approved_is_told_what_follows(portal: Portal, picture: Picture) -> None:
    page = portal.sign_in("olivia")
    page.goto("/admin/agents/agent/")
    page.get_by_role("link", name="Vulnerability analyst").first.click()
    press(page, "Edit the entry")
    expect(page.get_by_role("heading", name="The board has approved this entry")).to_be_visible()
    assert problems(page) == []
    picture(page, "register-edit")


def test_a_file_is_shown_before_it_is_imported(portal: Portal, picture: Picture, tmp_path: Path) -> None:
    page = portal.sign_in("olivia")
    page.goto("/admin/agents/agent/import/")
    path = tmp_path / "register.csv"
    path.write_text("slug,name,purpose,business_unit\nleave-helper,Leave helper,Answers.,HR\nbad,,,HR\n")
    page.get_by_label("CSV or YAML file").set_input_files(path)
    press(page, "Look at the file")
    expect(page.get_by_text("Nothing can be imported")).to_be_visible()
    found = problems(page)
    path.write_text("slug,name,purpose,business_unit\nleave-helper,Leave helper,=1+1,HR\n")
    page.get_by_label("CSV or YAML file").set_input_files(path)
    press(page, "Look at the file")
    expect(page.get_by_text("1 registered")).to_be_visible()
    found += problems(page)
    picture(page, "register-import")
    press(page, "Import exactly this")
    page.wait_for_url("**/agents/agent/")
    expect(page.get_by_text("Imported: 1 registered")).to_be_visible()
    assert found + problems(page) == []
    picture(page, "register-list")


def test_the_agent_policy_is_read_by_owners(portal: Portal, picture: Picture) -> None:
    page = portal.sign_in("olivia")
    page.goto("/admin/agents/agentpolicy/")
    expect(page.get_by_role("heading", name="What counts now")).to_be_visible()
    assert problems(page) == []
    picture(page, "register-policy")
