"""Policy versions: validated, applied by the service alone, and never changed."""

from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction

from agents.models import Person
from audits.errors import Conflict, Denied, Invalid
from governance.models import PolicyVersion
from governance.services import policies
from tests.authzen.asking import (
    ACTIVE,
    ARCHIVED,
    CERTIFICATION,
    EVALUATION,
    QUESTION,
    SYSTEM,
    WRITE,
    Asker,
    apply_certification,
)
from tests.governance import policing
from tests.governance.story import events, tamper

pytestmark = pytest.mark.django_db
SCHEMA = (
    "entity user { role?: String }; entity record; "
    'action "read" appliesTo { principal: user, resource: record };'
)
PERMIT = "permit (principal, action, resource);"


def apply(text: str = PERMIT, schema: str = SCHEMA, entities: str = "[]") -> PolicyVersion:
    """Decides from now on: the first at once, any other once two people approved it."""
    version = policies.apply(actor=SYSTEM, policies={"a.cedar": text}, schema=schema, entities=entities)
    return version if version.is_first else policing.approve(version)


def reason(asker: Asker, **changed: Any) -> str:
    return str(asker.ask(EVALUATION, {**QUESTION, **changed})["context"]["reason"])


def test_without_policies_nothing_is_allowed(asker: Asker) -> None:
    assert reason(asker) == "no_policy"
    assert events("decision.made", "denied")[-1].fields.get("policy") is None


def test_a_version_says_what_was_applied_and_by_whom() -> None:
    first, second = apply(), apply(PERMIT + PERMIT)
    first.refresh_from_db()
    assert (first.state, first.replaced_at) == ("superseded", second.applied_at)
    assert (second.state, second.number, second.drafted_by) == ("active", 2, SYSTEM.ref)
    assert first.policies_sha256 != second.policies_sha256
    assert first.schema_sha256 == second.schema_sha256
    event = events("policy.applied")[-1]
    assert event.fields["policy"] == {"version": "cedar/2", "sha256": second.sha256}


def test_the_next_decision_follows_the_next_version(asker: Asker) -> None:
    apply()
    assert reason(asker) == "allowed_by_policy"
    apply(PERMIT + "\nforbid (principal, action, resource);")
    assert reason(asker) == "forbidden_by_policy"
    assert asker.ask(EVALUATION, QUESTION)["context"]["policy_version"] == "cedar/2"


def test_forbid_beats_permit_in_any_order(asker: Asker) -> None:
    apply("forbid (principal, action, resource);\n" + PERMIT)
    assert not asker.decides()


def test_a_policy_that_fails_denies_although_another_permits(asker: Asker) -> None:
    """Cedar leaves a failing policy out. Left out, this `forbid` would permit."""
    apply(
        'permit (principal, action, resource); forbid (principal, action == Action::"read", resource) '
        "when { context.level > 5 };",
        SCHEMA.replace("resource: record }", "resource: record, context: { level: Long } }"),
    )
    assert asker.decides(context={"level": 5})
    assert reason(asker, context={"level": 6}) == "forbidden_by_policy"
    assert reason(asker) == "policy_error"
    assert reason(asker, context={"level": "high"}) == "policy_error"


def test_groups_are_followed_and_the_question_s_properties_come_on_top(asker: Asker) -> None:
    apply(
        'permit (principal in team::"red", action, resource) unless '
        "{ principal has away && principal.away };",
        "entity team; entity user in [team] { away?: Bool }; entity record;"
        'action "read" appliesTo { principal: user, resource: record };',
        '[{"uid": {"type": "team", "id": "red"}, "attrs": {}, "parents": []},'
        '{"uid": {"type": "user", "id": "alice"}, "attrs": {}, "parents": [{"type": "team", "id": "red"}]}]',
    )
    assert asker.decides()
    assert not asker.decides(subject={"type": "user", "id": "bob"})
    assert not asker.decides(subject={"type": "user", "id": "alice", "properties": {"away": True}})
    assert asker.decides(subject={"type": "user", "id": "alice", "properties": {"away": False}})


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"text": "permit (principal"}, "a.cedar cannot be read"),
        ({"schema": "entity"}, "schema.cedarschema cannot be read"),
        ({"entities": "{"}, "entities.json cannot be read"),
        ({"text": "permit (principal, action, resource) when { principal.role == 5 };"}, "do not fit"),
        ({"text": 'permit (principal, action == Action::"fly", resource);'}, "do not fit"),
        ({"entities": '[{"uid": {"type": "ship", "id": "1"}, "attrs": {}, "parents": []}]'}, "entities.json"),
        ({"text": "// nothing\0"}, "hold U"),
    ],
)
def test_what_does_not_fit_is_not_applied(parts: dict[str, str], said: str) -> None:
    with pytest.raises(Invalid, match=said):
        apply(**parts)
    assert not PolicyVersion.objects.exists()


def test_there_must_be_a_policy_and_it_must_be_new() -> None:
    with pytest.raises(Invalid, match="no policy"):
        policies.apply(actor=SYSTEM, policies={}, schema=SCHEMA)
    apply()
    with pytest.raises(Conflict, match="active already"):
        apply()


def test_only_administrators_apply_policies(olivia: Person) -> None:
    with pytest.raises(Denied):
        policies.apply(actor=olivia.actor, policies={"a.cedar": PERMIT}, schema=SCHEMA)
    assert len(events("policy.applied", "denied")) == 1


@pytest.mark.parametrize(
    "change",
    [
        lambda row: PolicyVersion.objects.filter(pk=row.pk).update(schema="entity user;"),
        lambda row: PolicyVersion.objects.filter(pk=row.pk).update(sha256="0" * 64),
        lambda row: row.delete(),
        lambda _row: PolicyVersion.objects.filter(state="superseded").update(state="active"),
    ],
)
def test_the_database_keeps_what_was_applied(change: Callable[[PolicyVersion], object]) -> None:
    apply()
    second = apply(PERMIT + PERMIT)
    connection.check_constraints()
    with pytest.raises(DatabaseError), transaction.atomic():
        change(second)


def test_policies_that_were_changed_by_hand_allow_nothing(asker: Asker) -> None:
    version = apply("permit (principal, action, resource) when { false };")
    tamper(PolicyVersion.objects.filter(pk=version.pk), policies={"a.cedar": PERMIT})
    assert reason(asker) == "policy_error"


def test_the_command_applies_a_folder(asker: Asker) -> None:
    said = StringIO()
    call_command("policy", "apply", str(CERTIFICATION), stdout=said)
    assert said.getvalue().startswith("cedar/1 decides from now on")
    assert asker.decides(action=WRITE, resource=ACTIVE)
    assert not asker.decides(action=WRITE, resource=ARCHIVED)
    with pytest.raises(CommandError, match="active already"):
        call_command("policy", "apply", str(CERTIFICATION))
    listed = StringIO()
    call_command("policy", "list", stdout=listed)
    assert listed.getvalue().split("\t")[:2] == ["cedar/1", "active"]


def test_the_command_says_what_is_wrong_with_a_folder(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"Cannot read .*schema\.cedarschema"):
        call_command("policy", "apply", str(tmp_path))
    (tmp_path / "schema.cedarschema").write_text(SCHEMA)
    with pytest.raises(CommandError, match="no policy"):
        call_command("policy", "apply", str(tmp_path))


def test_the_scenario_s_policies_are_named_in_the_ledger(asker: Asker) -> None:
    apply_certification()
    asker.decides(action=WRITE, resource=ARCHIVED)
    assert events("decision.made", "denied")[-1].fields["policy"]["version"] == "cedar/1"
