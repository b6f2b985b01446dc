"""Proxies of agents ask whether something may leave, and get the answer that our own gateway gets."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.conf import LazySettings
from django.test import Client
from django.utils import timezone

from agents.choices import BreakerState, EgressMode
from agents.models import Agent, AgentInstance, EgressAttempt, Endpoint, Person
from agents.services import egress_lists, instances
from audits.choices import Action
from audits.models import Event
from tests.agents.conftest import SYSTEM, instance
from tests.authzen.asking import Asker

__all__ = ["instance"]
EGRESS = "/access/v1/egress"
ANALYST = {"type": "agent", "id": "vulnerability-analyst"}
pytestmark = pytest.mark.django_db


def asks(asker: Asker, url: str, subject: dict[str, Any] = ANALYST) -> tuple[bool, str]:
    answered = asker.ask(EGRESS, {"subject": subject, "url": url})
    row = EgressAttempt.objects.get(pk=answered["context"]["attempt_id"])
    assert (row.allowed, row.reason) == (answered["decision"], answered["context"]["reason"])
    assert row.asked_by == asker.point.name
    return answered["decision"], answered["context"]["reason"]


def test_the_answer_is_that_of_the_lists(
    asker: Asker, ada: Person, active_analyst: Agent, settings: LazySettings
) -> None:
    assert asks(asker, settings.NVD_URL) == (True, "endpoint")
    assert asks(asker, "https://crm.example.org/") == (False, "not_listed")
    egress_lists.change(
        actor=ada, agent=active_analyst, mode=EgressMode.HYBRID, allow=["*.example.org"],
        deny=["bad.example.org"], reason="It needs it.",
    )  # fmt: skip
    assert asks(asker, "https://CRM.example.org.:443/") == (True, "allow_list")
    assert asks(asker, "https://bad.example.org/") == (False, "deny_list")
    events = Event.objects.filter(action=Action.EGRESS_ATTEMPTED, stream=active_analyst.stream)
    assert [event.outcome for event in events.order_by("pk")] == ["success", "denied", "success", "denied"]
    assert {event.actor for event in events} == {"system/enforcement-point-crm-gateway"}


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("https://services.nvd.nist.gov@evil.example/rest/json/cves/2.0", "userinfo"),
        ("https://services.nvd.nist.gov\\@evil.example/", "malformed"),
        ("https://services.nvd.nist.gov/rest/json/cves/2.0/../../../admin", "path"),
        ("https://services.nvd.nist.gov/\r\nX: y", "malformed"),
        ("http://169.254.169.254/latest/meta-data/", "not_listed"),
        ("http://2130706433/", "host"),
        ("", "scheme"),
        ("x" * 3000, "too_long"),
    ],
)
def test_hostile_addresses_are_refused_and_recorded(
    asker: Asker, active_analyst: Agent, url: str, reason: str
) -> None:
    assert asks(asker, url) == (False, reason)


def test_who_is_not_known_or_may_not_act_reaches_nothing(
    asker: Asker, active_analyst: Agent, settings: LazySettings
) -> None:
    for subject in ({"type": "agent", "id": "nobody"}, {"type": "user", "id": "vulnerability-analyst"}):
        assert asks(asker, settings.NVD_URL, subject) == (False, "agent_unknown")
    Agent.objects.update(state="frozen")
    assert asks(asker, settings.NVD_URL) == (False, "agent_not_active")


def test_a_copy_that_has_ended_reaches_nothing(
    asker: Asker, instance: AgentInstance, settings: LazySettings
) -> None:
    subject = {"type": "agent_instance", "id": instance.spiffe_id}
    assert asks(asker, settings.NVD_URL, subject) == (True, "endpoint")
    instances.end(actor=SYSTEM, instance=instance)
    assert asks(asker, settings.NVD_URL, subject) == (False, "agent_not_active")


def test_an_open_breaker_counts_outside_too(
    asker: Asker, active_analyst: Agent, settings: LazySettings
) -> None:
    nvd = Endpoint.objects.filter(name="nvd")
    nvd.update(state=BreakerState.OPEN, state_since=timezone.now())
    assert asks(asker, settings.NVD_URL) == (False, "breaker_open")
    nvd.update(state_since=timezone.now() - timedelta(hours=1))
    assert asks(asker, settings.NVD_URL) == (True, "endpoint")
    nvd.update(tripped=True)
    assert asks(asker, settings.NVD_URL) == (False, "breaker_open")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"subject": ANALYST},
        {"url": "https://x.example"},
        {"subject": ANALYST, "url": None},
        {"subject": ANALYST, "url": ["https://x.example"]},
        {"subject": "vulnerability-analyst", "url": "https://x.example"},
        {"subject": {"type": "agent"}, "url": "https://x.example"},
        [],
    ],
)
def test_what_is_malformed_is_said_as_a_string(asker: Asker, body: object) -> None:
    asker.refuses(EGRESS, body)
    assert not EgressAttempt.objects.exists()


def test_without_a_credential_nothing_is_said(active_analyst: Agent) -> None:
    body = json.dumps({"subject": ANALYST, "url": "https://x.example"})
    answered = Client().post(EGRESS, data=body, content_type="application/json")
    assert answered.status_code == 401
    assert not EgressAttempt.objects.exists()
