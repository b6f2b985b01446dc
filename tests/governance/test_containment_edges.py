"""Freezing and letting go where people do it: by token, by command, on the pages."""

from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from agents.choices import AgentState, TokenScope
from agents.models import Agent, Person
from governance.choices import ApprovalState, ApprovalSubject, ContainmentState, UnfreezeState
from governance.models import Approval, Containment, Unfreeze
from tests.api.calling import caller, problem
from tests.governance.story import events, read, start_instance

pytestmark = pytest.mark.django_db
REASON = {"reason": "It opens tickets that nobody asked for."}


def state(agent: Agent) -> str:
    return Agent.objects.get(pk=agent.pk).state


# --- By token -------------------------------------------------------------------------------------------
def test_a_token_freezes_an_agent(olivia: Person, aude: Person, oscar: Person, active_analyst: Agent) -> None:
    path = f"agents/{active_analyst.slug}/freeze"
    problem(caller(olivia, TokenScope.READ).post(path, REASON), 403, "insufficient-scope")
    problem(caller(aude).post(path, REASON), 403, "denied")
    problem(caller(oscar).post(path, REASON), 404, "not-found")
    problem(caller(olivia).post(path, {"reason": " "}), 422, "invalid")
    assert state(active_analyst) == AgentState.ACTIVE
    answered = caller(olivia).post(path, REASON)
    assert answered.status_code == 200
    shown = answered.json()
    assert (shown["level"], shown["state"]) == ("agent", "in_force")
    assert (shown["agent"]["slug"], shown["begun_by"]["username"]) == (active_analyst.slug, "olivia")
    assert state(active_analyst) == AgentState.FROZEN
    problem(caller(olivia).post(path, REASON), 409, "conflict")
    assert caller(olivia).get(f"containments/{shown['id']}").json()["reason"] == REASON["reason"]
    assert len(caller(aude).get("containments", {"state": "in_force"}).json()["results"]) == 1


def test_a_token_freezes_a_copy_an_owner_and_everything(
    ada: Person, sasha: Person, olivia: Person, active_analyst: Agent
) -> None:
    instance = start_instance(active_analyst)
    member = caller(sasha)
    for wrong in (
        {"level": "agent"},
        {"level": "everything", "agent": active_analyst.slug},
        {"level": "owner", "instance": instance.spiffe_id},
        {"level": "moon"},
        {"level": "owner", "owner": "nobody"},
    ):
        problem(member.post("containments", REASON | wrong), 422, "invalid")
    problem(member.post("containments", REASON | {"level": "everything"}), 403, "denied")
    made = member.post("containments", REASON | {"level": "instance", "instance": instance.spiffe_id})
    assert (made.status_code, made.json()["instance"]) == (201, instance.spiffe_id)
    assert read(instance).reason == "contained_instance"
    made = member.post("containments", REASON | {"level": "owner", "owner": "olivia"})
    assert (made.status_code, made.json()["person"]["username"]) == (201, "olivia")
    assert caller(ada).post("containments", REASON | {"level": "everything"}).status_code == 201
    assert read(instance).reason == "contained_everything"


def test_no_token_lets_anything_go_on(ada: Person, olivia: Person, active_analyst: Agent) -> None:
    frozen = caller(olivia).post(f"agents/{active_analyst.slug}/freeze", REASON).json()
    administrator = caller(ada)
    for path in (
        f"agents/{active_analyst.slug}/unfreeze",
        f"containments/{frozen['id']}/unfreeze",
        f"containments/{frozen['id']}/confirmation",
        f"agents/{active_analyst.slug}/kill",
    ):
        assert administrator.post(path, REASON).status_code == 404
    for method in ("PUT", "PATCH", "DELETE"):
        changed = administrator.change(method, f"containments/{frozen['id']}", {"state": "lifted"})
        assert changed.status_code == 405
    assert Containment.objects.get().state == ContainmentState.IN_FORCE
    assert not Unfreeze.objects.exists()


# --- By command -----------------------------------------------------------------------------------------
def command(*arguments: str) -> str:
    out = StringIO()
    call_command("freeze", *arguments, stdout=out)
    return out.getvalue()


@pytest.mark.parametrize(
    ("arguments", "level"),
    [
        (["vulnerability-analyst", "--as", "olivia"], "agent"),
        (["--owner", "olivia", "--as", "sasha"], "owner"),
        (["--everything", "--as", "ada"], "everything"),
    ],
)
def test_the_command_freezes(
    arguments: list[str], level: str, active_analyst: Agent, sasha: Person, ada: Person
) -> None:
    assert "Frozen" in command(*arguments, "--reason", "It must stop.")
    assert Containment.objects.get().level == level
    (told,) = events("containment.begun")
    assert told.actor == Containment.objects.get().begun_by.actor.ref


