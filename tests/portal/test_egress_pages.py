"""Egress lists, exceptions, endpoints and outcomes, by clicking."""

import pytest
from django.test import Client
from django.urls import reverse

from agents.choices import BreakerState, EgressMode
from agents.models import Agent, EgressException, EgressPolicy, Endpoint, Person
from agents.services import egress_lists

pytestmark = pytest.mark.django_db
SENT = {"_form_submitted": "on"}


def test_a_steward_gives_an_agent_lists_and_changes_them(
    client: Client, stella: Person, active_analyst: Agent
) -> None:
    client.force_login(stella)
    given = {
        "agent": active_analyst.slug,
        "mode": "hybrid",
        "allow": "https://api.example.org\r\n\r\n*.example.com:8443\r\n",
        "deny": "evil.example.com",
        "reason": "It reads advisories.",
    }
    made = client.post(reverse("admin:agents_egresspolicy_add"), given)
    policy = EgressPolicy.objects.get()
    assert made["Location"] == reverse("admin:agents_egresspolicy_change", args=[policy.pk])
    assert policy.allow == ["https://*.example.com:8443", "https://api.example.org"]
    url = reverse("admin:agents_egresspolicy_change_lists", args=[policy.pk])
    dialog = client.get(url).content.decode()
    assert "https://api.example.org" in dialog
    refused = client.post(url, {**given, "allow": "*", **SENT}, headers={"HX-Request": "true"})
    assert "is not [scheme" in refused.content.decode()
    changed = client.post(url, {**given, "allow": "https://api.example.org", **SENT})
    assert changed.status_code == 302
    policy.refresh_from_db()
    assert policy.allow == ["https://api.example.org"]
    page = client.get(reverse("admin:agents_agent_change", args=[active_analyst.pk])).content.decode()
    assert "What it may reach" in page
    assert "What it tried to reach" in page


def test_an_owner_sees_and_does_not_say_what_is_reached(
    client: Client, olivia: Person, ada: Person, active_analyst: Agent
) -> None:
    egress_lists.change(
        actor=ada, agent=active_analyst, mode=EgressMode.ALLOW, allow=["x.example"], deny=[], reason="So."
    )
    policy = EgressPolicy.objects.get()
    client.force_login(olivia)
    page = client.get(reverse("admin:agents_egresspolicy_change", args=[policy.pk])).content.decode()
    assert "https://x.example" in page
    assert client.get(reverse("admin:agents_egresspolicy_add")).status_code == 403
    url = reverse("admin:agents_egresspolicy_change_lists", args=[policy.pk])
    assert client.post(url, {"mode": "deny", "reason": "So.", **SENT}).status_code == 403


def test_an_administrator_makes_and_ends_an_exception(client: Client, ada: Person) -> None:
    client.force_login(ada)
    given = {"host": "nvd.internal", "port": 443, "days": 7, "reason": "Our mirror."}
    client.post(reverse("admin:agents_egressexception_add"), given)
    made = EgressException.objects.get()
    assert (made.agent, made.host) == (None, "nvd.internal")
    url = reverse("admin:agents_egressexception_end", args=[made.pk])
    assert client.post(url, SENT).status_code == 302
    made.refresh_from_db()
    assert made.ended_by == ada.actor.ref
    again = client.post(url, SENT, headers={"HX-Request": "true"})
    assert "over already" in again.content.decode()


def test_a_breaker_is_opened_and_closed_by_hand(client: Client, stella: Person, olivia: Person) -> None:
    nvd = Endpoint.objects.get(name="nvd")
    trip, reset = (reverse(f"admin:agents_endpoint_{verb}", args=[nvd.pk]) for verb in ("trip", "reset"))
    client.force_login(olivia)
    assert client.post(trip, {"reason": "So.", **SENT}).status_code == 403
    client.force_login(stella)
    page = reverse("admin:agents_endpoint_change", args=[nvd.pk])
    shown = client.get(page).content.decode()
    assert "Open the breaker" in shown
    assert "Close the breaker" not in shown
    assert client.post(trip, {"reason": "It answers nonsense.", **SENT}).status_code == 302
    nvd.refresh_from_db()
    assert (nvd.state, nvd.tripped) == (BreakerState.OPEN, True)
    shown = client.get(page).content.decode()
    assert "It answers nonsense." in shown
    assert "Open the breaker" not in shown
    assert client.post(reset, {"reason": "Well again.", **SENT}).status_code == 302
    nvd.refresh_from_db()
    assert nvd.state == BreakerState.CLOSED


def test_an_administrator_names_an_endpoint_and_changes_it(
    client: Client, ada: Person, stella: Person
) -> None:
    client.force_login(stella)
    assert client.get(reverse("admin:agents_endpoint_add")).status_code == 403
    client.force_login(ada)
    client.post(reverse("admin:agents_endpoint_add"), {"name": "crm", "url": "https://crm.example.org/api"})
    made = Endpoint.objects.get(name="crm")
    url = reverse("admin:agents_endpoint_change_endpoint", args=[made.pk])
    client.post(url, {"url": "https://crm.example.org/v2", "failure_threshold": 3, **SENT})
    made.refresh_from_db()
    assert (made.url, made.threshold) == ("https://crm.example.org/v2", 3)
