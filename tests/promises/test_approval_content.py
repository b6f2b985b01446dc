"""What was approved is what runs (promise 4): every edit is found, before and after the last vote."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.db import transaction
from django.db.models import Model
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agents.decision_point import Answer
from agents.models import Agent, AgentInstance, AgentVersion, Person
from audits.errors import Conflict
from governance import contents, selectors
from governance.choices import ApprovalState
from governance.models import Approval, RiskAssessment
from tests.governance.story import cast, read, start_instance, tamper, version_of, without_triggers

text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1, max_size=50)
AGENT_TEXTS = (
    "slug", "name", "purpose", "business_unit", "problem_class", "environment", "autonomy", "runbook",
    "monitoring_plan",
)  # fmt: skip
AGENT_LISTS = ("data_categories", "jurisdictions", "frameworks")
VERSION_TEXTS = (
    "label", "digest", "model_provider", "model_name", "model_version", "prompt_digest", "code_commit",
    "data_snapshot", "image_digest",
)  # fmt: skip
Edit = Callable[[Agent], Any]


def edit_agent(field: str, value: Any) -> Edit:
    return lambda agent: Agent.objects.filter(pk=agent.pk).update(**{field: fitting(Agent, field, value)})


def fitting(model: type[Model], field: str, value: Any) -> Any:
    """As much of a text as the column takes: PostgreSQL refuses more, so nobody edits it in."""
    longest = getattr(model._meta.get_field(field), "max_length", None)
    return value[:longest] if isinstance(value, str) else value


def edit_people(role: str) -> Edit:
    """Somebody else is put in, by hand."""

    def edit(agent: Agent) -> None:
        other = Person.objects.exclude(pk=agent.owner_id).order_by("username")[0]
        if role == "deputies":
            agent.deputies.set([other])
        else:
            Agent.objects.filter(pk=agent.pk).update(**{role: other})

    return edit


def edit_version(field: str, value: Any) -> Edit:
    rows = AgentVersion.objects.all()
    value = fitting(AgentVersion, field, value)
    return lambda agent: tamper(rows.filter(pk=version_of(agent).pk), **{field: value})


def edit_function(position: int, field: str, value: Any) -> Edit:
    def edit(agent: Agent) -> None:
        version = AgentVersion.objects.get(pk=version_of(agent).pk)
        version.tool_manifest[position][field] = value
        edit_version("tool_manifest", version.tool_manifest)(agent)

    return edit


def edit_risk(field: str, value: Any) -> Edit:
    return lambda agent: RiskAssessment.objects.filter(agent=agent).update(**{field: value})


def edit_class(level: str) -> Edit:
    """With the class that was computed: the database refuses another one without a vote."""
    rows = RiskAssessment.objects.all()
    return lambda agent: rows.filter(agent=agent).update(risk_class_id=level, computed=level)


def add_function(agent: Agent) -> None:
    version = AgentVersion.objects.get(pk=version_of(agent).pk)
    added = {
        "name": "more",
        "access": "read",
        "resource": "endpoint/more",
        "description": "",
        "parameters": {},
    }
    edit_version("tool_manifest", [*version.tool_manifest, added])(agent)


def drop_function(agent: Agent) -> None:
    version = AgentVersion.objects.get(pk=version_of(agent).pk)
    edit_version("tool_manifest", version.tool_manifest[1:])(agent)


edits: st.SearchStrategy[Edit] = st.one_of(
    st.builds(edit_agent, st.sampled_from(AGENT_TEXTS), text),
    st.builds(edit_agent, st.sampled_from(AGENT_LISTS), st.lists(text, min_size=1, max_size=3)),
    st.builds(edit_agent, st.sampled_from(AGENT_LISTS), st.just([0.5])),
    st.builds(edit_people, st.sampled_from(("owner", "sponsor", "deputies"))),
    st.builds(edit_version, st.sampled_from(VERSION_TEXTS), text),
    st.builds(
        edit_function,
        st.integers(0, 2),
        st.sampled_from(("name", "resource", "description", "note")),
        text,
    ),
    st.builds(edit_function, st.integers(0, 2), st.just("access"), st.sampled_from(("execute", "", "x"))),
    st.builds(
        edit_function,
        st.integers(0, 2),
        st.just("parameters"),
        st.dictionaries(text, st.one_of(text, st.floats(allow_nan=False, allow_infinity=False)), max_size=3),
    ),
    st.builds(edit_risk, st.just("answers"), st.dictionaries(st.sampled_from(("scale", "autonomy")), text)),
    st.builds(edit_risk, st.just("score"), st.integers(0, 5)),
    st.builds(edit_class, st.sampled_from(("low", "high"))),
    st.sampled_from((add_function, drop_function, lambda agent: agent.deputies.clear())),
)


@pytest.mark.django_db
def test_every_field_edited_after_approval(active_analyst: Agent) -> None:
    instance = start_instance(active_analyst)

    def answer_after(edit: Edit) -> Answer:
        with transaction.atomic():
            edit(active_analyst)
            answer = read(AgentInstance.objects.get(pk=instance.pk))
            transaction.set_rollback(True)
        return answer

    @settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(edits)
    def attack(edit: Edit) -> None:
        answer = answer_after(edit)
        assert not answer.allowed
        assert answer.reason == "version_not_approved"

    attack()
    assert read(instance).allowed


@pytest.mark.django_db
@pytest.mark.parametrize("field", [*AGENT_TEXTS, *AGENT_LISTS])
def test_every_field_of_the_agent_edited_before_the_last_vote(
    field: str, submitted: Approval, members: list[Person]
) -> None:
    for member in members[:-1]:
        cast(member, submitted)
    value = ["everything"] if field in AGENT_LISTS else "edited"
    Agent.objects.filter(pk=submitted.agent_id).update(**{field: value})
    with pytest.raises(Conflict):
        cast(members[-1], submitted)
    submitted.refresh_from_db()
    assert submitted.state == ApprovalState.VOIDED
    assert not Agent.objects.get(pk=submitted.agent_id).approved_digest


@pytest.mark.django_db
@pytest.mark.parametrize("field", VERSION_TEXTS)
def test_every_field_of_the_version_edited_before_the_last_vote(
    field: str, submitted: Approval, members: list[Person]
) -> None:
    tamper(AgentVersion.objects.filter(pk=submitted.subject_id), **{field: "edited"})
    with pytest.raises(Conflict):
        cast(members[0], submitted)


@pytest.mark.django_db
def test_the_property_edits_every_field_of_a_dossier(active_analyst: Agent) -> None:
    """The test of the test: a new field of the dossier fails here until it is edited above."""
    content = contents.read(Approval.objects.get())
    assert set(content["agent"]) == {"id", *AGENT_TEXTS, *AGENT_LISTS}
    assert set(content["version"]) == {"id", "tool_manifest", *VERSION_TEXTS}
    assert set(content["risk"]) == {"answers", "score", "computed", "level"}
    people = {"owner", "deputies", "sponsor"}
    assert set(content) - set(contents.FROZEN) - people == {
        "v", "kind", "agent", "version", "risk", "reads", "writes",
    }  # fmt: skip


@pytest.mark.django_db
def test_the_approved_bytes_rewritten_together_with_their_digest(active_analyst: Agent) -> None:
    approval = Approval.objects.get(digest=active_analyst.approved_digest)
    forged = approval.content.replace('"quorum":5', '"quorum":1')
    tamper(Approval.objects.filter(pk=approval.pk), content=forged)
    assert selectors.approved_dossier(active_analyst) is None
    assert read(start_instance(active_analyst)).reason == "version_not_approved"


@pytest.mark.django_db
def test_the_approval_of_another_agent_pinned_to_this_one(active_analyst: Agent, olivia: Person) -> None:
    with without_triggers():
        other = Agent.objects.create(
            slug="other", name="Other", purpose="x", business_unit="x", owner=olivia,
            state="active", active_version=version_of(active_analyst),
            approved_digest=active_analyst.approved_digest,
        )  # fmt: skip
    instance = AgentInstance.objects.create(
        agent=other, version=version_of(active_analyst), spiffe_id=f"spiffe://other/{uuid4()}"
    )
    assert read(instance).reason == "version_not_approved"
