"""The life of a write elevation, played at random: what holds whatever people and agents do, in any order."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis import strategies as some
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from agents.models import Agent, AgentInstance, Person
from audits.errors import ServiceError
from governance.choices import ApprovalState, ElevationEnd, ElevationState, VoteChoice
from governance.models import Approval, Elevation, Grant, Vote
from governance.services import approvals, elevations
from tests.governance.story import cast, events, request, resource, start_instance, write

pytestmark = pytest.mark.django_db
CHOICES = some.sampled_from([VoteChoice.APPROVE, VoteChoice.APPROVE, VoteChoice.REJECT, VoteChoice.ABSTAIN])
MOVES = {
    ElevationState.PENDING: {ElevationState.ACTIVE, ElevationState.REJECTED, ElevationState.ENDED},
    ElevationState.ACTIVE: {ElevationState.ENDED},
    ElevationState.REJECTED: set(),
    ElevationState.ENDED: set(),
}


class Life(RuleBasedStateMachine):
    """One elevation from the request on; `cast_list` is who there is, set by the test."""

    cast_list: dict[str, Any]

    @initialize(uses=some.integers(1, 3), minutes=some.integers(1, 120), is_approved=some.booleans())
    def ask(self, uses: int, minutes: int, *, is_approved: bool) -> None:
        self.savepoint = transaction.atomic()
        self.savepoint.__enter__()
        self.agent: Agent = self.cast_list["agent"]
        self.owner: Person = self.cast_list["owner"]
        self.voters: list[Person] = self.cast_list["voters"]
        self.instance: AgentInstance = start_instance(self.agent)
        self.on = resource()
        self.moved = timedelta()
        self.cast_list["clock"](self.now)
        self.elevation = request(self.owner, self.agent, self.on, uses=uses, minutes=minutes)
        self.before = ElevationState.PENDING
        self.allowed = 0
        if is_approved:
            self.everybody_approves()

    def now(self) -> datetime:
        return datetime.now(tz=timezone.get_default_timezone()) + self.moved

    def teardown(self) -> None:
        if hasattr(self, "savepoint"):
            transaction.set_rollback(True)
            self.savepoint.__exit__(None, None, None)

    @property
    def newest(self) -> Approval:
        rows = Approval.objects.select_related("agent").filter(subject_id=self.elevation.pk)
        return rows.order_by("-revision")[0]

    @rule(voter=some.integers(0, 4), choice=CHOICES)
    def vote(self, voter: int, choice: VoteChoice) -> None:
        self._try(lambda: cast(self.voters[voter], self.newest, choice))

    @rule()
    def everybody_approves(self) -> None:
        """By chance alone an approval is too rare."""
        for voter in self.voters:
            self._try(lambda voter=voter: cast(voter, self.newest))

    @rule(uses=some.integers(1, 4))
    def revise(self, uses: int) -> None:
        self._try(
            lambda: elevations.revise(
                actor=self.owner, elevation=self.elevation, revision=self.elevation.revision,
                resource=self.on, intent=self.elevation.intent, minutes=self.elevation.minutes, uses=uses,
            )
        )  # fmt: skip

    @rule()
    def write(self) -> None:
        elevation = self._fresh()
        answer = write(self.instance, self.on)
        if answer.allowed:
            self.allowed += 1
            assert elevation.state == ElevationState.ACTIVE
            assert elevation.ends_at is not None
            assert timezone.now() < elevation.ends_at
        elif elevation.state == ElevationState.ACTIVE and elevation.ends_at > timezone.now():  # type: ignore[operator]
            assert elevation.used == elevation.uses

    @rule()
    def end(self) -> None:
        self._try(
            lambda: elevations.end(
                actor=self.owner.actor, elevation=self.elevation, reason=ElevationEnd.REVOKED
            )
        )

    @rule(minutes=some.sampled_from([1, 30, 241]))
    def time_passes(self, minutes: int) -> None:
        self.moved += timedelta(minutes=minutes)

    @rule()
    def sweep(self) -> None:
        elevations.sweep()
        approvals.sweep()
        elevation = self._fresh()
        assert elevation.state != ElevationState.ACTIVE or elevation.ends_at > timezone.now()  # type: ignore[operator]

    @precondition(lambda self: hasattr(self, "elevation"))
    @invariant()
    def moves_only_forward(self) -> None:
        now = ElevationState(self._fresh().state)
        assert now == self.before or now in MOVES[self.before], (self.before, now)
        self.before = now

    @precondition(lambda self: hasattr(self, "elevation"))
    @invariant()
    def stands_on_votes(self) -> None:
        """What is or was active has an approval of this revision, which its own votes carry."""
        elevation = self._fresh()
        if elevation.starts_at is None:
            return
        approval = Approval.objects.get(subject_id=elevation.pk, state=ApprovalState.APPROVED)
        assert approval.revision == elevation.revision
        yes = Vote.objects.filter(approval=approval, choice=VoteChoice.APPROVE, digest=approval.digest)
        assert yes.count() >= approval.rule["quorum"]
        assert not {str(vote.person_id) for vote in yes} & set(approval.excluded)

    @precondition(lambda self: hasattr(self, "elevation"))
    @invariant()
    def is_never_overdrawn(self) -> None:
        elevation = self._fresh()
        assert elevation.used == self.allowed <= elevation.uses

    @precondition(lambda self: hasattr(self, "elevation"))
    @invariant()
    def has_a_grant_only_while_active(self) -> None:
        elevation = self._fresh()
        live = Grant.objects.filter(elevation=elevation, ends_at__gt=timezone.now())
        assert not live.exists() or elevation.state == ElevationState.ACTIVE
        if elevation.state in {ElevationState.ENDED, ElevationState.REJECTED}:
            assert elevation.end_reason
            assert elevation.ended_at
            assert len(events("elevation.ended")) == 1

    @precondition(lambda self: hasattr(self, "elevation"))
    @invariant()
    def is_asked_once_at_a_time(self) -> None:
        pending = Approval.objects.filter(subject_id=self.elevation.pk, state=ApprovalState.PENDING)
        assert pending.count() == (self._fresh().state == ElevationState.PENDING)

    def _fresh(self) -> Elevation:
        self.elevation.refresh_from_db()
        return self.elevation

    @staticmethod
    def _try(act: Any) -> None:
        """Refusals are answers; anything else is a defect."""
        try:
            act()
        except ServiceError:
            return


def test_whatever_happens(
    active_analyst: Agent, olivia: Person, members: list[Person], monkeypatch: pytest.MonkeyPatch
) -> None:
    Life.cast_list = {
        "agent": active_analyst,
        "owner": olivia,
        "voters": members,
        "clock": lambda now: monkeypatch.setattr(timezone, "now", now),
    }
    run_state_machine_as_test(
        Life,
        settings=settings(
            max_examples=40, stateful_step_count=12, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
