"""Signing in with a browser: every page of it, a security key, and coming back after confirming."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Portal
from tests.browser.usable import NARROW, WIDE, problems

pytestmark = pytest.mark.browser
WHILE_SIGNED_IN = (
    "second-factor/app/add/",
    "second-factor/keys/add/",
    "second-factor/needed/",
    "confirm/password/?next=/admin/",
    "sign-out/",
)
OPEN_TO_ALL = ("", "sign-up/", "inactive/", "provider/cancelled/")
AGE_EVERY_PROOF = """
from django.contrib.sessions.models import Session
for row in Session.objects.all():
    data = row.get_decoded()
    for record in data.get("account_authentication_methods", []):
        record["at"] -= 7200
    row.session_data = Session.get_session_store_class()().encode(data)
    row.save()
"""

# A person of this file's own: whoever has a second factor is asked for it in every later test.
ADD_KEIRA = """
from agents.services import people
from audits.actor import Actor
people.add_person(
    actor=Actor.system("test"), username="keira", first_name="Keira", last_name="Key",
    email="keira@example.org", password=%r, groups=["Board"],
)
"""


@pytest.fixture
def key(portal: Portal) -> Page:
    """A window on `localhost` with a security key in it: browsers take keys on names, not on addresses."""
    page = portal.open()
    page.goto(portal.address.replace("127.0.0.1", "localhost") + "/admin/")
    device = page.context.new_cdp_session(page)
    device.send("WebAuthn.enable")
    device.send(
        "WebAuthn.addVirtualAuthenticator",
        {
            "options": {
                "protocol": "ctap2",
                "transport": "usb",
                "hasUserVerification": True,
                "isUserVerified": True,
                "automaticPresenceSimulation": True,
            }
        },
    )
    return page


def sign_in(page: Page, username: str, password: str) -> None:
    page.get_by_label("Username").fill(username)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


def test_failures_are_seen_by_an_administrator_who_can_lift_them(portal: Portal) -> None:
    stranger = portal.open()
    sign_in(stranger, "nobody-here", "not a password")
    page = portal.sign_in("ada")
    page.goto("/admin/agents/lockout/")
    found = problems(page)
    row = page.locator("#result_list tr", has_text="unknown:").first
    expect(row).not_to_contain_text("nobody-here")
    row.get_by_role("link").first.click()
    page.get_by_role("link", name=re.compile("Lift$")).click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    found += problems(page)
    dialog.get_by_role("button", name="Lift").click()
    page.wait_for_url("**/admin/agents/lockout/")
    expect(page.get_by_role("status").first).to_contain_text("Lifted.")
    assert found == []


@pytest.mark.parametrize(("dark", "width"), [(False, WIDE), (True, NARROW)], ids=["light", "dark-narrow"])
def test_every_page_of_the_sign_in(portal: Portal, dark: bool, width: int) -> None:  # noqa: FBT001
    stranger = portal.open(dark=dark, width=width)
    found = []
    for address in OPEN_TO_ALL:
        stranger.goto(f"/sign-in/{address}")
        found += problems(stranger)
    page = portal.sign_in("petra", dark=dark, width=width)
    for address in WHILE_SIGNED_IN:
        page.goto(f"/sign-in/{address}")
        found += problems(page)
    assert found == []


def test_the_headers_forbid_what_a_page_does_not_need(portal: Portal) -> None:
    page = portal.open()
    response = page.goto("/sign-in/")
    assert response
    policy = response.headers["content-security-policy"]
    scripts = re.search(r"script-src ([^;]*)", policy)
    assert scripts
    assert scripts[1] == "'self'"
    for rule in ("frame-ancestors 'none'", "form-action 'self'", "base-uri 'none'", "object-src 'none'"):
        assert rule in policy
    assert "camera=()" in response.headers["permissions-policy"]


def test_a_security_key_is_added_signs_in_and_is_asked_for(key: Page, portal: Portal) -> None:
    assert portal.installation.manage("shell", "-c", ADD_KEIRA % portal.password).returncode == 0
    sign_in(key, "keira", portal.password)
    key.wait_for_url("**/admin/")
    key.goto(key.url.replace("/admin/", "/sign-in/second-factor/keys/add/"))
    key.get_by_label("Name").fill("Blue key")
    key.get_by_role("button", name="Add this key").click()
    expect(key.get_by_role("heading", name="Recovery codes")).to_be_visible()
    found = problems(key)
    key.get_by_role("link", name="Done").click()
    expect(key.get_by_role("cell", name="Blue key", exact=True)).to_be_visible()
    found += problems(key)
    key.goto(key.url.replace("/admin/my-sign-in/", "/sign-in/sign-out/"))
    key.get_by_role("button", name="Sign out").click()
    key.goto(key.url.partition("/sign-in")[0] + "/sign-in/")
    sign_in(key, "keira", portal.password)
    expect(key.get_by_role("heading", name="Your second factor")).to_be_visible()
    found += problems(key)
    key.get_by_role("button", name="Use your security key").click()
    key.wait_for_url("**/admin/")
    assert portal.installation.manage("shell", "-c", AGE_EVERY_PROOF).returncode == 0
    portal.signed_in.clear()
    key.goto(key.url.replace("/admin/", "/sign-in/confirm/?next=/admin/waiting/"))
    found += problems(key)
    key.get_by_role("button", name="Use your security key").click()
    key.wait_for_url("**/admin/waiting/")
    assert found == []


def test_confirming_leads_back_to_the_same_dialog_with_what_was_typed(portal: Portal) -> None:
    page = portal.sign_in("ada")
    page.goto("/admin/governance/seat/")
    page.locator("#result_list tbody a").first.click()
    page.wait_for_url("**/seat/**/change/")
    seat = page.url
    assert portal.installation.manage("shell", "-c", AGE_EVERY_PROOF).returncode == 0
    portal.signed_in.clear()
    page.get_by_role("link", name=re.compile("End seat$")).click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("fresh proof")
    found = problems(page)
    dialog.get_by_role("link", name="Confirm that it is you").click()
    page.get_by_label("Password").fill(portal.password)
    page.get_by_role("button", name="Confirm").click()
    page.wait_for_url(f"{seat}#end_seat")
    expect(page.get_by_role("dialog")).to_contain_text("The person can no longer vote.")
    assert found == []
