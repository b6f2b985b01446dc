"""Nobody lets policies decide alone (promise 5): what must fail, whoever tries and however."""

from collections.abc import Callable
from typing import Any

import pytest
from django.apps import apps
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from agents.models import Person
from audits.errors import Conflict, Denied, Invalid
from governance import shadow
from governance.models import Decision, PolicyDifference, PolicyVersion, PolicyVote
from governance.services import policies, policy_trials, policy_votes
from tests.authzen.asking import SYSTEM, Asker, apply_certification
from tests.governance import policing
from tests.governance.policing import PERMIT, SCHEMA
from tests.governance.story import events, tamper
from tests.signing_in import proof

pytestmark = pytest.mark.django_db
FORBID = "forbid (principal, action, resource);"
ALWAYS_FAILS = 'permit (principal, action, resource) when { principal.role == "x" };'


@pytest.fixture
def proposed(ada: Person) -> PolicyVersion:
    """Another version than the one that decides, waiting for two people."""
    apply_certification()
    return policing.proposed()


# --- Activated without approval -------------------------------------------------------------------------
ACTIVATIONS: dict[str, Callable[[PolicyVersion], object]] = {
    "the ORM": lambda row: PolicyVersion.objects.filter(pk=row.pk).update(state="active"),
    "the row": lambda row: _save(row, state="active"),
    "as if it were the first": lambda row: _save(row, state="active", is_first=True),
    "as if it were number 1": lambda row: _save(row, state="active", is_first=True, number=1),
    "a row of its own": lambda row: PolicyVersion.objects.create(
        **_copied(row), number=77, state="active", is_first=True
    ),
    "a row without anything": lambda row: PolicyVersion.objects.create(
        **_copied(row), number=77, state="active"
    ),
}


def _save(row: PolicyVersion, **values: Any) -> None:
    for name, value in values.items():
        setattr(row, name, value)
    row.save()


def _copied(row: PolicyVersion) -> dict[str, Any]:
    names = (
        "policies",
        "schema",
        "entities",
        "policies_sha256",
        "schema_sha256",
        "entities_sha256",
        "sha256",
    )
    now = timezone.now()
    return {name: getattr(row, name) for name in names} | {
        "drafted_at": now, "validated_at": now, "applied_at": now, "drafted_by": "system/nobody",
    }  # fmt: skip


@pytest.mark.parametrize("how", ACTIVATIONS)
@pytest.mark.parametrize("approvals", [0, 1])
def test_the_database_refuses_an_active_version_without_two_approvals(
    proposed: PolicyVersion, how: str, approvals: int
) -> None:
    for person in policing.board()[:approvals]:
        policing.vote(person, proposed)
    PolicyVersion.objects.filter(state="active").update(state="superseded")
    with pytest.raises(DatabaseError), transaction.atomic():
        ACTIVATIONS[how](PolicyVersion.objects.get(pk=proposed.pk))
    assert not PolicyVersion.objects.filter(state="active").exists()


def test_it_says_why(proposed: PolicyVersion) -> None:
    PolicyVersion.objects.filter(state="active").update(state="superseded")
    with pytest.raises(DatabaseError, match="activated without approval"), transaction.atomic():
        PolicyVersion.objects.filter(pk=proposed.pk).update(state="active")


@pytest.mark.parametrize(
    "forged",
    [
        {"digest": "0" * 64},
        {"author": True},
        {"version": "draft"},
    ],
)
def test_the_database_refuses_votes_that_are_none(
    proposed: PolicyVersion, ada: Person, forged: dict[str, Any]
) -> None:
    """Of another digest, of the author's, and on what is not proposed."""
    other = policing.draft(PERMIT + PERMIT)
    version = other if "version" in forged else proposed
    person = ada if "author" in forged else policing.board()[0]
    with pytest.raises(DatabaseError), transaction.atomic():
        PolicyVote.objects.create(
            version=version, person=person, discipline="security", choice="approve",
            digest=forged.get("digest", version.sha256), voted_at=timezone.now(),
        )  # fmt: skip


def test_one_person_does_not_vote_twice_in_the_database(proposed: PolicyVersion) -> None:
    sasha = policing.board()[0]
    policing.vote(sasha, proposed)
    given = {
        "discipline": "legal",
        "choice": "approve",
        "digest": proposed.sha256,
        "voted_at": timezone.now(),
    }
    with pytest.raises(DatabaseError), transaction.atomic():
        PolicyVote.objects.create(version=proposed, person=sasha, **given)


