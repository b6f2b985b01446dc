"""The agent policy (S1-1): what it allows, how it is read, and how another is applied."""

import io
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from hypothesis import given
from hypothesis import strategies as st

from agents import policy, policy_rules
from agents.choices import AgentPolicyState, Autonomy, Environment
from agents.models import Agent, AgentPolicy, Person
from agents.policy_rules import Policy, Unattended
from agents.services import agent_policies, register
from audits.actor import Actor
from audits.choices import Action
from audits.errors import Conflict, Denied, Invalid
from audits.models import Event

SYSTEM = Actor.system("test")
SALES = policy.shipped().yaml.replace("business_units: any", "business_units:\n- Sales")


@dataclass
class Entry:
    business_unit: str = "Sales"
    problem_class: str = "general"
    environment: str = "production"
    autonomy: str = "asks"


def one_class(highest: str, unattended: str) -> Policy:
    return Policy.model_validate(
        {
            "business_units": ["Sales"],
            "problem_classes": [
                {
                    "slug": "general", "name": "General", "description": "Any.", "supervision": "A person.",
                    "highest_autonomy": highest, "unattended": unattended,
                }
            ],
        }
    )  # fmt: skip


@given(
    st.sampled_from(Autonomy),
    st.sampled_from(list(Unattended)),
    st.sampled_from(Autonomy),
    st.sampled_from(Environment),
)
def test_an_agent_acts_alone_only_where_its_class_says_so(
    highest: str, unattended: str, autonomy: str, environment: str
) -> None:
    found = policy_rules.violations(
        one_class(highest, unattended), Entry(autonomy=autonomy, environment=environment)
    )
    order = ["advises", "asks", "reports", "alone"]
    too_free = order.index(autonomy) > order.index(highest)
    alone = autonomy in ("reports", "alone")
    somewhere = unattended == "all" or (unattended == "non_production" and environment != "production")
    assert bool(found) == (too_free or (alone and not somewhere))
    assert {one.field for one in found} <= {"autonomy"}


def test_units_and_classes_are_named() -> None:
    counts = one_class("asks", "none")
    found = policy_rules.violations(counts, Entry(business_unit="HR", problem_class="astrology"))
    assert [one.field for one in found] == ["business_unit", "problem_class"]
    assert "No problem class" in policy_rules.violations(counts, Entry(problem_class=""))[0].sentence


def test_the_shipped_policy_is_read_back_as_it_is() -> None:
    assert policy_rules.parse(policy.shipped().yaml) == policy.shipped()


@pytest.mark.parametrize(
    ("change", "line", "field"),
    [
        (("business_units: any", "business_units: 7"), 1, "business_units"),
        (("highest_autonomy: asks", "highest_autonomy: free"), 6, "problem_classes.0.highest_autonomy"),
        (("slug: general", "slug: General!"), 3, "problem_classes.0.slug"),
        (("slug: data-analysis", "slug: general"), 15, "problem_classes.2.slug"),
        (("unattended: none", "unattended: never"), 8, "problem_classes.0.unattended"),
        (("business_units: any", "business_units: any\ncolour: red"), 2, "colour"),
        (("business_units: any", "business_units: any\nbusiness_units: any"), 2, ""),
        (("business_units: any", "business_units: &x any"), 1, ""),
    ],
)
def test_what_is_wrong_is_said_with_its_line(change: tuple[str, str], line: int, field: str) -> None:
    with pytest.raises(policy_rules.PolicyError) as refusal:
        policy_rules.parse(policy.shipped().yaml.replace(*change, 1))
    assert field in {one.field for one in refusal.value.problems}
    assert refusal.value.problems[0].line >= line - 2
    if not field.startswith("problem_classes"):
        assert refusal.value.problems[0].line == line


@pytest.mark.django_db
def test_an_administrator_applies_a_policy_and_the_one_before_is_replaced(ada: Person) -> None:
    first = agent_policies.apply(actor=ada.actor, text=SALES, reason="Sales alone.")
    second = agent_policies.apply(actor=ada.actor, text=policy.shipped().yaml, reason="Anybody again.")
    first.refresh_from_db()
    assert (first.number, first.state) == (1, AgentPolicyState.REPLACED)
    assert (second.number, second.state) == (2, AgentPolicyState.ACTIVE)
    assert policy.active() == policy.shipped()
    assert Event.objects.filter(action=Action.AGENT_POLICY_APPLIED).count() == 2
    with pytest.raises(Conflict, match="already"):
        agent_policies.apply(actor=ada.actor, text=policy.shipped().yaml, reason="Again.")


@pytest.mark.django_db
def test_only_administrators_apply_one_and_say_why(olivia: Person, ada: Person) -> None:
    with pytest.raises(Denied):
        agent_policies.apply(actor=olivia.actor, text=SALES, reason="Mine.")
    for text, reason in ((SALES, " "), ("business_units: 7", "Because.")):
        with pytest.raises(Invalid):
            agent_policies.apply(actor=ada.actor, text=text, reason=reason)
    assert not AgentPolicy.objects.exists()
    assert Event.objects.filter(action=Action.AGENT_POLICY_APPLIED, outcome="denied").count() == 1


@pytest.mark.django_db
def test_the_database_refuses_to_change_what_was_applied(ada: Person) -> None:
    applied = agent_policies.apply(actor=ada.actor, text=SALES, reason="Sales alone.")
    with pytest.raises(IntegrityError, match="does not change"), transaction.atomic():
        AgentPolicy.objects.filter(pk=applied.pk).update(document={})


@pytest.mark.django_db
def test_it_is_asked_at_registration_and_reported_afterwards(
    ada: Person, olivia: Person, analyst: Agent
) -> None:
    assert policy.violations(analyst) == []
    agent_policies.apply(actor=ada.actor, text=SALES, reason="Sales alone.")
    assert [one.field for one in policy.violations(analyst)] == ["business_unit"]
    assert [agent for agent, _ in policy.agents_outside()] == [analyst]
    with pytest.raises(Invalid) as refusal:
        register.register_agent(
            actor=olivia, slug="x", name="X", purpose="Helps.", business_unit="HR", owner=olivia
        )
    assert list(refusal.value.fields) == ["business_unit"]


@pytest.mark.django_db
def test_the_command_shows_exports_and_applies(analyst: Agent, tmp_path: Path) -> None:
    def told(*arguments: str) -> str:
        out = io.StringIO()
        call_command("agent_policy", *arguments, stdout=out)
        return out.getvalue()

    assert policy_rules.parse(told("export")) == policy.shipped()
    path = tmp_path / "policy.yaml"
    path.write_text(SALES, encoding="utf-8")
    assert f"Outside: {analyst.slug}" in told("apply", str(path), "--reason", "Sales alone.")
    assert "Agent policy 1" in told("show")
    for arguments in (
        ("apply", str(path), "--reason", "x"),
        ("apply", str(tmp_path / "no"), "--reason", "x"),
    ):
        with pytest.raises(CommandError) as refusal:
            told(*arguments)
        assert refusal.value.returncode == 2
