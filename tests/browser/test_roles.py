"""Giving an agent a role: what it gives and cannot give is seen before it is saved."""

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Portal, served, watched
from tests.browser.test_story import press
from tests.browser.usable import NARROW, WIDE, problems

pytestmark = pytest.mark.browser
Picture = Callable[[Page, str], None]
PREPARE = """
from agents.models import Person
from governance.choices import Sensitivity
from tests.governance import roles
stella = Person.objects.get(username="stella")
roles.catalogue(stella)
roles.resource(stella, "payroll", "table/payroll")
roles.resource(stella, "embargoed", "finding/embargoed", sensitivity=Sensitivity.RESTRICTED)
roles.role(
    stella, "triage", roles.conditional(roles.READS, ["within_task"]),
    roles.conditional(roles.ASKS, ["within_task", "sensitivity_at_most(internal)"]),
    {"resource": "payroll", "actions": ["read", "query"]},
)
"""


@pytest.fixture(scope="module")
def catalogued(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    """The demo's story, and a role that speaks of what its agent does."""
    with served(browser, tmp_path_factory.mktemp("catalogued"), PREPARE) as portal, watched(portal):
        yield portal


def test_what_a_role_gives_is_seen_before_it_is_assigned(catalogued: Portal, picture: Picture) -> None:
    found = []
    for dark in (True, False):
        for width in (NARROW, WIDE):
            page = catalogued.sign_in("stella", dark=dark, width=width)
            page.goto("/admin/governance/roleassignment/add/")
            page.get_by_label("Agent").fill("vulnerability-analyst")
            page.get_by_label("Role", exact=False).first.select_option("triage")
            page.get_by_label("Reason").fill("It looks through what scanners find.")
            press(page, "Look at what it gives")
            for words in ("Begins", "Ends", "No standing write", "The board did not approve it"):
                expect(page.get_by_text(words).first).to_be_visible()
            picture(page, f"assignment-{width}-{'dark' if dark else 'light'}")
            found += problems(page)
    press(page, "Assign exactly this")
    page.wait_for_url(re.compile(r"/roleassignment/[0-9a-f-]{36}/"))
    expect(page.get_by_text("holds triage. Below is what that gives it.")).to_be_visible()
    assert found + problems(page) == []
