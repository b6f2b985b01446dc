"""Who is told of owners, releases, signatures, assessments, mitigations and reviews, and who is not."""

from datetime import date, timedelta

import pytest
from django.utils import timezone

from agents.analyst import provenance
from agents.choices import DeliveryChannel, DeliveryState
from agents.models import Agent, AgentVersion, Delivery, Notification, Person
from agents.services import handovers, lifecycle, notifications, people, register
from governance.choices import AssessmentKind, Gate, RiskLevel
from governance.models import Approval, Mitigation, Release, RiskClass
from governance.risk_selectors import figures_of
from governance.services import (
    approvals,
    assessments,
    dossiers,
    due_dates,
    gates,
    releases,
    reviews,
    risk,
    risk_classes,
    risk_overrides,
)
from tests.conftest import ANSWERS
from tests.governance import papers, ready
from tests.governance.story import cast, describe, edit, tamper
from tests.portal import work
from tests.signing_in import proof

pytestmark = pytest.mark.django_db


def told(kind: str) -> dict[str, list[str]]:
    """Titles by user name."""
    found: dict[str, list[str]] = {}
    for row in Notification.objects.filter(kind=kind).select_related("person").order_by("pk"):
        found.setdefault(row.person.username, []).append(row.title)
    return found


def unread(kind: str) -> set[str]:
    rows = Notification.objects.filter(kind=kind, read_at__isnull=True)
    return set(rows.values_list("person__username", flat=True))


# --- Owners -----------------------------------------------------------------------------------
def test_an_offer_and_its_answers(active_analyst: Agent, olivia: Person, oscar: Person, aude: Person) -> None:
    offer = handovers.offer(actor=olivia, agent=active_analyst, to=oscar, note=work.HOSTILE)
    assert told("handover_offered") == {"oscar": ["You are asked to own vulnerability-analyst"]}
    handovers.decline(actor=oscar, handover=offer, reason=work.HOSTILE)
    assert unread("handover_offered") == set()
    assert told("handover_ended") == {"olivia": ["Your offer of vulnerability-analyst: declined"]}
    offer = handovers.offer(actor=olivia, agent=active_analyst, to=aude)
    handovers.accept(actor=aude, handover=offer, authentication=proof(aude))
    assert told("handover_ended")["olivia"][1] == "Your offer of vulnerability-analyst: accepted"


def test_a_lost_owner_is_told_to_those_who_can_do_something(
    active_analyst: Agent, *, olivia: Person, oscar: Person, stella: Person, ada: Person, aude: Person
) -> None:
    edit(olivia, active_analyst, sponsor=oscar)
    people.deactivate(actor=ada.actor, person=olivia)
    title = ["vulnerability-analyst has no owner any more"]
    assert told("agent_ownerless") == {"daniel": title, "oscar": title, "stella": title}
    offer = handovers.offer(actor=stella, agent=active_analyst, to=aude)
    handovers.accept(actor=aude, handover=offer, authentication=proof(aude))
    assert unread("agent_ownerless") == set()


def test_an_edit_is_told_once_and_putting_it_back(
    active_analyst: Agent, olivia: Person, daniel: Person
) -> None:
    edit(olivia, active_analyst, purpose=work.HOSTILE)
    edit(olivia, active_analyst, runbook=work.HOSTILE)
    assert told("agent_edited") == {
        "daniel": ["vulnerability-analyst was edited since its approval: it only reads"]
    }
    dossiers.put_back(actor=daniel, agent=active_analyst)
    assert told("agent_put_back") == {
        "olivia": ["vulnerability-analyst was put back to what the board approved"]
    }
    assert unread("agent_edited") == set()
    edit(daniel, active_analyst, purpose="Another one.")
    assert unread("agent_edited") == {"olivia"}


