"""Agents acting for me: given, handed out and ended by people at the portal, and by nobody else."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from agents import subject_token
from agents.models import Agent, Delegation, Person
from audits.models import Event
from governance.models import Decision
from tests import signing_in
from tests.api.calling import caller
from tests.oauth.client import Copy, handed_out, let, provisioned, trade
from tests.portal.pages import address, page

pytestmark = pytest.mark.django_db


@pytest.fixture
def mine() -> str:
    return reverse("admin:my_delegations")


def filled(agent: Agent, **changes: Any) -> dict[str, Any]:
    return {
        "agent": str(agent.pk),
        "actions": "get_vulnerability_info\n",
        "resources": "endpoint/nvd\nfinding/{id}",
        "purpose": "Answer my tickets.",
        "data_scope": "vulnerability reports",
        "days": 7,
    } | changes


def said(answered: Any) -> str:
    return " ".join(str(message) for message in answered.context["messages"])


def test_anybody_who_may_sign_in_lets_an_agent_act_for_them(
    client: Client, oscar: Person, active_analyst: Agent, mine: str
) -> None:
    client.force_login(oscar)
    assert "No agent acts for you." in page(client, mine)
    answered = client.post(mine, filled(active_analyst), follow=True)
    assert "may act for you" in said(answered)
    given = Delegation.objects.get()
    assert (given.person, given.resources) == (oscar, ["endpoint/nvd", "finding/{id}"])
    assert not given.may_pass_on
    event = Event.objects.get(action="delegation.given", outcome="success")
    assert (event.actor, event.details["purpose"]) == (oscar.actor.ref, "Answer my tickets.")
    handed = said(client.post(mine, {"hand_out": str(given.pk)}, follow=True))
    subject = subject_token.read(handed.rpartition(" ")[2], now=given.starts_at)
    assert (subject.delegation, subject.may_act) == (given.pk, active_analyst.slug)
    assert handed.rpartition(" ")[2] not in page(client, mine)
    assert "acts for you no more" in said(client.post(mine, {"end": str(given.pk)}, follow=True))
    given.refresh_from_db()
    assert given.ended_by == oscar.actor.ref
    assert "ended already" in said(client.post(mine, {"end": str(given.pk)}, follow=True))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"actions": "drop_everything"}, "It has no drop_everything."),
        ({"actions": " "}, "required"),
        ({"resources": "everything"}, "type/id"),
        ({"data_scope": "salaries"}, "does not handle salaries"),
        ({"days": 91}, "From 1 to 90 days."),
        ({"purpose": " "}, "required"),
    ],
)
def test_what_is_not_clear_is_asked_for_again(
    client: Client, oscar: Person, active_analyst: Agent, changes: dict[str, Any], words: str
) -> None:
    client.force_login(oscar)
    answered = client.post(reverse("admin:my_delegations"), filled(active_analyst, **changes))
    assert answered.status_code == 200
    assert words in answered.content.decode()
    assert not Delegation.objects.exists()


def test_giving_and_handing_out_ask_who_is_at_the_screen(
    client: Client, oscar: Person, active_analyst: Agent, mine: str
) -> None:
    given = let(oscar, active_analyst)
    client.force_login(oscar)
    signing_in.prove(client, oscar, [signing_in.PASSWORD_RECORD], minutes=6)
    for form in (filled(active_analyst), {"hand_out": str(given.pk)}):
        assert client.post(mine, form)["Location"].startswith(reverse("confirm"))
    assert Delegation.objects.count() == 1
    assert not Event.objects.filter(action="subject_token.issued").exists()
    client.post(mine, {"end": str(given.pk)})  # ending never waits
    given.refresh_from_db()
    assert given.ended_at


def test_nobody_reaches_anothers(
    client: Client, olivia: Person, oscar: Person, active_analyst: Agent, mine: str
) -> None:
    given = let(oscar, active_analyst)
    client.force_login(olivia)
    for verb in ("end", "hand_out"):
        assert client.post(mine, {verb: str(given.pk)}).status_code == 404
    given.refresh_from_db()
    assert given.ended_at is None


def test_a_token_of_the_api_reads_and_no_more(
    aude: Person, oscar: Person, active_analyst: Agent, client: Client, mine: str
) -> None:
    given = let(oscar, active_analyst)
    reader = caller(aude)
    assert reader.get(f"delegations/{given.pk}").json()["purpose"] == "Answer my tickets."
    assert reader.get("delegations?person=oscar").json()["results"][0]["agent"]
    for path in ("delegations", f"delegations/{given.pk}", f"delegations/{given.pk}/end"):
        assert caller(oscar).post(path, {}).status_code in {403, 404, 405}
    headers = caller(oscar)._headers
    for form in ({"end": str(given.pk)}, {"hand_out": str(given.pk)}):
        assert client.post(mine, form, headers=headers).status_code in {302, 403}
    given.refresh_from_db()
    assert given.ended_at is None
    assert not Event.objects.filter(action="subject_token.issued").exists()


def test_who_watches_over_them_sees_all_and_an_administrator_ends_one(
    client: Client, ada: Person, aude: Person, oscar: Person, active_analyst: Agent
) -> None:
    given = let(oscar, active_analyst)
    action = reverse("admin:agents_delegation_end", args=[given.pk])
    client.force_login(aude)
    assert "Answer my tickets." in page(client, address(given))
    assert client.post(action, {"_form_submitted": "on"}).status_code == 403
    client.force_login(ada)
    assert client.post(action, {"_form_submitted": "on"}).status_code == 302
    given.refresh_from_db()
    assert given.ended_by == ada.actor.ref


def test_the_decisions_page_says_who_triggered_it_and_for_what(
    client: Client, oscar: Person, olivia: Person, active_analyst: Agent
) -> None:
    copy: Copy = provisioned(olivia, active_analyst)
    assert trade(client, copy, handed_out(let(oscar, active_analyst))).status_code == 200
    client.force_login(olivia)
    text = page(client, address(Decision.objects.get()))
    for words in ("Oscar Outsider", copy.instance.spiffe_id, "Answer my tickets.", "vulnerability reports"):
        assert words in text
