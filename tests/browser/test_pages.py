"""Every form and dialog, and where each role begins: nothing complains, and everybody can use it."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Portal
from tests.browser.usable import NARROW, WIDE, first_row, problems

pytestmark = pytest.mark.browser
# What each role begins with, and the forms that it may fill in.
START = ("", "waiting/", "my-sign-in/", "my-delegations/", "my-api-tokens/", "api-operations/")
FORMS = {
    "ada": ("agents/person/add/", "governance/seat/add/", "agents/agentpolicy/add/"),
    "olivia": (
        "register-analyst/",
        "governance/elevation/add/",
        "agents/agent/add/",
        "agents/agent/discover/",
        "agents/agent/import/",
        "agents/agentversion/add/",
        "agents/dependency/add/",
    ),
    "stella": ("agents/thirdparty/add/", "agents/tool/add/"),
    "sasha": (),
    "aude": ("audits/bundle/add/",),
}


@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_the_sign_in_says_what_was_wrong_and_keeps_the_name(portal: Portal, width: int) -> None:
    page = portal.open(width=width)
    found = problems(page)
    page.get_by_label("Username").fill("olivia")
    page.get_by_label("Password").fill("not the password")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_be_visible()
    expect(page.get_by_label("Username")).to_have_value("olivia")
    assert found + problems(page) == []


@pytest.mark.parametrize(
    ("dark", "width"), [(True, WIDE), (False, NARROW)], ids=["dark-wide", "light-narrow"]
)
@pytest.mark.parametrize("username", FORMS)
def test_where_each_role_begins_and_what_it_fills_in(
    portal: Portal,
    username: str,
    dark: bool,  # noqa: FBT001
    width: int,
) -> None:
    page = portal.sign_in(username, dark=dark, width=width)
    found = []
    for address in (*START, *FORMS[username]):
        response = page.goto(f"/admin/{address}")
        assert response
        assert response.status == 200, address
        found += problems(page)
    assert found == []


def test_a_form_keeps_what_was_typed_and_says_what_is_wrong(portal: Portal) -> None:
    page = portal.sign_in("ada")
    page.goto("/admin/agents/person/add/")
    page.get_by_label("Username").fill("mira")
    page.get_by_label("First name").fill("Mira")
    page.get_by_label("Password").fill("short")
    page.get_by_role("button", name="Add person").click()
    expect(page.get_by_label("Username")).to_have_value("mira")
    expect(page.get_by_label("First name")).to_have_value("Mira")
    last = page.get_by_label("Last name")
    expect(last).to_have_attribute("aria-invalid", "true")
    expect(last).to_have_accessible_description(re.compile("This field is required"))
    assert problems(page) == []


def tab_to(page: Page, wanted: Locator) -> None:
    """Press Tab until this has the focus, as somebody without a mouse does."""
    for _press in range(120):
        if wanted.evaluate("element => element === document.activeElement"):
            return
        page.keyboard.press("Tab")
    pytest.fail(f"Tab never reaches {wanted}")


def focus_in(page: Page, selector: str) -> bool:
    inside: bool = page.evaluate(f"document.querySelector('{selector}').contains(document.activeElement)")
    return inside


def ask(page: Page, finding: str) -> None:
    """The owner asks for write elevation, without a mouse; what is missing is said, what was typed stays."""
    page.goto("/admin/agents/proposedaction/")
    page.locator("#result_list tr", has_text=finding).first.get_by_role("link").first.click()
    tab_to(page, page.get_by_role("link", name="Request write elevation"))
    page.keyboard.press("Enter")
    page.wait_for_url("**/elevation/add/**")
    minutes = page.get_by_label("Minutes")
    minutes.fill("7")
    minutes.press("Enter")
    expect(page.get_by_label("What it is for")).to_have_attribute("aria-invalid", "true")
    expect(minutes).to_have_value("7")
    tab_to(page, page.get_by_label("What it is for"))
    page.keyboard.type("For the keyboard's sake.")
    tab_to(page, page.get_by_role("button", name="Request"))
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/governance/elevation/[0-9a-f-]{36}/"))
    expect(page.get_by_role("status").first).to_contain_text("Requested.")


def test_a_vote_is_cast_with_the_keyboard_alone(portal: Portal) -> None:
    """Asked for, opened, left, opened again, refused: the request ends, and nothing was written."""
    ask(portal.sign_in("olivia"), "CVE-2022-22965")
    page = portal.sign_in("sasha")
    page.goto("/admin/waiting/")
    request = page.get_by_role("link", name=re.compile("open_ticket")).first
    tab_to(page, request)
    page.keyboard.press("Enter")
    page.wait_for_url("**/governance/approval/**")
    found = []
    for verb in ("Approve", "Abstain", "Reject"):
        button = page.get_by_role("link", name=verb, exact=True)
        tab_to(page, button)
        page.keyboard.press("Enter")
        dialog = page.get_by_role("dialog")
        expect(dialog).to_be_visible()
        expect(dialog.get_by_role("button", name="Close")).to_be_focused()
        found += problems(page)
        for _press in range(6):
            page.keyboard.press("Tab")
            assert focus_in(page, "#page") is False
        page.keyboard.press("Escape")
        expect(dialog).to_be_hidden()
        expect(button).to_be_focused()
    page.keyboard.press("Enter")
    tab_to(page, page.get_by_label("Comment"))
    page.keyboard.type("Not now.")
    tab_to(page, page.get_by_role("dialog").get_by_role("button", name="Reject"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").first).to_contain_text("You voted in the seat Security: reject.")
    assert found + problems(page) == []


@pytest.mark.parametrize(
    ("username", "name", "verb"),
    [("olivia", "agents/run", "Run again"), ("ada", "governance/seat", "End seat")],
)
@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_a_dialog_is_readable_and_is_left_without_a_trace(
    portal: Portal, username: str, name: str, verb: str, width: int
) -> None:
    page = portal.sign_in(username, dark=width == NARROW, width=width)
    page.goto(f"/admin/{name}/")
    first_row(page, name)
    if width == NARROW:
        page.get_by_role("button", name="Actions").click()
    page.get_by_role("link", name=verb).click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    found = problems(page)
    dialog.get_by_role("button", name="Cancel").click()
    expect(dialog).to_be_hidden()
    assert found == []