@pytest.mark.parametrize("verb", ["update", "delete"])
def test_a_vote_stays_what_it_is(proposed: PolicyVersion, verb: str) -> None:
    policing.vote(policing.board()[0], proposed)
    rows = PolicyVote.objects.all()
    with pytest.raises(DatabaseError), transaction.atomic():
        rows.update(digest="0" * 64) if verb == "update" else rows.delete()


# --- By the wrong people --------------------------------------------------------------------------------
def test_nobody_approves_what_they_wrote_or_proposed(proposed: PolicyVersion, ada: Person) -> None:
    policing.board()
    with pytest.raises(Denied, match="Nobody approves their own"):
        policing.vote(ada, proposed)
    assert len(events("policy.voted", "denied")) == 1


def test_nobody_approves_twice(proposed: PolicyVersion) -> None:
    sasha = policing.board()[0]
    assert policing.vote(sasha, proposed).state == "proposed"
    with pytest.raises(Conflict, match="have voted"):
        policing.vote(sasha, proposed)
    proposed.refresh_from_db()
    assert proposed.state == "proposed"


def test_without_a_seat_nobody_approves(proposed: PolicyVersion, oscar: Person) -> None:
    with pytest.raises(Denied, match="seat on the board"):
        policing.vote(oscar, proposed)


@pytest.mark.parametrize("methods", [(), ("pwd",)])
def test_an_old_sign_in_or_one_factor_does_not_approve(
    proposed: PolicyVersion, methods: tuple[str, ...], settings: Any
) -> None:
    settings.MFA = "required"
    sasha = policing.board()[0]
    when = proof(sasha, *methods) if methods else proof(sasha, minutes=6)
    with pytest.raises(Denied):
        policy_votes.vote(
            actor=sasha, version=proposed, choice="approve", digest=proposed.sha256, authentication=when
        )


def test_a_stale_digest_is_no_approval(proposed: PolicyVersion) -> None:
    with pytest.raises(Conflict, match="not what is asked"):
        policing.vote(policing.board()[0], proposed, digest="0" * 64)


def test_what_was_changed_behind_the_product_s_back_is_not_approved(proposed: PolicyVersion) -> None:
    tamper(PolicyVersion.objects.filter(pk=proposed.pk), policies={"a.cedar": FORBID})
    with pytest.raises(Conflict, match="not what is asked"):
        policing.vote(policing.board()[0], proposed)


def test_a_rejection_ends_it_and_says_why(proposed: PolicyVersion) -> None:
    sasha, carla = policing.board()
    with pytest.raises(Invalid, match="Say why"):
        policy_votes.vote(
            actor=sasha,
            version=proposed,
            choice="reject",
            digest=proposed.sha256,
            authentication=proof(sasha),
        )
    assert policing.vote(sasha, proposed, "reject").state == "withdrawn"
    with pytest.raises(Conflict):
        policing.vote(carla, proposed)


def test_only_administrators_write_policies(olivia: Person) -> None:
    with pytest.raises(Denied):
        policies.draft(actor=olivia.actor, policies={"a.cedar": PERMIT}, schema=SCHEMA)
    version = policing.valid()
    for attempt in (
        lambda: policies.validate(actor=olivia.actor, version=version),
        lambda: policies.withdraw(actor=olivia.actor, version=version, reason="No."),
        lambda: policy_trials.replay(actor=olivia.actor, version=version),
        lambda: policy_trials.start_shadow(actor=olivia.actor, version=version),
        lambda: policy_trials.stop_shadow(actor=olivia.actor, version=version),
        lambda: policy_votes.propose(actor=olivia, version=version),
        lambda: policy_votes.roll_back(
            actor=olivia, version=version, digest=version.sha256, reason="x", authentication=proof(olivia)
        ),
    ):
        with pytest.raises(Denied):
            attempt()


def test_a_person_s_first_version_waits_as_any_other(ada: Person) -> None:
    """Only the machine's own command lets the first version of an empty installation decide at once."""
    version = policies.apply(actor=ada.actor, policies={"a.cedar": PERMIT}, schema=SCHEMA)
    assert (version.state, version.is_first) == ("validated", False)
    second = policies.apply(actor=SYSTEM, policies={"b.cedar": PERMIT}, schema=SCHEMA)
    assert (second.state, second.is_first) == ("validated", False)


