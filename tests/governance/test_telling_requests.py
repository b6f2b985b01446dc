"""Who is told of policies, requests to unfreeze and proposals to shrink, and who is not."""

from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from agents.choices import DeliveryChannel
from agents.models import Agent, Delivery, Notification, Person
from governance.models import Grant, Unfreeze
from governance.services import board, containments, policies, shrinkings, unfreezing
from portal import links
from tests.conftest import SEATS
from tests.governance import policing
from tests.governance.containing import ask_back, confirm, freeze
from tests.governance.story import tamper
from tests.governance.test_admin import sign_in
from tests.governance.test_shrinking import aged
from tests.governance.test_telling_work import told, unread

pytestmark = pytest.mark.django_db
ASKED = "You are asked whether vulnerability-analyst goes on"


def calls() -> list[tuple[str, str | None]]:
    """What the webhook is told, in order: kind, and of which agent."""
    rows = Delivery.objects.filter(channel=DeliveryChannel.WEBHOOK).order_by("pk")
    return [(row.content["kind"], row.content["agent"]) for row in rows]


# --- Policies -----------------------------------------------------------------------------------
def test_a_proposed_policy_version_is_told_to_who_may_vote_and_its_end_to_who_asked(
    ada: Person, sasha: Person, carla: Person
) -> None:
    policing.active()
    version = policing.proposed()
    title = "Your vote is asked for on the policies cedar/2"
    assert {name: titles[-1] for name, titles in told("approval_requested").items()} == {
        "sasha": title,
        "carla": title,
    }
    policing.vote(sasha, version)
    assert unread("approval_requested") == {"carla"}
    policing.vote(carla, version)
    assert unread("approval_requested") == set()
    assert told("policy_decided") == {"ada": ["The policies cedar/1: active", "The policies cedar/2: active"]}


def test_a_rejected_version_is_told_and_one_that_was_never_proposed_is_not(
    ada: Person, sasha: Person, carla: Person
) -> None:
    policing.active()
    policing.vote(sasha, policing.proposed(), "reject")
    assert told("policy_decided")["ada"][-1] == "The policies cedar/2: withdrawn"
    assert unread("approval_requested") == set()
    policies.withdraw(actor=ada.actor, version=policing.valid(), reason="Not needed.")
    assert len(told("policy_decided")["ada"]) == 2


# --- Requests to unfreeze -----------------------------------------------------------------------
def test_a_request_to_unfreeze_is_told_to_who_may_confirm_it(
    settings: Any, active_analyst: Agent, *, olivia: Person, ada: Person, sasha: Person, carla: Person
) -> None:
    settings.NOTIFY_WEBHOOK = "https://hooks.example.org/countersign"
    asked = ask_back(carla, freeze(olivia, active_analyst))
    assert set(told("unfreeze_requested")) == {"ada", *SEATS} - {"carla"}
    assert told("unfreeze_requested")["sasha"] == [ASKED]
    row = Notification.objects.filter(kind="unfreeze_requested")[0]
    assert (row.asked_by, row.due_at) == (carla, asked.expires_at)
    confirm(sasha, asked)
    assert unread("unfreeze_requested") == set()
    ended = "The request to unfreeze vulnerability-analyst: confirmed"
    assert told("unfreeze_ended") == {name: [ended] for name in ("carla", "olivia", "daniel")}
    assert calls()[-2:] == [
        ("unfreeze_requested", "vulnerability-analyst"),
        ("unfreeze_ended", "vulnerability-analyst"),
    ]


def test_who_answers_for_it_or_has_left_is_not_asked(
    active_analyst: Agent, olivia: Person, ada: Person, sasha: Person, carla: Person
) -> None:
    active_analyst.deputies.add(sasha)
    tamper(Person.objects.filter(pk=ada.pk), is_active=False)
    ask_back(olivia, freeze(olivia, active_analyst))
    assert set(told("unfreeze_requested")) == {*SEATS} - {"sasha"}


def test_who_takes_a_seat_is_asked_too(
    active_analyst: Agent, olivia: Person, ada: Person, oscar: Person
) -> None:
    ask_back(olivia, freeze(olivia, active_analyst))
    policing.active()
    version = policing.proposed()
    board.assign_seat(actor=ada, person=oscar, discipline=SEATS["leo"])
    assert told("unfreeze_requested")["oscar"] == [ASKED]
    assert told("approval_requested")["oscar"] == [f"Your vote is asked for on the policies {version.label}"]


