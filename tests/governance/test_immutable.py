"""What was put to a vote does not change: the database says so, whoever asks."""

from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from agents.models import Person
from audits import triggers
from governance.choices import ApprovalState, VoteChoice
from governance.models import Approval, Vote
from tests.governance.story import cast, tamper

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "change",
    [
        {"content": "{}"},
        {"digest": "0" * 64},
        {"rule": {"seats": [], "quorum": 1, "veto": False}},
        {"excluded": []},
        {"title": "Something else"},
        {"subject_id": "00000000-0000-0000-0000-000000000000"},
    ],
)
def test_what_is_asked_does_not_change(submitted: Approval, change: dict[str, Any]) -> None:
    with pytest.raises(DatabaseError, match="does not change"), transaction.atomic():
        Approval.objects.filter(pk=submitted.pk).update(**change)


def test_a_resolved_approval_is_not_opened_again(submitted: Approval, sasha: Person) -> None:
    cast(sasha, submitted, VoteChoice.REJECT)
    with pytest.raises(DatabaseError, match="does not change"), transaction.atomic():
        Approval.objects.filter(pk=submitted.pk).update(state=ApprovalState.PENDING, resolved_at=None)
    with pytest.raises(DatabaseError, match="does not change"), transaction.atomic():
        Approval.objects.filter(pk=submitted.pk).update(state=ApprovalState.APPROVED)


def test_an_approval_is_not_deleted(submitted: Approval) -> None:
    with pytest.raises(DatabaseError, match="does not change"), transaction.atomic():
        Approval.objects.all()._raw_delete("default")


def test_a_vote_is_neither_changed_nor_deleted(submitted: Approval, sasha: Person) -> None:
    cast(sasha, submitted)
    with pytest.raises(DatabaseError, match="does not change"), transaction.atomic():
        Vote.objects.update(choice=VoteChoice.REJECT)
    with pytest.raises(DatabaseError, match="does not change"), transaction.atomic():
        Vote.objects.all()._raw_delete("default")
    assert Vote.objects.get().choice == VoteChoice.APPROVE


def test_a_vote_is_not_replaced(submitted: Approval, sasha: Person) -> None:
    vote = cast(sasha, submitted)
    copy = (
        "INTO governance_vote (id, approval_id, person_id, discipline, choice, comment, digest, voted_at) "
        "SELECT id, approval_id, person_id, discipline, 'reject', comment, digest, voted_at "
        "FROM governance_vote"
    )
    verb = "INSERT OR REPLACE " if connection.vendor == "sqlite" else "INSERT "
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(verb + copy)
    assert Vote.objects.get(pk=vote.pk).choice == VoteChoice.APPROVE


def test_missing_triggers_are_named(submitted: Approval) -> None:
    assert triggers.missing(connection) == []
    connection.check_constraints()
    triggers.remove(connection)
    assert "governance_vote_no_update" in triggers.missing(connection)


def test_triggers_are_put_back(submitted: Approval) -> None:
    tamper(Approval.objects.filter(pk=submitted.pk), title="Changed while nobody looked")
    triggers.install(connection)
    with pytest.raises(DatabaseError, match="does not change"), transaction.atomic():
        Approval.objects.filter(pk=submitted.pk).update(title="Once more")
