"""What waits for an owner, for the board and for an administrator: said in words, and usable by everybody."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Portal, served, watched
from tests.browser.usable import NARROW, WIDE, problems

pytestmark = pytest.mark.browser
Picture = Callable[[Page, str], None]
PREPARE = """
from datetime import timedelta
from django.utils import timezone
from agents.analyst import provenance
from agents.models import Agent, Person
from agents.services import register, third_parties
from governance.choices import AssessmentKind
from governance.models import Decision, Grant
from governance.services import risk, shrinkings
from tests.governance import papers, policing
from tests.governance.story import without_triggers
olivia, sasha, ada = (Person.objects.get(username=name) for name in ("olivia", "sasha", "ada"))
agent = register.register_agent(
    actor=olivia, slug="invoice-helper", name="Invoice helper", purpose="Sorts invoices.",
    business_unit="Security operations", owner=olivia, problem_class="security-analysis",
    data_categories=["invoices"], monitoring_plan="Refused calls a day; the owner looks each morning.",
)
register.add_version(actor=olivia, agent=agent, label="1.0.0", provenance=provenance.current())
risk.assess(actor=olivia, agent=agent, answers={one.id: one.options[1].id for one in risk.QUESTIONS})
plan = [papers.step(olivia, "Prompt injection by invoices", 3)]
papers.sign(sasha, papers.filled(olivia, agent, AssessmentKind.SECURITY, plan))
papers.filled(olivia, agent, AssessmentKind.SECURITY_CHECKLIST)
analyst = Agent.objects.get(slug="vulnerability-analyst")
register.amend(actor=analyst.owner, agent=analyst, changes={"purpose": "Works through reports, and more."})
third_parties.add(actor=ada, slug="late", facts=third_parties.Facts(
    name="Late Ltd", provides="Invoices.", jurisdictions=["DE"],
    assess_again_by=timezone.localdate() - timedelta(days=9),
))
lookups = Grant.objects.filter(action="get_vulnerability_info", ends_at=None)
with without_triggers():
    lookups.update(starts_at=timezone.now() - timedelta(days=100))
    Decision.objects.update(decided_at=timezone.now() - timedelta(days=95))
shrinkings.propose(actor=ada, grant=lookups.get())
policing.proposed()
"""
WAITS = {
    "olivia": (
        "Gates to sign",
        "Edited since approval",
        "Mitigations I promised",
        "Own drafts",
        "Unused grants to shrink",
    ),
    "sasha": ("Gates to sign", "Assessments to sign", "Policies to approve"),
    "ada": ("Third parties overdue",),
}


@pytest.fixture(scope="module")
def prepared(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    """The demo's story, and an agent on its way to the board."""
    with served(browser, tmp_path_factory.mktemp("prepared"), PREPARE) as portal, watched(portal):
        yield portal


@pytest.mark.parametrize("username", WAITS)
def test_everybody_sees_what_waits_for_them_and_can_use_it(
    prepared: Portal, picture: Picture, username: str
) -> None:
    found = []
    for dark in (False, True):
        for width in (WIDE, NARROW):
            page = prepared.sign_in(username, dark=dark, width=width)
            page.goto("/admin/waiting/")
            for title in WAITS[username]:
                expect(page.get_by_role("heading", name=title)).to_be_visible()
            picture(page, f"waiting-{username}-{width}-{'dark' if dark else 'light'}")
            found += problems(page)
    assert found == []


def test_a_draft_leads_to_its_checklist_and_from_there_to_what_is_signed(prepared: Portal) -> None:
    page = prepared.sign_in("olivia")
    page.goto("/admin/waiting/")
    page.locator("#drafts").get_by_role("link", name="Invoice helper").first.click()
    expect(page.get_by_role("heading", name="Deployment checklist of 1.0.0")).to_be_visible()
    page.goto("/admin/waiting/")
    page.locator("#gates").get_by_role("link", name="Post deployment").first.click()
    expect(page.get_by_role("button", name="Sign")).to_be_visible()
