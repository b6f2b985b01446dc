"""What an agent reaches is unusual against its own past, and its owner is told (S2-10)."""

import threading
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from agents.anomaly_rules import MOST, Figures, Reached, unusual
from agents.choices import AnomalyKind, NotificationKind
from agents.models import Agent, AnomalyRule, EgressAnomaly, EgressAttempt, Notification, Person
from agents.services import egress_anomalies
from audits.choices import Action
from audits.errors import Conflict, Denied, Invalid
from audits.models import Event
from portal import waiting

HOUR = Figures(window_minutes=60, baseline_days=1, factor=3, minimum=5)
NAMES = st.sampled_from(["a:443", "b:443", "c:80"])
COUNTS = st.dictionaries(NAMES, st.integers(1, 1000))
REACHED = st.builds(Reached, attempts=COUNTS, transferred=COUNTS, off_hours=st.integers(0, 1000))


# --- The rules ---------------------------------------------------------------------------------------------
def found(kind: AnomalyKind, lately: Reached, before: Reached) -> list[tuple[str, int, int]]:
    return [(each.destination, each.observed, each.expected) for each in unusual(kind, HOUR, lately, before)]


def test_more_than_so_many_times_the_usual() -> None:
    usual = Reached(attempts={"a:443": 48})  # two an hour
    assert found(AnomalyKind.RATE, Reached(attempts={"a:443": 6}), usual) == []
    assert found(AnomalyKind.RATE, Reached(attempts={"a:443": 4, "b:443": 3}), usual) == [("", 7, 2)]
    assert found(AnomalyKind.RATE, Reached(attempts={"a:443": 4}), Reached()) == [], "too few to matter"


def test_a_destination_is_new_only_to_who_has_a_past() -> None:
    past = Reached(attempts={"a:443": 5})
    lately = Reached(attempts={"a:443": 1, "a:80": 2, "b:443": 1})
    assert found(AnomalyKind.DESTINATION, lately, past) == [("a:80", 2, 0), ("b:443", 1, 0)]
    assert found(AnomalyKind.DESTINATION, lately, Reached(attempts={"a:443": 4})) == []
    many = Reached(attempts={f"{number}:443": 1 for number in range(1000)})
    assert len(found(AnomalyKind.DESTINATION, many, past)) == MOST


def test_a_transfer_is_large_by_destination() -> None:
    lately = Reached(transferred={"a:443": 100, "b:443": 100, "c:443": 4})
    assert found(AnomalyKind.TRANSFER, lately, Reached(transferred={"a:443": 24 * 50})) == [("b:443", 100, 0)]


@given(kind=st.sampled_from(AnomalyKind), lately=REACHED, before=REACHED)
def test_what_is_found_is_really_above_what_is_usual(
    kind: AnomalyKind, lately: Reached, before: Reached
) -> None:
    for each in unusual(kind, HOUR, lately, before):
        assert each.observed >= (1 if kind == AnomalyKind.DESTINATION else HOUR.minimum)
        assert each.observed > each.expected
        assert each.destination in {"", *lately.attempts, *lately.transferred}
    assert list(unusual(kind, HOUR, Reached(), before)) == []


# --- The task ----------------------------------------------------------------------------------------------
def attempts(agent: Agent, number: int, ago: timedelta, host: str = "known.example", **more: Any) -> None:
    rows = [
        EgressAttempt(
            agent=agent, asked_by="gateway", scheme="https", host=host, port=443, allowed=True,
            reason="allow_list", **more,
        )
        for _ in range(number)
    ]  # fmt: skip
    EgressAttempt.objects.bulk_create(rows)
    made = [row.pk for row in rows]
    EgressAttempt.objects.filter(pk__in=made).update(at=timezone.now() - ago)


def kinds() -> set[tuple[str, str]]:
    return set(EgressAnomaly.objects.values_list("kind", "destination"))


@pytest.mark.django_db
def test_each_rule_finds_what_it_is_for_once(active_analyst: Agent, daniel: Person, olivia: Person) -> None:
    AnomalyRule.objects.filter(kind=AnomalyKind.OFF_HOURS).update(enabled=False)
    attempts(active_analyst, 30, timedelta(days=2))
    attempts(active_analyst, 60, timedelta(minutes=5))
    attempts(active_analyst, 1, timedelta(minutes=5), "new.example")
    attempts(active_analyst, 1, timedelta(minutes=5), bytes_out=60 * 1024 * 1024)
    assert egress_anomalies.sweep() == 3
    assert kinds() == {
        ("rate", ""),
        ("destination", "new.example:443"),
        ("transfer", "known.example:443"),
    }
    assert egress_anomalies.sweep() == 0
    assert Event.objects.filter(action=Action.EGRESS_ANOMALY_FOUND).count() == 3
    told = Notification.objects.filter(kind=NotificationKind.EGRESS_UNUSUAL)
    assert {row.person for row in told} == {olivia, daniel}
    assert not [row for row in told if "new.example" in row.title], "titles hold nobody else's words"
    assert "anomalies" in {group.name for group in waiting.groups(olivia)}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("hour", "day", "weekends", "is_found"),
    [
        (12, 4, False, False),
        (3, 4, False, True),
        (21, 4, False, True),
        (12, 7, False, True),
        (12, 7, True, False),
    ],
)
def test_out_of_working_hours(
    *, active_analyst: Agent, hour: int, day: int, weekends: bool, is_found: bool
) -> None:
    AnomalyRule.objects.exclude(kind=AnomalyKind.OFF_HOURS).update(enabled=False)
    AnomalyRule.objects.update(weekends=weekends, window_minutes=10_080)
    moment = timezone.make_aware(datetime(2026, 3, day, hour, 30))  # noqa: DTZ001 - of the portal's time zone
    attempts(active_analyst, 20, timedelta())
    EgressAttempt.objects.update(at=moment)
    rule = AnomalyRule.objects.get(kind=AnomalyKind.OFF_HOURS)
    reached = egress_anomalies._reached(EgressAttempt.objects.all(), rule)
    assert reached.off_hours == (20 if is_found else 0)