# --- Reviews and suspension -------------------------------------------------------------------
def test_a_review_is_told_before_and_after_its_day_then_the_suspension(
    active_analyst: Agent, monkeypatch: pytest.MonkeyPatch, olivia: Person
) -> None:
    due = active_analyst.review_date
    assert due is not None

    def on(days: int) -> None:
        day: date = due + timedelta(days=days)
        monkeypatch.setattr(timezone, "localdate", lambda *_: day)
        due_dates.sweep()
        due_dates.sweep()

    on(-31)
    assert told("review_due") == {}
    on(-30)
    on(-2)
    soon = f"The review of vulnerability-analyst is due on {due}"
    assert told("review_due") == {"olivia": [soon], "daniel": [soon]}
    on(1)
    assert told("review_due")["daniel"] == [soon, "The review of vulnerability-analyst is overdue"]
    on(31)
    reviews.sweep()
    on(32)
    assert told("agent_suspended") == {
        name: ["vulnerability-analyst is suspended: its review is overdue"] for name in ("olivia", "daniel")
    }
    assert len(told("review_due")["daniel"]) == 2
    lifecycle.attest(actor=olivia, agent=active_analyst, statement="It is true.")
    assert unread("review_due") | unread("agent_suspended") == set()


# --- Releases and requests --------------------------------------------------------------------
def successor(owner: Person, agent: Agent, members: list[Person]) -> Release:
    """A second version at its first step, after the votes of two."""
    RiskClass.objects.update(rollout_steps=[10, 100])
    newer = register.add_version(actor=owner, agent=agent, label="2", provenance=provenance.current())
    describe(owner, newer)
    approval = dossiers.submit(actor=owner, version=newer)
    for member in members:
        approval.refresh_from_db()
        if approval.state == "pending":
            cast(member, approval)
    return Release.objects.get()


def test_a_release_is_told_to_its_side_and_to_who_voted(
    active_analyst: Agent, members: list[Person], olivia: Person, ada: Person, oscar: Person
) -> None:
    release = successor(olivia, active_analyst, members)
    voted = set(release.approval.votes.values_list("person__username", flat=True))
    assert set(told("release_moved")) == {"olivia", "daniel"} | voted
    assert told("release_moved")["daniel"] == [
        "The new version of vulnerability-analyst is being released: 10 of 100 tasks"
    ]
    Release.objects.update(step_at=timezone.now() - timedelta(days=2))
    releases.promote(actor=olivia, release=release)
    assert told("release_moved")["daniel"][-1] == "The new version of vulnerability-analyst is released"
    assert len(told("release_moved")["olivia"]) == 1
    releases.roll_back(actor=ada, release=release, reason=work.HOSTILE)
    for name in ("olivia", "daniel", *voted):
        assert told("release_moved")[name][-1] == "The new version of vulnerability-analyst was rolled back"


def test_a_withdrawal_is_told_to_who_had_voted(
    submitted: Approval, members: list[Person], olivia: Person, daniel: Person
) -> None:
    cast(members[0], submitted)
    approvals.withdraw(actor=olivia, approval=submitted, reason=work.HOSTILE)
    title = ["The dossier of vulnerability-analyst: withdrawn"]
    assert told("approval_resolved") == {"daniel": title, "sasha": title}


def test_another_class_is_asked_for_in_words(
    active_analyst: Agent, olivia: Person, members: list[Person]
) -> None:
    risk_overrides.request(actor=olivia, agent=active_analyst, level=RiskLevel.HIGH, reason="It grew.")
    assert told("approval_requested")["petra"][-1] == (
        "Your vote is asked for on another risk class for vulnerability-analyst"
    )


def test_a_changed_class_is_told_to_the_owners_it_affects(
    active_analyst: Agent, ada: Person, olivia: Person
) -> None:
    row = RiskClass.objects.get(level="medium")
    figures = figures_of(row) | {"retention_days": row.retention_days + 1}
    change = risk_classes.preview(actor=ada, level=RiskLevel.MEDIUM, figures=figures)
    risk_classes.change(
        actor=ada, level=RiskLevel.MEDIUM, figures=figures, digest=change.digest, authentication=proof(ada)
    )
    assert told("risk_class_changed") == {
        "olivia": ["The risk class Medium was changed, and agents of yours are affected"]
    }


