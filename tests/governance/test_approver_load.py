"""Figures against approval fatigue: who has how much to decide, and how long they look at it."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from agents.choices import TokenScope
from agents.models import Agent, Person
from agents.services import api_tokens
from audits.actor import Actor
from governance import approver_load
from governance.approver_load import Load
from governance.choices import VoteChoice
from governance.models import Approval, ApprovalOpening
from governance.services import approval_openings
from tests.governance.story import approval_of, cast, events, request, resource

pytestmark = pytest.mark.django_db


def load_of(person: Person) -> Load:
    return next(load for load in approver_load.loads() if load.person == person)


def opens(person: Person, approval: Approval) -> Any:
    client = Client()
    client.force_login(person)
    address = reverse("admin:governance_approval_change", args=[approval.pk])
    assert client.get(address).status_code == 200
    return client


def after(monkeypatch: pytest.MonkeyPatch, seconds: int) -> None:
    later = timezone.now() + timedelta(seconds=seconds)
    monkeypatch.setattr(timezone, "now", lambda: later)


def test_opening_the_page_is_recorded_once(active_analyst: Agent, olivia: Person, sasha: Person) -> None:
    approval = approval_of(request(olivia, active_analyst, resource()))
    for _ in range(2):
        opens(sasha, approval)
    assert ApprovalOpening.objects.get(approval=approval).person == sasha
    told = events("approval.opened")
    assert [event.object for event in told] == [f"approval/{approval.pk}"]
    assert told[0].actor == f"person/{sasha.pk}"


def test_only_of_those_who_can_vote(
    active_analyst: Agent, olivia: Person, aude: Person, sasha: Person
) -> None:
    approval = approval_of(request(olivia, active_analyst, resource()))
    opens(olivia, approval)
    opens(aude, approval)
    cast(sasha, approval)
    opens(sasha, approval)
    assert not ApprovalOpening.objects.filter(approval=approval).exists()


def test_how_long_somebody_looked(
    active_analyst: Agent, olivia: Person, sasha: Person, enzo: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = load_of(sasha)
    approval = approval_of(request(olivia, active_analyst, resource()))
    assert load_of(sasha).pending == before.pending + 1
    opens(sasha, approval)
    opens(enzo, approval)
    after(monkeypatch, 4)
    cast(enzo, approval)
    after(monkeypatch, 60)
    cast(sasha, approval_of_last(approval), VoteChoice.REJECT)
    looked, hurried = load_of(sasha), load_of(enzo)
    assert looked.dwell_seconds == pytest.approx(64, abs=3)
    assert (looked.quick, hurried.quick) == (0, 1)
    assert looked.pending == before.pending
    assert looked.decided_month == looked.decided_week == before.decided_month + 1
    # One of two was a yes: the dossier of the agent was approved before.
    assert looked.approved_percent == 50
    assert looked.unopened == before.unopened
    assert [vote.person for vote in approver_load.quick_votes()] == [enzo]


def approval_of_last(approval: Approval) -> Approval:
    return Approval.objects.select_related("agent").get(pk=approval.pk)


def test_old_votes_are_left_out(
    active_analyst: Agent, sasha: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert load_of(sasha).decided_month == 1
    after(monkeypatch, 8 * 86400)
    assert (load_of(sasha).decided_week, load_of(sasha).decided_month) == (0, 1)
    after(monkeypatch, 25 * 86400)
    assert load_of(sasha).decided_month == 0


def test_the_page_and_the_api_say_the_same(
    active_analyst: Agent, olivia: Person, sasha: Person, aude: Person, oscar: Person
) -> None:
    approval = approval_of(request(olivia, active_analyst, resource()))
    assert approval_openings.record(actor=sasha, approval=approval)
    assert not approval_openings.record(actor=sasha, approval=approval)
    cast(sasha, approval)
    client = Client()
    client.force_login(aude)
    page = client.get(reverse("admin:approver_load")).content.decode()
    assert "Sasha Security" in page
    assert "Quick votes" in page
    _, secret = api_tokens.add(
        actor=Actor.system("test"), person=aude, name="x", scope=TokenScope.READ, authentication=None
    )
    told = Client().get("/api/v1/approver-load", headers={"Authorization": f"Bearer {secret}"})
    assert told.status_code == 200, told.content
    mine = next(row for row in told.json()["results"] if row["person"]["username"] == "sasha")
    assert (mine["quick"], mine["seat"]) == (1, "Security")
    client.force_login(oscar)
    assert client.get(reverse("admin:approver_load")).status_code == 403