def test_all_of_an_owner_and_everything_are_named(olivia: Person, ada: Person, sasha: Person) -> None:
    owner = containments.freeze_owner(actor=sasha, owner=olivia, reason="It looks wrong.")
    ask_back(sasha, owner)
    ask_back(ada, containments.freeze_everything(actor=ada, reason="It looks wrong."))
    assert told("unfreeze_requested") == {
        "ada": ["You are asked whether what olivia owns goes on"],
        "sasha": ["You are asked whether everything goes on"],
    }


@pytest.mark.parametrize("how", ["declined", "expired"])
def test_a_request_that_ends_otherwise_is_told_and_asks_nobody(
    how: str, active_analyst: Agent, olivia: Person, sasha: Person
) -> None:
    asked = ask_back(olivia, freeze(olivia, active_analyst))
    if how == "declined":
        unfreezing.decline(actor=sasha, unfreeze=asked, reason="Not yet.")
    else:
        tamper(Unfreeze.objects.filter(pk=asked.pk), expires_at=timezone.now() - timedelta(minutes=1))
        unfreezing.sweep()
    assert unread("unfreeze_requested") == set()
    assert told("unfreeze_ended")["olivia"] == [f"The request to unfreeze vulnerability-analyst: {how}"]


# --- Proposals to shrink ------------------------------------------------------------------------
def test_a_proposal_to_shrink_is_told_to_the_owners_side_and_its_end_to_who_proposed_it(
    settings: Any, active_analyst: Agent, *, olivia: Person, daniel: Person, ada: Person, sasha: Person
) -> None:
    settings.NOTIFY_WEBHOOK = "https://hooks.example.org/countersign"
    proposal = shrinkings.propose(actor=sasha, grant=aged())
    title = ["A grant of vulnerability-analyst is proposed to shrink: confirm or decline"]
    assert told("shrink_proposed") == {"olivia": title, "daniel": title}
    shrinkings.carry_out(actor=olivia, proposal=proposal)
    assert unread("shrink_proposed") == set()
    title = ["The proposal to shrink a grant of vulnerability-analyst: confirmed"]
    assert told("shrink_decided") == {"sasha": title, "daniel": title}
    assert calls()[-2:] == [
        ("shrink_proposed", "vulnerability-analyst"),
        ("shrink_decided", "vulnerability-analyst"),
    ]


def test_a_deputy_who_proposes_it_is_not_told_and_an_agent_without_owner_is_the_administrators(
    active_analyst: Agent, olivia: Person, daniel: Person, ada: Person
) -> None:
    shrinkings.decline(
        actor=olivia, proposal=shrinkings.propose(actor=daniel, grant=aged()), reason="For the yearly audit."
    )
    assert set(told("shrink_proposed")) == {"olivia"}
    assert told("shrink_decided") == {
        "daniel": ["The proposal to shrink a grant of vulnerability-analyst: declined"]
    }
    tamper(Agent.objects.filter(pk=active_analyst.pk), ownerless_at=timezone.now())
    shrinkings.propose(actor=daniel, grant=Grant.objects.get(pk=aged().pk))
    assert set(told("shrink_proposed")) == {"olivia", "ada"}


# --- Where they lead ----------------------------------------------------------------------------
def test_each_leads_to_the_page_where_it_is_decided(
    active_analyst: Agent, olivia: Person, ada: Person, sasha: Person
) -> None:
    frozen = freeze(olivia, active_analyst)
    ask_back(olivia, frozen)
    proposal = shrinkings.propose(actor=ada, grant=aged())
    version = policing.proposed()
    places = {
        (sasha, "unfreeze_requested"): reverse("admin:governance_containment_change", args=[frozen.pk]),
        (olivia, "shrink_proposed"): reverse("admin:governance_shrinking_change", args=[proposal.pk]),
        (sasha, "approval_requested"): reverse("admin:governance_policyversion_change", args=[version.pk]),
    }
    for (person, kind), place in places.items():
        row = Notification.objects.filter(person=person, kind=kind).latest("created_at")
        assert links.path(kind=row.kind, reference=row.reference) == place
        assert sign_in(person).get(place).status_code == 200
