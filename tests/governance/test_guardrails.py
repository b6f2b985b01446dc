"""Guardrails, permits and obligations for agents, in their place in the pipeline (S2-14, S2-16)."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agents.choices import Access
from agents.decision_point import Question
from agents.models import Agent, AgentInstance, Person
from audits.errors import Invalid
from governance import decisions, pdp, shadow
from governance.choices import DecisionReason, Sensitivity
from governance.models import Decision, Grant, PolicyDifference
from governance.services import policies, policy_trials, resources
from governance.what_if import FACTS
from tests.authzen.asking import EVALUATION, EVALUATIONS, Asker
from tests.governance import policing
from tests.governance.policing import AGENT_SCHEMA, PERMIT
from tests.governance.roles import resource as catalogued
from tests.governance.story import elevate, events, question, read, resource, start_instance, tamper, write

FORBID = '@id("no-lookups") @reason("Not today.") forbid (principal, action, resource);'


@pytest.fixture
def instance(active_analyst: Agent) -> AgentInstance:
    return start_instance(active_analyst)


def guard(text: str, schema: str = AGENT_SCHEMA) -> None:
    """These policies decide from now on, for agents too."""
    policing.active(text, schema)


def reason(instance: AgentInstance) -> str:
    return read(instance).reason


@pytest.mark.django_db
def test_a_forbid_denies_whatever_was_granted_and_says_which(instance: AgentInstance) -> None:
    guard(FORBID)
    answer = read(instance)
    assert (answer.allowed, answer.reason, answer.requestable) == (False, "guardrail", False)
    assert answer.message == "A guardrail forbids it (no-lookups). Not today."
    event = events("decision.made", "denied")[-1]
    assert event.details["policies"] == ["no-lookups"]
    assert event.details["guardrails"] == "cedar/1"
    decision = Decision.objects.get(pk=answer.id)
    assert decision.policy_version == f"{pdp.VERSION} cedar/1"
    assert decision.allowed_without_policies is True


@pytest.mark.django_db
def test_a_forbid_denies_a_write_and_takes_no_use(
    instance: AgentInstance, olivia: Person, members: list[Person]
) -> None:
    on = resource()
    elevation = elevate(olivia, instance.agent, on, members[:2])
    guard('forbid (principal, action, resource) when { context.access == "write" };')
    answer = write(instance, on)
    assert (answer.reason, answer.requestable) == ("guardrail", False)
    elevation.refresh_from_db()
    assert elevation.used == 0


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("condition", "hit"),
    [
        ('principal in Agent::"vulnerability-analyst"', True),
        ('principal in Agent::"another"', False),
        ('resource == endpoint::"nvd"', True),
        ('action == Action::"open_ticket"', False),
        ('context.access == "read"', True),
        ('context.intent like "*vulnerability*"', True),
        ('context.data_categories.contains("vulnerability reports")', True),
        ('context.data_categories.contains("health")', False),
        ('context has risk_class && context.risk_class == "high"', False),
        ("context has sensitivity", False),
        ('context.owner == "olivia"', True),
        ('context.business_unit == "Security operations"', True),
        ("context.time.epoch > 1700000000 && context.time.hour < 24 && context.time.weekday <= 7", True),
        ("context has grant && !context.grant.elevated", True),
        ('context has grant && context.grant.resource == "endpoint/other"', False),
    ],
)
def test_what_a_guardrail_may_look_at(instance: AgentInstance, condition: str, hit: bool) -> None:  # noqa: FBT001
    guard(f"forbid (principal, action, resource) when {{ {condition} }};")
    assert (reason(instance) == "guardrail") is hit


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("condition", "hit"),
    [
        ('context has sensitivity && context.sensitivity == "restricted"', True),
        ('context has sensitivity && context.sensitivity == "internal"', False),
        ("!(context has sensitivity)", False),
    ],
)
def test_a_guardrail_may_look_at_the_strictest_that_the_catalogue_knows(
    instance: AgentInstance,
    stella: Person,
    condition: str,
    hit: bool,  # noqa: FBT001
) -> None:
    catalogued(stella, "nvd", "endpoint/nvd")
    catalogued(stella, "all_endpoints", "endpoint/{name}", sensitivity=Sensitivity.RESTRICTED)
    catalogued(stella, "elsewhere", "table/nvd")
    guard(f"forbid (principal, action, resource) when {{ {condition} }};")
    assert (reason(instance) == "guardrail") is hit


@pytest.mark.django_db
def test_of_a_resource_that_the_catalogue_lost_it_is_told_nothing(
    instance: AgentInstance, stella: Person
) -> None:
    known = catalogued(stella, "nvd", "endpoint/nvd", sensitivity=Sensitivity.RESTRICTED)
    guard("forbid (principal, action, resource) when { context has sensitivity };")
    assert reason(instance) == "guardrail"
    resources.end(actor=stella, resource=known, reason="It is gone.")
    assert reason(instance) == "allowed_by_grant"


@pytest.mark.django_db
def test_a_replay_asks_with_what_the_catalogue_says_today(instance: AgentInstance, stella: Person) -> None:
    assert read(instance).allowed
    catalogued(stella, "nvd", "endpoint/nvd", sensitivity=Sensitivity.RESTRICTED)
    text = "forbid (principal, action, resource) when { context has sensitivity };"
    version = policing.valid(text, AGENT_SCHEMA)
    found = policy_trials.replay(actor=policing.author().actor, version=version)
    assert (found.replayed, found.changed) == (1, 1)


@pytest.mark.django_db
def test_a_version_for_others_says_nothing_about_agents(instance: AgentInstance) -> None:
    policing.active("forbid (principal, action, resource);", policing.SCHEMA)
    answer = read(instance)
    assert answer.allowed
    assert answer.policy_version == pdp.VERSION


@pytest.mark.django_db
def test_a_guardrail_that_fails_denies(instance: AgentInstance) -> None:
    """Cedar leaves a failing forbid out. Left out, it would permit."""
    guard("forbid (principal, action, resource) when { context.time.epoch * 9223372036854775807 > 0 };")
    assert reason(instance) == "policy_error"


@pytest.mark.django_db
def test_policies_that_were_changed_by_hand_let_no_agent_act(instance: AgentInstance) -> None:
    version = policing.active(PERMIT, AGENT_SCHEMA)
    tamper(type(version).objects.filter(pk=version.pk), policies={"a.cedar": PERMIT + PERMIT})
    assert reason(instance) == "policy_error"


@pytest.mark.django_db
def test_a_grant_is_enough_unless_a_permit_decides_about_agents(instance: AgentInstance) -> None:
    guard('permit (principal, action, resource) when { context.access == "write" };')
    assert reason(instance) == "allowed_by_grant"
    guard('@decides("agents") permit (principal, action, resource) when { context.access == "write" };')
    answer = read(instance)
    assert (answer.allowed, answer.reason) == (False, "no_permit")
    guard('@decides("agents") permit (principal, action, resource) when { context has grant };')
    assert reason(instance) == "allowed_by_grant"


@pytest.mark.django_db
def test_a_permit_alone_gives_an_agent_nothing(instance: AgentInstance) -> None:
    guard(f'@decides("agents") {PERMIT}')
    tamper(Grant.objects.all(), ends_at="2020-01-01T00:00:00Z")
    assert reason(instance) == "no_grant"


@pytest.mark.django_db
def test_obligations_come_back_and_are_recorded(instance: AgentInstance) -> None:
    guard(
        '@obligation("notify:owner, mask:email") permit (principal, action, resource);'
        '@obligation("step_up") permit (principal, action, resource) when { context.access == "write" };'
    )
    answer = read(instance)
    assert answer.obligations == ("mask:email", "notify:owner")
    assert Decision.objects.get(pk=answer.id).obligations == ["mask:email", "notify:owner"]
    assert events("decision.made")[-1].details["obligations"] == ["mask:email", "notify:owner"]


@pytest.mark.django_db
def test_what_is_denied_owes_nothing(instance: AgentInstance) -> None:
    guard('@obligation("notify:owner") permit (principal, action, resource);')
    tamper(Grant.objects.all(), ends_at="2020-01-01T00:00:00Z")
    assert read(instance).obligations == ()


@pytest.mark.django_db
def test_obligations_are_in_the_answer_over_http_also_of_a_batch(
    asker: Asker, instance: AgentInstance
) -> None:
    guard('@obligation("mask:email") permit (principal, action, resource);', policing.BOTH_SCHEMA)
    asked = {
        "subject": {"type": "agent_instance", "id": instance.spiffe_id},
        "action": {"name": "get_vulnerability_info"},
        "resource": {"type": "endpoint", "id": "nvd"},
    }
    user = {
        "subject": {"type": "user", "id": "alice"},
        "action": {"name": "read"},
        "resource": {"type": "record", "id": "1"},
    }
    for question_ in (asked, user):
        assert asker.ask(EVALUATION, question_)["context"]["obligations"] == ["mask:email"]
        answers = asker.ask(EVALUATIONS, {"evaluations": [question_]})["evaluations"]
        assert answers == [{"decision": True, "context": {"obligations": ["mask:email"]}}]


@pytest.mark.django_db
@pytest.mark.parametrize(
    "words", ["fly", "mask:", "mask:a b", "notify:everybody", "", "step_up,", "MASK:email"]
)
def test_the_vocabulary_of_obligations_is_closed(words: str) -> None:
    draft = policing.draft(f'@obligation("{words}") {PERMIT}')
    with pytest.raises(Invalid, match="is no obligation"):
        policies.validate(actor=policing.author().actor, version=draft)


@pytest.fixture
def asker(db: None) -> Asker:
    return Asker()


@pytest.mark.django_db
def test_searching_sees_guardrails(asker: Asker, instance: AgentInstance) -> None:
    asked = {
        "subject": {"type": "agent_instance", "id": instance.spiffe_id},
        "resource": {"type": "endpoint", "id": "nvd"},
    }
    assert "get_vulnerability_info" in asker.finds("action", **asked)
    guard(FORBID)
    assert asker.finds("action", **asked) == []


# --- What-if and shadow ---------------------------------------------------------------------------------
@pytest.mark.django_db
def test_a_replay_knows_what_agents_would_lose(instance: AgentInstance) -> None:
    answers = [read(instance) for _ in range(5)]
    write(instance, resource())
    version = policing.valid(FORBID, AGENT_SCHEMA)
    found = policy_trials.replay(actor=policing.author().actor, version=version)
    assert (found.replayed, found.changed, found.against_id) == (6, 5, None)
    (row,) = found.result
    assert (row["subject"], row["action"], row["change"], row["count"]) == (
        "agent/vulnerability-analyst", "get_vulnerability_info", "allow_to_deny", 5,
    )  # fmt: skip
    assert {one["decision"] for one in row["examples"]} <= {str(answer.id) for answer in answers}
    assert len(row["examples"]) == 3


@pytest.mark.django_db
def test_a_replay_knows_what_a_guardrail_gone_would_allow(instance: AgentInstance) -> None:
    guard(FORBID)
    read(instance)
    write(instance, resource())
    found = policy_trials.replay(actor=policing.author().actor, version=policing.valid(PERMIT, AGENT_SCHEMA))
    assert [(row["change"], row["count"]) for row in found.result] == [("deny_to_allow", 1)]


@pytest.mark.django_db
def test_a_replay_looks_at_the_newest_and_at_a_period(instance: AgentInstance) -> None:
    for _ in range(4):
        read(instance)
    version = policing.valid(FORBID, AGENT_SCHEMA)
    ada = policing.author().actor
    third = Decision.objects.order_by("decided_at")[2].decided_at
    assert policy_trials.replay(actor=ada, version=version, last=3).replayed == 3
    assert policy_trials.replay(actor=ada, version=version, since=third).replayed == 2
    assert policy_trials.replay(actor=ada, version=version, until=third).replayed == 2


@pytest.mark.django_db
def test_shadow_notices_what_agents_would_lose(
    instance: AgentInstance,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Callable[..., Any],
) -> None:
    monkeypatch.setattr(shadow, "SHARE", 1.0)
    guard(PERMIT)
    version = policing.in_shadow(FORBID, AGENT_SCHEMA)
    with django_capture_on_commit_callbacks(execute=True):
        answer = read(instance)
    assert answer.allowed
    (noticed,) = PolicyDifference.objects.all()
    assert (noticed.version_id, noticed.decision_id) == (version.pk, answer.id)
    assert (noticed.allowed, noticed.reason) == (False, "guardrail")


def test_shadow_rests_so_long_that_its_share_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("governance.shadow.time.perf_counter", lambda: now[0])
    budget, asked = shadow.Budget(), []

    def compare() -> None:
        asked.append(now[0])
        now[0] += 0.001

    for _ in range(1_000):
        budget.within(compare)
        now[0] += 0.001
    assert len(asked) == pytest.approx(2 * 1_000 * shadow.SHARE / 2, rel=0.2)


# --- Whatever is granted --------------------------------------------------------------------------------
FLAGS = (
    "review_done", "agent_active", "owner_active", "sponsor_active", "reads_on", "instance_live",
    "version_active", "dossier_unchanged", "edited", "function_approved", "read_granted", "write_elevated",
    "budget_was_spent",
)  # fmt: skip


@given(
    access=st.sampled_from(Access.values),
    flags=st.fixed_dictionaries(dict.fromkeys(FLAGS, st.booleans())),
    permit_missing=st.booleans(),
    error=st.sampled_from(["", "It failed."]),
)
def test_a_forbid_always_wins(access: str, flags: dict[str, Any], permit_missing: bool, error: str) -> None:  # noqa: FBT001
    facts = pdp.Facts(access=access, **flags, permit_missing=permit_missing, policy_error=error)
    assert not pdp.evaluate(replace(facts, forbidden_by="A guardrail forbids it.")).allowed
    # And policies never give what the rest of the pipeline does not.
    if pdp.evaluate(facts).allowed:
        assert pdp.evaluate(pdp.Facts(access=access, **flags)).allowed
        assert not error
        assert not permit_missing


@given(permit=st.booleans())
def test_the_replay_s_facts_are_what_they_say(permit: bool) -> None:  # noqa: FBT001
    assert pdp.evaluate(FACTS[permit]).allowed is permit


@pytest.mark.django_db
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    action=st.sampled_from(["get_vulnerability_info", "open_ticket", "fly", 'a"b']),
    on=st.sampled_from(["endpoint/nvd", f"finding/{uuid4()}", "no-identifier/x", "nothing", "/"]),
    access=st.sampled_from(list(Access)),
    intent=st.text(max_size=20).filter(lambda text: "\0" not in text and text.isprintable()),
)
def test_a_forbid_wins_on_every_question(
    forbidden: AgentInstance, action: str, on: str, access: Access, intent: str
) -> None:
    asked: Question = replace(question(forbidden, action, on, access), intent=intent)
    verdict = decisions.preview(asked)
    assert not verdict.allowed
    assert verdict.reason in {
        DecisionReason.GUARDRAIL, DecisionReason.POLICY_ERROR, DecisionReason.FUNCTION_NOT_IN_MANIFEST,
    }  # fmt: skip


@pytest.fixture
def forbidden(instance: AgentInstance) -> AgentInstance:
    guard(FORBID)
    return instance