@pytest.mark.django_db
def test_closed_it_says_what_it_was_and_is_found_again_only_when_it_happens_again(
    active_analyst: Agent, olivia: Person, oscar: Person, aude: Person
) -> None:
    AnomalyRule.objects.exclude(kind=AnomalyKind.RATE).update(enabled=False)
    attempts(active_analyst, 60, timedelta(minutes=5))
    egress_anomalies.sweep()
    anomaly = EgressAnomaly.objects.get()
    for other in (oscar, aude):
        with pytest.raises(Denied):
            egress_anomalies.close(actor=other, anomaly=anomaly, verdict="Nothing.")
    with pytest.raises(Invalid):
        egress_anomalies.close(actor=olivia, anomaly=anomaly, verdict=" ")
    egress_anomalies.close(actor=olivia, anomaly=anomaly, verdict="The yearly inventory.")
    with pytest.raises(Conflict):
        egress_anomalies.close(actor=olivia, anomaly=anomaly, verdict="Again.")
    assert egress_anomalies.sweep() == 0, "they had these before their eyes"
    EgressAnomaly.objects.update(closed_at=timezone.now() - timedelta(hours=2))
    assert egress_anomalies.sweep() == 1


@pytest.mark.django_db
def test_what_is_too_much_is_data(active_analyst: Agent, ada: Person, olivia: Person) -> None:
    rule = AnomalyRule.objects.get(kind=AnomalyKind.RATE)
    # Ten are also as many as are unusual in the evening, which is when some people run their tests.
    AnomalyRule.objects.filter(kind=AnomalyKind.OFF_HOURS).update(enabled=False)
    attempts(active_analyst, 10, timedelta(minutes=5))
    assert egress_anomalies.sweep() == 0
    with pytest.raises(Denied):
        egress_anomalies.change_rule(actor=olivia, rule=rule, reason="So.", minimum=10)
    for wrong in ({"factor": 0}, {"window_minutes": 1}, {"from_hour": 20}, {"minimum": -1}):
        with pytest.raises(Invalid):
            egress_anomalies.change_rule(actor=ada, rule=rule, reason="So.", **wrong)
    with pytest.raises(Conflict):
        egress_anomalies.change_rule(actor=ada, rule=rule, reason="So.", minimum=50)
    egress_anomalies.change_rule(actor=ada, rule=rule, reason="It is a quiet agent.", minimum=10)
    assert egress_anomalies.sweep() == 1


@pytest.mark.django_db(transaction=True)
def test_of_several_workers_one_finds_it(active_analyst: Agent) -> None:
    AnomalyRule.objects.exclude(kind=AnomalyKind.RATE).update(enabled=False)
    attempts(active_analyst, 60, timedelta(minutes=5))
    barrier, counts = threading.Barrier(6), []

    def look() -> None:
        barrier.wait()
        try:
            counts.append(egress_anomalies.sweep())
        finally:
            connection.close()

    threads = [threading.Thread(target=look) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(counts) == 1
    assert EgressAnomaly.objects.count() == 1


@pytest.mark.django_db
def test_an_administrator_changes_a_rule_and_the_owner_closes_in_the_portal(
    client: Client, ada: Person, olivia: Person, active_analyst: Agent
) -> None:
    rule = AnomalyRule.objects.get(kind=AnomalyKind.RATE)
    client.force_login(ada)
    given = {
        "enabled": "on", "window_minutes": 60, "baseline_days": 7, "factor": 2, "minimum": 5, "from_hour": 8,
        "until_hour": 18, "reason": "Quieter.", "_form_submitted": "on",
    }  # fmt: skip
    changed = client.post(reverse("admin:agents_anomalyrule_change_rule", args=[rule.pk]), given)
    assert changed.status_code == 302
    rule.refresh_from_db()
    assert (rule.baseline_days, rule.minimum) == (7, 5)
    attempts(active_analyst, 6, timedelta(minutes=5))
    egress_anomalies.sweep()
    anomaly = EgressAnomaly.objects.get(kind=AnomalyKind.RATE)
    client.force_login(olivia)
    url = reverse("admin:agents_egressanomaly_close", args=[anomaly.pk])
    assert client.post(url, {"verdict": "A test.", "_form_submitted": "on"}).status_code == 302
    anomaly.refresh_from_db()
    assert anomaly.verdict == "A test."
