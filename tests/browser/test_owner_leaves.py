"""The owner leaves, an administrator offers the agent, somebody accepts it: by clicking, start to end."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.conftest import Portal, served, watched
from tests.browser.test_sign_in import AGE_EVERY_PROOF
from tests.browser.usable import NARROW, WIDE, problems

pytestmark = pytest.mark.browser
Picture = Callable[[Page, str], None]
ADD_NORA = """
from agents.services import people
from audits.actor import Actor
people.add_person(
    actor=Actor.system("test"), username="nora", first_name="Nora", last_name="Next",
    email="nora@example.org", password=%r, groups=["Owners"],
)
"""


@pytest.fixture
def own(browser: Browser, tmp_path: Path) -> Iterator[Portal]:
    """An installation for this story alone: whoever leaves here is missed by no other test."""
    data = tmp_path / "own"
    data.mkdir()
    with served(browser, data) as portal, watched(portal):
        assert portal.installation.manage("shell", "-c", ADD_NORA % portal.password).returncode == 0
        yield portal


def press(page: Page, name: str) -> Locator:
    """Open an action of the page; its dialog."""
    page.get_by_role("link", name=re.compile(rf"(^|\s){re.escape(name)}$")).first.click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    return dialog


def problems_when_narrow(page: Page) -> list[str]:
    page.set_viewport_size({"width": NARROW, "height": 1000})
    found = problems(page)
    page.set_viewport_size({"width": WIDE, "height": 1000})
    return found


def test_an_owner_leaves_and_another_takes_over(own: Portal, picture: Picture) -> None:
    found = []
    ada = own.sign_in("ada")
    ada.goto("/admin/agents/person/")
    ada.get_by_role("link", name="olivia").first.click()
    ada.wait_for_url("**/person/**/change/")
    press(ada, "Deactivate").get_by_role("button", name="Deactivate").click()
    expect(ada.get_by_text("Deactivated.")).to_be_visible()

    ada.goto("/admin/waiting/")
    expect(ada.get_by_text("Find an owner")).to_be_visible()
    found += problems(ada)
    ada.get_by_role("link", name="Vulnerability analyst").first.click()
    ada.wait_for_url("**/agent/**/change/")
    agent = ada.url
    expect(ada.get_by_text("Without an owner since")).to_be_visible()
    found += problems(ada)
    picture(ada, "ownerless")
    offer = press(ada, "Offer to a new owner")
    offer.get_by_label("To").select_option(label="Nora Next")
    offer.get_by_label("Note").fill("You know it best.")
    found += problems(ada)
    offer.get_by_role("button", name="Offer").click()
    ada.wait_for_url("**/handover/**/change/")
    found += problems(ada)

    nora = own.sign_in("nora", dark=True)
    nora.goto("/admin/waiting/")
    expect(nora.get_by_text("Accept or decline")).to_be_visible()
    nora.get_by_role("link", name=re.compile("Vulnerability analyst to Nora")).first.click()
    nora.wait_for_url("**/handover/**/change/")
    handover = nora.url
    found += problems(nora)
    picture(nora, "handover")
    found += problems_when_narrow(nora)
    assert own.installation.manage("shell", "-c", AGE_EVERY_PROOF).returncode == 0
    confirm = press(nora, "Accept")
    expect(confirm).to_contain_text("fresh proof")
    confirm.get_by_role("link", name="Confirm that it is you").click()
    nora.get_by_label("Password").fill(own.password)
    nora.get_by_role("button", name="Confirm").click()
    nora.wait_for_url(f"{handover}#accept")
    nora.get_by_role("dialog").get_by_role("button", name="Accept").click()
    expect(nora.get_by_text("is yours")).to_be_visible()

    nora.goto(agent)
    expect(nora.get_by_text("Edited since the board approved it")).to_be_visible()
    expect(nora.get_by_text("Nora Next").first).to_be_visible()
    expect(nora.get_by_text("Without an owner since")).to_have_count(0)
    found += problems(nora)
    picture(nora, "taken-over")
    assert found == []
