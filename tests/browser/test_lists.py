"""Every list and one page of each kind: nothing complains, and everybody can use it."""

import pytest

from tests.browser.conftest import Portal
from tests.browser.usable import NARROW, WIDE, first_row, oddities, problems

pytestmark = pytest.mark.browser
LISTS = (
    "agents/agent",
    "agents/agentversion",
    "agents/run",
    "agents/report",
    "agents/finding",
    "agents/proposedaction",
    "agents/ticket",
    "agents/vulnerability",
    "agents/credential",
    "agents/modelturn",
    "agents/person",
    "agents/session",
    "agents/delegation",
    "agents/agentinstance",
    "agents/secretreference",
    "agents/egresspolicy",
    "agents/egressattempt",
    "governance/approval",
    "governance/elevation",
    "governance/seat",
    "governance/riskclass",
    "governance/riskassessment",
    "governance/grant",
    "governance/decision",
    "governance/containment",
    "governance/enforcementpoint",
    "governance/policyversion",
    "governance/agentrole",
    "governance/roleassignment",
    "governance/resource",
    "audits/event",
    "audits/checkpoint",
    "audits/bundle",
)

# Pages that are no list, and a list that is empty as long as there was no emergency (`test_emergency`).
MORE = ("containment-state", "governance/breakglass", "approver-load")


@pytest.mark.parametrize(
    ("dark", "width"), [(False, WIDE), (True, NARROW)], ids=["light-wide", "dark-narrow"]
)
def test_every_list_and_its_first_page(portal: Portal, dark: bool, width: int) -> None:  # noqa: FBT001
    page = portal.sign_in("aude", dark=dark, width=width)
    # axe takes a second a page: it reads the lists where it is light and the rows where it is dark.
    of_list, of_row = (oddities, problems) if dark else (problems, oddities)
    found = []
    for name in LISTS:
        page.goto(f"/admin/{name}/?waiting=all" if name == "governance/approval" else f"/admin/{name}/")
        found += of_list(page)
        found += of_row(first_row(page, name))
    for name in MORE:
        page.goto(f"/admin/{name}/")
        found += problems(page)
    assert found == []