# --- Signatures, assessments, mitigations -----------------------------------------------------
def test_a_signature_taken_back_is_told_to_the_owners_side(
    analyst: Agent, analyst_version: AgentVersion, olivia: Person, sasha: Person
) -> None:
    risk.assess(actor=olivia, agent=analyst, answers=ANSWERS)
    register.amend(actor=olivia, agent=analyst, changes={"monitoring_plan": ready.PLAN})
    signature = ready.sign(sasha, analyst, analyst_version, Gate.MONITORING)
    gates.revoke_signature(actor=sasha, signature=signature, reason=work.HOSTILE)
    title = ["A signature for vulnerability-analyst was taken back: monitoring"]
    assert told("signature_revoked") == {"olivia": title, "daniel": title}


def test_a_complete_assessment_asks_those_who_can_sign_it(
    analyst: Agent, members: list[Person], olivia: Person
) -> None:
    draft = assessments.begin(actor=olivia, agent=analyst, kind=AssessmentKind.SECURITY)
    assert told("assessment_to_sign") == {}
    assessments.withdraw(actor=olivia, assessment=draft, reason=work.HOSTILE)
    draft = papers.filled(olivia, analyst, AssessmentKind.SECURITY)
    [title] = told("assessment_to_sign").pop("sasha")
    assert title.endswith("2 of vulnerability-analyst")
    assert unread("assessment_to_sign") == {"sasha"}
    papers.sign(members[0], draft)
    assert unread("assessment_to_sign") == set()
    draft.refresh_from_db()
    assessments.withdraw(actor=members[0], assessment=draft, reason=work.HOSTILE)
    assert set(told("assessment_withdrawn")) == {"olivia", "daniel"}


def test_a_mitigation_reminds_who_promised_it_before_and_after(
    analyst: Agent, sasha: Person, olivia: Person, daniel: Person
) -> None:
    plan = [papers.step(daniel, work.HOSTILE[:50], days) for days in (7, 8)]
    papers.sign(sasha, papers.filled(olivia, analyst, AssessmentKind.SECURITY, plan))
    near = Mitigation.objects.get(position=0)
    for _ in range(2):
        due_dates.sweep()
    soon = f"What you promised for vulnerability-analyst is due on {near.due}"
    assert told("mitigation_due") == {"daniel": [soon]}
    tamper(Mitigation.objects.filter(pk=near.pk), due=timezone.localdate() - timedelta(days=1))
    for _ in range(2):
        due_dates.sweep()
    late = "What you promised for vulnerability-analyst is overdue"
    assert told("mitigation_due") == {"daniel": [soon, late]}
    near.refresh_from_db()
    assessments.close_mitigation(actor=daniel, mitigation=near, note="Done.")
    assert unread("mitigation_due") == set()


# --- Forgetting -------------------------------------------------------------------------------
def test_what_was_read_long_ago_is_removed_with_its_mail(olivia: Person) -> None:
    long_ago, now = timezone.now() - timedelta(days=181), timezone.now()
    mails = [
        Delivery.objects.create(
            channel=DeliveryChannel.MAIL,
            person=olivia,
            state=DeliveryState.DELIVERED,
            retry_at=now,
            ended_at=ended,
        )
        for ended in (long_ago, long_ago, now)
    ]
    old_read, old_unread, new_read = (work.notification(olivia) for _ in range(3))
    rows = Notification.objects
    rows.filter(pk=old_read.pk).update(created_at=long_ago, read_at=long_ago, delivery=mails[0])
    rows.filter(pk=old_unread.pk).update(created_at=long_ago, read_at=None, delivery=mails[1])
    rows.filter(pk=new_read.pk).update(created_at=now, read_at=now, delivery=mails[2])
    assert notifications.forget() == 1
    assert set(Notification.objects.values_list("pk", flat=True)) == {old_unread.pk, new_read.pk}
    assert set(Delivery.objects.values_list("pk", flat=True)) == {mails[1].pk, mails[2].pk}