# --- Edited after validation ----------------------------------------------------------------------------
@pytest.mark.parametrize(
    "values",
    [
        {"policies": {"a.cedar": FORBID}},
        {"schema": "entity user;"},
        {"entities": "[ ]"},
        {"sha256": "0" * 64},
        {"author": None},
        {"number": 99},
        {"validated_at": None},
    ],
)
@pytest.mark.parametrize("state", ["valid", "draft again"])
def test_what_was_validated_never_changes(values: dict[str, Any], state: str) -> None:
    version = policing.valid()
    rows = PolicyVersion.objects.filter(pk=version.pk)
    if state == "draft again":
        rows.update(state="draft")
    connection.check_constraints()
    with pytest.raises(DatabaseError), transaction.atomic():
        rows.update(**values)
    with pytest.raises(Conflict) if state == "valid" else pytest.raises(DatabaseError), transaction.atomic():
        policies.edit(
            actor=policing.author().actor, version=version, policies={"a.cedar": FORBID}, schema=SCHEMA
        )


def test_only_the_author_edits_a_draft(oscar: Person) -> None:
    version = policing.draft()
    oscar.is_superuser = True
    oscar.save()
    with pytest.raises(Denied, match="Only who wrote"):
        policies.edit(actor=oscar.actor, version=version, policies={"a.cedar": FORBID}, schema=SCHEMA)


# --- The steps are not skipped --------------------------------------------------------------------------
def test_it_is_replayed_and_in_shadow_before_it_is_proposed(ada: Person) -> None:
    version = policing.draft()
    with pytest.raises(Conflict):
        policy_trials.start_shadow(actor=ada.actor, version=version)
    version = policies.validate(actor=ada.actor, version=version)
    with pytest.raises(Conflict, match="shadow first"):
        policy_votes.propose(actor=ada, version=version)
    policy_trials.start_shadow(actor=ada.actor, version=version)
    with pytest.raises(Conflict, match="not replayed"):
        policy_votes.propose(actor=ada, version=version)
    policy_trials.replay(actor=ada.actor, version=version)
    assert policy_votes.propose(actor=ada, version=version).state == "proposed"


def test_a_replay_against_another_version_does_not_count(proposed: PolicyVersion, ada: Person) -> None:
    """Rolled back meanwhile: the approvers saw what would change, and something else would."""
    first = PolicyVersion.objects.get(state="active")
    sasha, carla = policing.board()
    policing.vote(sasha, proposed)
    policing.vote(carla, proposed)
    later = policing.proposed(PERMIT + PERMIT)
    policing.vote(sasha, later)
    policy_votes.roll_back(
        actor=ada, version=first, digest=first.sha256, reason="Wrong.", authentication=proof(ada)
    )
    with pytest.raises(Conflict, match="Replay it again"):
        policing.vote(carla, later)
    policy_trials.replay(actor=ada.actor, version=later)
    assert policing.vote(carla, later).state == "active"


def test_one_shadow_and_one_proposal_at_a_time(proposed: PolicyVersion, ada: Person) -> None:
    other = policing.valid(PERMIT + PERMIT)
    with pytest.raises(Conflict, match="only one is at a time"):
        policy_trials.start_shadow(actor=ada.actor, version=other)
    with pytest.raises(DatabaseError), transaction.atomic():
        PolicyVersion.objects.filter(pk=other.pk).update(state="proposed")


# --- The way back ---------------------------------------------------------------------------------------
def test_rolled_back_to_a_former_version(asker: Asker, ada: Person) -> None:
    first = policing.active(PERMIT)
    second = policing.active(FORBID)
    assert not asker.decides()
    back = policy_votes.roll_back(
        actor=ada, version=first, digest=first.sha256, reason="It forbids all.", authentication=proof(ada)
    )
    second.refresh_from_db()
    assert (back.state, second.state) == ("active", "superseded")
    assert asker.decides()
    assert events("policy.rolled_back")[-1].details["replaced"] == second.label


def test_only_what_decided_before_is_rolled_back_to(ada: Person) -> None:
    policing.active()
    for version in (policing.valid(FORBID), policing.draft(FORBID)):
        with pytest.raises(Conflict, match="decided before"):
            policy_votes.roll_back(
                actor=ada, version=version, digest=version.sha256, reason="x", authentication=proof(ada)
            )