def test_the_command_freezes_a_copy(active_analyst: Agent, olivia: Person) -> None:
    instance = start_instance(active_analyst)
    command("--instance", instance.spiffe_id, "--as", "olivia", "--reason", "It must stop.")
    assert read(instance).reason == "contained_instance"


@pytest.mark.parametrize(
    "arguments",
    [
        ["nobody-knows-it", "--as", "olivia"],
        ["vulnerability-analyst", "--as", "nobody"],
        ["vulnerability-analyst", "--as", "oscar"],
        ["vulnerability-analyst", "--everything", "--as", "ada"],
        ["--everything", "--as", "olivia"],
        ["--as", "olivia"],
    ],
)
def test_what_the_command_cannot_do_it_says_with_two(
    arguments: list[str], active_analyst: Agent, ada: Person, oscar: Person
) -> None:
    with pytest.raises(CommandError) as refused:
        command(*arguments, "--reason", "It must stop.")
    assert refused.value.returncode == 2
    assert not Containment.objects.exists()


# --- On the pages ---------------------------------------------------------------------------------------
def signed_in(person: Person) -> Client:
    client = Client()
    client.force_login(person)
    return client


def act(person: Person, agent: Agent, action: str, **values: str) -> Any:
    """Press the button of a dialog on the agent's page."""
    url = reverse(f"admin:agents_agent_{action}", args=[agent.pk])
    return signed_in(person).post(url, {"_form_submitted": "on", **values})


def offered(person: Person, agent: Agent) -> set[str]:
    page = signed_in(person).get(reverse("admin:agents_agent_change", args=[agent.pk])).content.decode()
    names = ("freeze", "ask_to_unfreeze", "confirm_unfreeze", "decline_unfreeze", "ask_for_end")
    return {name for name in names if f'data-action="{name}"' in page}


def test_an_agent_is_stopped_and_let_go_on_by_clicking(
    active_analyst: Agent, olivia: Person, sasha: Person, aude: Person
) -> None:
    assert offered(olivia, active_analyst) == {"freeze", "ask_for_end"}
    assert offered(aude, active_analyst) == set()
    act(olivia, active_analyst, "freeze", **REASON)
    assert state(active_analyst) == AgentState.FROZEN
    assert offered(olivia, active_analyst) == {"ask_to_unfreeze", "ask_for_end"}
    act(olivia, active_analyst, "ask_to_unfreeze", reason="It is mended.")
    unfreeze = Unfreeze.objects.get()
    assert offered(olivia, active_analyst) == {"decline_unfreeze", "ask_for_end"}
    act(olivia, active_analyst, "confirm_unfreeze", digest=unfreeze.digest)
    assert state(active_analyst) == AgentState.FROZEN
    assert offered(sasha, active_analyst) == {"confirm_unfreeze", "decline_unfreeze", "ask_for_end"}
    act(sasha, active_analyst, "confirm_unfreeze", digest=unfreeze.digest)
    assert state(active_analyst) == AgentState.ACTIVE


def test_it_is_declined_on_its_own_page(active_analyst: Agent, olivia: Person, sasha: Person) -> None:
    act(olivia, active_analyst, "freeze", **REASON)
    act(olivia, active_analyst, "ask_to_unfreeze", reason="It is mended.")
    containment = Containment.objects.get()
    page = reverse("admin:governance_containment_change", args=[containment.pk])
    shown = signed_in(sasha).get(page).content.decode()
    assert "It is mended." in shown
    url = reverse("admin:governance_containment_decline_unfreeze", args=[containment.pk])
    signed_in(sasha).post(url, {"_form_submitted": "on", "reason": "Not tested."})
    assert Unfreeze.objects.get().state == UnfreezeState.DECLINED


def test_everything_is_frozen_on_a_page_that_says_what_stops(
    active_analyst: Agent, ada: Person, olivia: Person
) -> None:
    start_instance(active_analyst)
    page = reverse("admin:governance_containment_add")
    shown = signed_in(ada).get(page).content.decode()
    assert "1 agents with access, 1 running copies" in shown
    signed_in(olivia).post(page, REASON | {"level": "everything"})
    assert not Containment.objects.exists()
    signed_in(ada).post(page, REASON | {"level": "everything"})
    assert Containment.objects.get().level == "everything"
    listed = signed_in(ada).get(reverse("admin:governance_containment_changelist")).content.decode()
    assert "Everything" in listed


def test_the_board_is_asked_on_the_agents_page(active_analyst: Agent, olivia: Person, sasha: Person) -> None:
    act(olivia, active_analyst, "ask_for_end", reason="It is of no use.")
    approval = Approval.objects.get(subject=ApprovalSubject.KILL)
    assert approval.state == ApprovalState.PENDING
    url = reverse("admin:governance_approval_change", args=[approval.pk])
    shown = signed_in(sasha).get(url).content.decode()
    assert "It created none" in shown or "it created none" in shown
    assert "It is never taken back" in shown
