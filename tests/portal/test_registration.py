"""The page that registers the portal's own analyst, and the command that adds people."""

import io
import sys

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from agents.models import Agent, Person
from audits.choices import Action
from audits.models import Event
from governance.models import Approval
from governance.services import risk

pytestmark = pytest.mark.django_db
URL = "admin:register_analyst"
ANSWERS = {f"risk_{question.id}": question.options[1].id for question in risk.QUESTIONS}
FIRST = {
    "name": "Analyst",
    "purpose": "Reads reports.",
    "business_unit": "Security",
    "problem_class": "security-analysis",
    "environment": "production",
    "autonomy": "asks",
    "label": "1.0.0",
}


def submit(client: Client, **fields: str) -> str | None:
    """POST the form; the address that follows where it was taken."""
    response = client.post(reverse(URL), ANSWERS | fields)
    return response.headers.get("Location")


def test_an_owner_registers_and_is_led_to_the_checklist(client: Client, olivia: Person) -> None:
    client.force_login(olivia)
    page = client.get(reverse(URL))
    assert page.status_code == 200
    assert not Agent.objects.exists()
    location = submit(client, **FIRST)
    agent = Agent.objects.get()
    version = agent.versions.get()
    shown_at = reverse("admin:agents_agent_change", args=[agent.pk])
    assert location == f"{shown_at}?checklist={version.pk}#checklist"
    assert (agent.owner, version.label, agent.state) == (olivia, "1.0.0", "draft")
    assert agent.risk_assessments.exists()
    assert not Approval.objects.exists()
    shown = client.get(location).content.decode()
    assert "Deployment checklist of 1.0.0" in shown
    assert "Functional test: no run on this version is recorded." in shown


def test_the_entry_comes_complete_and_can_be_edited_first(client: Client, olivia: Person) -> None:
    client.force_login(olivia)
    initial = client.get(reverse(URL)).context["form"].initial
    said = {name: initial[name] for name in ("runbook", "monitoring_plan")}
    assert all(said.values())
    submit(client, **FIRST, **said, jurisdictions="DE, us", frameworks="GDPR")
    agent = Agent.objects.get()
    assert (agent.runbook, agent.monitoring_plan) == tuple(said.values())
    assert (agent.jurisdictions, agent.frameworks) == (["DE", "US"], ["GDPR"])
    assert agent.problem_class == "security-analysis"


def test_the_next_version_asks_for_no_name(client: Client, olivia: Person) -> None:
    client.force_login(olivia)
    submit(client, **FIRST)
    assert b'name="purpose"' not in client.get(reverse(URL)).content
    assert submit(client, label="1.0.1") is not None
    assert sorted(Agent.objects.get().versions.values_list("label", flat=True)) == ["1.0.0", "1.0.1"]


def test_a_label_that_is_taken_is_a_form_error_and_changes_nothing(client: Client, olivia: Person) -> None:
    client.force_login(olivia)
    submit(client, **FIRST)
    before = Event.objects.count()
    response = client.post(reverse(URL), ANSWERS | {"label": "1.0.0"})
    assert response.status_code == 200
    assert b"choose another" in response.content
    assert Event.objects.count() == before


def test_an_unanswered_question_is_a_form_error_and_changes_nothing(client: Client, olivia: Person) -> None:
    client.force_login(olivia)
    response = client.post(reverse(URL), FIRST)
    assert response.status_code == 200
    assert b"This field is required" in response.content
    assert not Agent.objects.exists()


def test_others_may_not(client: Client, olivia: Person, aude: Person, sasha: Person) -> None:
    for person in (aude, sasha):
        client.force_login(person)
        assert client.get(reverse(URL)).status_code == 403
        assert client.post(reverse(URL), ANSWERS | FIRST).status_code == 403
    assert not Agent.objects.exists()


def test_nobody_submits_for_another_owner(client: Client, olivia: Person, analyst: Agent) -> None:
    stranger = Person.objects.create_user("stranger", is_staff=True)
    stranger.groups.set(olivia.groups.all())
    client.force_login(stranger)
    assert client.post(reverse(URL), ANSWERS | {"label": "9"}).status_code == 403
    assert not analyst.versions.exists()


def add(monkeypatch: pytest.MonkeyPatch, password: str, *arguments: str) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(password + "\n"))
    call_command("person", "add", *arguments, stdout=io.StringIO())


def test_the_first_administrator_is_added_and_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    add(monkeypatch, "a-long-enough-sentence", "root", "--administrator")
    person = Person.objects.get(username="root")
    assert person.is_superuser
    assert person.check_password("a-long-enough-sentence")
    assert Event.objects.get(action=Action.PERSON_ADDED).object == f"person/{person.pk}"


def test_a_weak_password_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CommandError, match="too short") as caught:
        add(monkeypatch, "short", "root")
    assert caught.value.returncode == 2
    assert not Person.objects.exists()


def test_a_username_that_is_taken_is_refused(monkeypatch: pytest.MonkeyPatch, olivia: Person) -> None:
    with pytest.raises(CommandError, match="taken"):
        add(monkeypatch, "a-long-enough-sentence", "olivia", "--group", "Owners")
