"""The containment page as somebody sees it in an incident: words and colours, with and without scripts."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Portal
from tests.browser.usable import NARROW, WIDE, problems

pytestmark = pytest.mark.browser
PAGE = "/admin/containment-state/"
POINTS = ("billing-gateway", "crm-gateway", "mail-proxy", "old-gateway", "search-api", "wiki-plugin")
SET_UP = (
    f"POINTS = {POINTS!r}"
    """
import httpx2
from datetime import timedelta
from django.utils import timezone
from agents import outbound
from agents.choices import FreezeReason
from agents.models import Agent
from agents.services import lifecycle
from audits.actor import Actor
from governance.models import EnforcementPoint
from governance.services import enforcement_points, probes, revocation_feed
ME = Actor.system("test")
points = {name: enforcement_points.add(actor=ME, name=name)[0] for name in POINTS}
def follow(name):
    page = revocation_feed.read(actor=points[name], since=0)
    revocation_feed.acknowledge(actor=points[name], number=page.current)
def probe(name, status, mode="asks"):
    enforcement_points.declare(actor=ME, point=points[name], mode=mode, probe_url="https://crm.example.org/")
    with outbound.replaced_by(httpx2.MockTransport(lambda _: httpx2.Response(status))):
        probes.probe(actor=ME, point=points[name])
probe("mail-proxy", 401)
probe("wiki-plugin", 200)
follow("old-gateway")
follow("billing-gateway")
lifecycle.freeze(actor=ME, agent=Agent.objects.get(slug="vulnerability-analyst"), reason=FreezeReason.REVIEW)
follow("crm-gateway")
EnforcementPoint.objects.filter(name="old-gateway").update(asked_at=timezone.now() - timedelta(hours=1))
"""
)
TEAR_DOWN = (
    f"POINTS = {POINTS!r}"
    """
from agents.models import Agent
from agents.services import lifecycle
from audits.actor import Actor
from governance.models import EnforcementPoint
from governance.services import enforcement_points
for point in EnforcementPoint.objects.filter(revoked_at__isnull=True, name__in=POINTS):
    enforcement_points.revoke(actor=Actor.system("test"), point=point)
agent = Agent.objects.get(slug="vulnerability-analyst")
lifecycle.attest(actor=agent.owner, agent=agent, statement="It is still true.")
"""
)


def run(portal: Portal, script: str) -> None:
    done = portal.installation.manage("shell", "--no-imports", "-c", script)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def incident(told: Portal) -> Iterator[None]:
    """The analyst is frozen, and six enforcement points have reacted each in its own way."""
    run(told, SET_UP)
    yield
    run(told, TEAR_DOWN)


def states(page: Page) -> dict[str, str]:
    """In which state each of the points of this story is shown; the demo has others."""
    rows = page.locator("#points tbody tr").all()
    cells = [row.locator("td").all_inner_texts() for row in rows]
    return {name: state.strip().upper() for name, state, *_ in cells if name in POINTS}


@pytest.mark.parametrize(
    ("dark", "width"), [(False, WIDE), (True, WIDE), (False, NARROW)], ids=["light", "dark", "narrow"]
)
def test_who_has_confirmed_is_told_in_words(
    portal: Portal,
    incident: None,
    picture: Callable[[Page, str], None],
    dark: bool,  # noqa: FBT001
    width: int,
) -> None:
    page = portal.sign_in("ada", dark=dark, width=width)
    page.goto(PAGE)
    analyst = page.locator("#agents tbody tr", has_text="vulnerability-analyst")
    expect(analyst).to_contain_text("Not contained")
    assert states(page) == {
        "billing-gateway": "BEHIND",
        "crm-gateway": "ACKNOWLEDGED",
        "mail-proxy": "ASKS EACH TIME, AS DECLARED",
        "old-gateway": "STALE",
        "search-api": "NEVER ASKED",
        "wiki-plugin": "LETS THROUGH",
    }
    picture(page, f"containment-state-{'dark' if dark else 'light'}-{width}")
    assert problems(page) == []


def test_it_looks_again_by_itself_until_told_not_to(portal: Portal, incident: None) -> None:
    page = portal.sign_in("ada")
    page.goto(PAGE)
    rows = page.locator("#points tbody tr")
    expect(rows.first).to_be_visible()
    before = rows.count()
    assert portal.installation.manage("enforcement_point", "add", "another").returncode == 0
    expect(rows).to_have_count(before + 1)
    expect(rows.first).to_contain_text("Never asked")
    page.get_by_label("Look again every 2 seconds").uncheck()
    assert portal.installation.manage("enforcement_point", "revoke", "another").returncode == 0
    page.wait_for_timeout(2_500)
    expect(rows).to_have_count(before + 1)


def test_without_scripts_the_page_is_whole(portal: Portal, incident: None) -> None:
    portal.sign_in("ada")
    context = portal.browser.new_context(
        base_url=portal.address, java_script_enabled=False, storage_state=portal.signed_in["ada"]
    )
    page = context.new_page()
    page.goto(f"{PAGE}?state=unconfirmed")
    assert set(states(page)) == {"billing-gateway", "old-gateway", "search-api", "wiki-plugin"}
    expect(page.get_by_text("Look again every 2 seconds")).to_be_hidden()
    context.close()
