"""An owner fills in a privacy assessment, somebody else signs it; an administrator looks before a change."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Portal
from tests.browser.test_story import press
from tests.browser.usable import NARROW, WIDE, problems

pytestmark = pytest.mark.browser
Picture = Callable[[Page, str], None]


def open_agent(page: Page) -> None:
    page.goto("/admin/agents/agent/")
    page.get_by_role("link", name="Vulnerability analyst").first.click()
    page.wait_for_url("**/agent/**/change/")


def fill_row(page: Page, **columns: str) -> None:
    """Fill the first empty row of the table that has these columns."""
    first = next(iter(columns))
    number = 1
    while page.get_by_label(f"{first}, row {number}", exact=True).input_value():
        number += 1
    for name, value in columns.items():
        cell = page.get_by_label(f"{name}, row {number}", exact=True)
        if cell.evaluate("cell => cell.tagName") == "SELECT":
            cell.select_option(value)
        else:
            cell.fill(value)


def test_an_owner_writes_and_another_person_signs(portal: Portal, picture: Picture) -> None:
    owner = portal.sign_in("olivia")
    open_agent(owner)
    picture(owner, "agent-assessed")
    owner.get_by_role("link", name=re.compile("Begin.*Privacy impact assessment")).click()
    owner.get_by_role("button", name="Begin").click()
    owner.wait_for_url("**/impactassessment/**/change/")
    document = owner.url
    owner.get_by_role("link", name=re.compile("Write$")).click()
    found = problems(owner)
    picture(owner, "assessment-form")
    owner.get_by_label("How much of it, and how often?").fill("Some hundred findings a day.")
    row = {"Short name": "Too much is kept", "How it comes about, and who notices": "Nobody deletes reports."}
    row |= {"What harm follows": "A leak is larger.", "Likelihood": "medium", "Overall": "high"}
    fill_row(owner, **row)
    owner.get_by_role("button", name="Save and read it").click()
    expect(owner.get_by_text("These are high and have no mitigation: Too much is kept.")).to_be_visible()
    owner.get_by_role("link", name=re.compile("Write$")).click()
    step = {"Risk": "Too much is kept", "Measure": "Reports go after two years."}
    fill_row(owner, **step, **{"Owner, by user name": "olivia", "Due": "2099-01-31"})
    owner.get_by_role("button", name="Save and read it").click()
    expect(owner.get_by_text("It is complete and waits for its signature.")).to_be_visible()
    expect(owner.get_by_role("link", name=re.compile("Sign$"))).to_have_count(0)

    signer = portal.sign_in("carla")
    signer.goto(document)
    expect(signer.get_by_role("heading", name=re.compile("What has changed since"))).to_be_visible()
    found += problems(signer)
    picture(signer, "assessment")
    press(signer, "Sign")
    signer.locator("#modal-content").get_by_role("button", name="Sign").click()
    expect(signer.get_by_role("heading", name="Signature")).to_be_visible()
    expect(signer.get_by_text("Carla Reyes, in the seat Compliance")).to_be_visible()
    assert found == []


@pytest.mark.parametrize(
    ("dark", "width"), [(True, WIDE), (False, NARROW)], ids=["dark-wide", "light-narrow"]
)
def test_everybody_can_use_the_pages(portal: Portal, picture: Picture, *, dark: bool, width: int) -> None:
    page = portal.sign_in("olivia", dark=dark, width=width)
    found = []
    for name in ("impactassessment", "mitigation", "riskassessment", "riskclass"):
        page.goto(f"/admin/governance/{name}/")
        found += problems(page)
        page.locator("#result_list tbody tr a").first.click()
        page.wait_for_url(re.compile(rf"/{name}/[^/]+/change/"))
        found += problems(page)
        picture(page, f"{name}-{width}")
    for name in ("impactassessment", "riskassessment"):
        page.goto(f"/admin/governance/{name}/add/")
        found += problems(page)
    assert found == []


def test_the_questionnaire_shows_what_follows(portal: Portal, picture: Picture) -> None:
    page = portal.sign_in("olivia")
    open_agent(page)
    page.get_by_role("link", name=re.compile("Assess the risk$")).click()
    expect(page.get_by_label("One team", exact=True)).to_be_visible()
    page.get_by_label("It acts by itself; nobody looks at single actions").check()
    page.get_by_role("button", name="Show what follows").click()
    expect(page.get_by_text("The register says something else.")).to_be_visible()
    picture(page, "risk-preview")
    assert problems(page) == []


def test_an_administrator_sees_whom_a_change_of_a_class_affects(portal: Portal, picture: Picture) -> None:
    page = portal.sign_in("ada")
    page.goto("/admin/governance/riskclass/medium/change/")
    page.get_by_role("link", name=re.compile("Change$")).click()
    found = problems(page)
    page.get_by_label("An assessment is fresh for").fill("200")
    page.get_by_role("button", name="Show whom it affects").click()
    expect(page.get_by_role("heading", name=re.compile("Whom it affects"))).to_be_visible()
    expect(page.get_by_role("link", name="Vulnerability analyst")).to_be_visible()
    picture(page, "class-preview")
    assert found + problems(page) == []