def test_an_old_sign_in_does_not_roll_back(ada: Person) -> None:
    first = policing.active()
    policing.active(FORBID)
    with pytest.raises(Denied, match="older than"):
        policy_votes.roll_back(
            actor=ada, version=first, digest=first.sha256, reason="x", authentication=proof(ada, minutes=6)
        )


# --- Trying out changes nothing -------------------------------------------------------------------------
@pytest.fixture
def asker(db: None, monkeypatch: pytest.MonkeyPatch) -> Asker:
    """Every decision is compared: under load only some are."""
    monkeypatch.setattr(shadow, "SHARE", 1.0)
    return Asker()


def counts() -> dict[str, int]:
    models = [
        model
        for room in ("audits", "agents", "governance")
        for model in apps.get_app_config(room).get_models()
    ]
    return {model._meta.label: model._default_manager.count() for model in models}


def test_what_if_changes_nothing_but_for_what_it_found(asker: Asker, ada: Person) -> None:
    policing.active()
    for _ in range(3):
        asker.decides()
    version = policing.valid(FORBID)
    before = counts()
    found = policy_trials.replay(actor=ada.actor, version=version)
    after = counts()
    changed = {name for name in after if after[name] != before[name] and not name.startswith("audits.")}
    assert changed == {"governance.PolicyReplay"}
    assert (found.replayed, found.changed, found.left_out) == (3, 3, 0)
    assert found.result[0] | {"examples": []} == {
        "subject": "user", "action": "read", "change": "allow_to_deny", "count": 3, "examples": [],
    }  # fmt: skip
    assert asker.decides()


def test_a_replay_stays_what_it_was(asker: Asker, ada: Person) -> None:
    found = policy_trials.replay(actor=ada.actor, version=policing.valid(FORBID))
    with pytest.raises(DatabaseError), transaction.atomic():
        type(found).objects.filter(pk=found.pk).update(changed=0)


@pytest.mark.parametrize("text", [PERMIT, FORBID, PERMIT.replace(";", " when { principal has role };")])
def test_shadow_changes_no_answer(
    asker: Asker, text: str, django_capture_on_commit_callbacks: Callable[..., Any]
) -> None:
    policing.active('permit (principal == user::"alice", action, resource);')
    bob = {"type": "user", "id": "bob"}
    before = (asker.decides(), asker.decides(subject=bob))
    policing.in_shadow(text)
    with django_capture_on_commit_callbacks(execute=True):
        assert (asker.decides(), asker.decides(subject=bob)) == before
    noticed = {row.decision_id: row.allowed for row in PolicyDifference.objects.all()}
    would = {"alice": text == PERMIT, "bob": text == PERMIT}
    differing = [name for name, was in zip(("alice", "bob"), before, strict=True) if would[name] is not was]
    assert len(noticed) == len(differing)


def test_a_shadow_that_breaks_changes_no_answer(asker: Asker, monkeypatch: pytest.MonkeyPatch) -> None:
    policing.active()
    policing.in_shadow(FORBID)

    def breaks(*_arguments: object) -> None:
        raise RuntimeError("The shadow is broken.")

    monkeypatch.setattr(shadow, "_same", breaks)
    assert asker.decides()


def test_no_more_differences_are_kept_than_enough(
    asker: Asker, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Callable[..., Any]
) -> None:
    monkeypatch.setattr(shadow, "KEPT", 2)
    policing.active()
    policing.in_shadow(FORBID)
    with django_capture_on_commit_callbacks(execute=True):
        assert all(asker.decides() for _ in range(4))
    assert PolicyDifference.objects.count() == 2


# --- Policies that fail ---------------------------------------------------------------------------------
def test_a_policy_that_always_fails_denies(asker: Asker) -> None:
    schema = SCHEMA.replace("role?", "role")
    policing.active(ALWAYS_FAILS, schema)
    assert not asker.decides()
    decision = Decision.objects.latest("decided_at")
    assert (decision.allowed, decision.reason) == (False, "policy_error")


def test_what_cannot_be_validated_never_decides(ada: Person) -> None:
    version = policing.draft("permit (principal, action, resource) when { principal.nothing };")
    with pytest.raises(Invalid, match=r"a\.cedar, line 1, column 55"):
        policies.validate(actor=ada.actor, version=version)
    assert PolicyVersion.objects.get(pk=version.pk).state == "draft"
