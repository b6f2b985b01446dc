"""Mail and the webhook, against real servers on loopback: once, later, or not at all, and never silently."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings
from django.test import override_settings
from django.utils import timezone

from agents.choices import DeliveryState, MailTiming, NotificationGroup, NotificationKind
from agents.models import Delivery, Notification, Person
from agents.services import deliveries, notifications, people
from portal import links
from tests.agents.mail_server import MailServer, mail_server, served
from tests.agents.test_notifications import tell
from tests.audits.siem_receivers import SECRET, Hook, certificate, closed_port
from tests.governance.story import race


def deliver() -> int:
    return deliveries.deliver(links=links)


def only() -> Delivery:
    return Delivery.objects.get()


def later(**ago: float) -> None:
    """What waits to be tried again may be tried now."""
    Delivery.objects.update(retry_at=timezone.now() - timedelta(seconds=1))
    if ago:
        Delivery.objects.update(created_at=timezone.now() - timedelta(**ago))


def test_a_mail_says_what_who_by_when_and_where(olivia: Person, sasha: Person) -> None:
    with mail_server() as server:
        tell(sasha, asked_by=olivia, due_at=timezone.now().replace(2030, 1, 2, 3, 4), reference="run/x")
        assert deliver() == 1
        assert deliver() == 0
    [mail] = server.mails
    assert server.recipients == [sasha.email]
    assert mail["Subject"] == "Countersign: A run failed"
    assert mail["From"] == "Countersign <portal@example.org>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Message-ID"] == f"<{only().pk}@example.org>"
    assert mail.get_content_type() == "text/plain"
    text = mail.get_content()
    for words in ("A run failed", "Asked for by: Olivia Owner", "By when: 2030-01-02 03:04 UTC"):
        assert words in text
    assert "https://portal.example.org/admin/notifications/" in text
    assert "https://portal.example.org/admin/notification-mail/" in text
    assert only().state == DeliveryState.DELIVERED


def test_what_happens_at_one_moment_is_one_mail_to_each(olivia: Person, daniel: Person) -> None:
    with mail_server() as server:
        tell(olivia, daniel)
        tell(olivia, key="2", title="Another run failed")
        assert deliver() == 2
    assert server.connections == 1
    to_olivia = server.mails[server.recipients.index(olivia.email)]
    assert to_olivia["Subject"] == "Countersign: 2 notifications"
    assert to_olivia.get_content().index("A run failed") < to_olivia.get_content().index("Another run")


def test_a_summary_leaves_once_a_day_with_what_is_unread(olivia: Person, settings: LazySettings) -> None:
    now = timezone.now()
    settings.MAIL_SUMMARY_HOUR = now.hour
    with mail_server() as server:
        notifications.choose_mail(actor=olivia, timings={NotificationGroup.AGENTS: MailTiming.DAILY})
        for key in ("1", "2", "3"):
            tell(olivia, key=key, title=f"Run {key} failed")
        yesterday = now - timedelta(days=1, hours=1)
        Notification.objects.filter(key__in=("1", "2")).update(created_at=yesterday)
        read = Notification.objects.get(key="1")
        notifications.mark_read(actor=olivia, notification_id=read.pk)
        assert deliver() == 1
        assert deliver() == 0
    [mail] = server.mails
    assert "Run 2 failed" in mail.get_content()
    assert "Run 1" not in mail.get_content()
    # What came after the summary's hour waits for the next one.
    assert Notification.objects.get(key="3").delivery is None


def test_old_news_is_not_mailed(ada: Person, olivia: Person) -> None:
    with mail_server() as server:
        tell(olivia)
        people.deactivate(actor=ada.actor, person=olivia)
        assert deliver() == 0
        Notification.objects.update(created_at=timezone.now() - timedelta(days=3))
        people.reactivate(actor=ada.actor, person=olivia)
        assert deliver() == 0
    assert not server.mails


def test_who_wants_no_mail_gets_none(olivia: Person) -> None:
    with mail_server() as server:
        notifications.choose_mail(actor=olivia, timings={NotificationGroup.AGENTS: MailTiming.NEVER})
        tell(olivia)
        assert deliver() == 0
        tell(olivia, key="2", kind=NotificationKind.SECOND_FACTORS_RESET)
        assert deliver() == 1
    assert "my-sign-in" in server.mails[0].get_content()


def test_who_has_left_meanwhile_gets_none(ada: Person, olivia: Person, daniel: Person) -> None:
    with mail_server() as server:
        tell(olivia)
        people.deactivate(actor=ada.actor, person=olivia)
        assert deliver() == 0
        with override_settings(EMAIL_PORT=closed_port()):
            tell(daniel)
            deliver()
        people.deactivate(actor=ada.actor, person=daniel)
        later()
        assert deliver() == 0
    assert not server.mails
    assert (only().state, only().error) == (DeliveryState.GIVEN_UP, deliveries.NOBODY)


@pytest.mark.parametrize(
    ("replies", "said"),
    [
        ({"connect": "421 too busy"}, "421"),
        ({"connect": "HANG UP"}, "cannot be used"),
        ({"mail": "451 later"}, "451 later"),
        ({"mail": "550 not you"}, "550 not you"),
        ({"rcpt": "450 greylisted"}, "450 greylisted"),
        ({"rcpt": "HANG UP"}, "connection broke"),
        ({"data": "452 full"}, "452 full"),
        ({"end": "451 try again"}, "451 try again"),
    ],
)
def test_what_fails_for_now_is_tried_again(olivia: Person, replies: dict[str, str], said: str) -> None:
    with mail_server(**replies) as server:
        tell(olivia)
        assert deliver() == 0
        assert only().state == DeliveryState.WAITING
        assert said in only().error
        assert only().retry_at > timezone.now() + timedelta(seconds=50)
        assert deliver() == 0
        assert only().attempts == 1
        server.replies.clear()
        later()
        assert deliver() == 1
    assert len(server.mails) == 1
    assert (only().state, only().error) == (DeliveryState.DELIVERED, "")


def test_pauses_grow_and_after_a_day_it_is_given_up(olivia: Person) -> None:
    with mail_server(rcpt="450 greylisted"):
        tell(olivia)
        pauses = []
        for _ in range(9):
            deliver()
            pauses.append(round((only().retry_at - timezone.now()).total_seconds() / 60))
            later()
        assert pauses == [1, 2, 4, 8, 16, 32, 64, 120, 120]
        later(days=1)
        deliver()
    assert only().state == DeliveryState.GIVEN_UP
    assert list(deliveries.given_up(since=timezone.now() - timedelta(hours=1))) == [only()]


@pytest.mark.parametrize("verb", ["rcpt", "data", "end"])
def test_what_is_refused_for_good_is_given_up_with_the_reason(olivia: Person, verb: str) -> None:
    with mail_server(**{verb: "550 no such user here"}) as server:
        tell(olivia)
        assert deliver() == 0
        later()
        assert deliver() == 0
    assert server.connections == 1
    assert only().state == DeliveryState.GIVEN_UP
    assert "550 no such user here" in only().error


def test_a_mail_that_may_have_arrived_is_not_sent_again(olivia: Person) -> None:
    with mail_server(end="HANG UP") as server:
        tell(olivia)
        assert deliver() == 0
        later()
        assert deliver() == 0
    assert len(server.mails) == 1
    assert only().state == DeliveryState.UNCERTAIN
    assert "handed over" in only().error


def test_a_failure_does_not_stop_the_others(olivia: Person, daniel: Person, sasha: Person) -> None:
    with mail_server() as server:
        Person.objects.filter(pk=daniel.pk).update(email="not an address\nBcc: all@example.org")
        tell(olivia, Person.objects.get(pk=daniel.pk), sasha)
        assert deliver() == 2
    assert sorted(server.recipients) == sorted([olivia.email, sasha.email])
    assert Delivery.objects.get(state=DeliveryState.GIVEN_UP).person == daniel


def test_what_a_dead_worker_held_is_not_sent_again(olivia: Person) -> None:
    with mail_server() as server, Hook() as hook, override_settings(**webhook(hook)):
        tell(olivia)
        deliveries._gather()
        for delivery in Delivery.objects.all():
            assert deliveries._claim(delivery.pk)
            assert deliveries._claim(delivery.pk) is None
        assert deliver() == 0
        assert set(Delivery.objects.values_list("state", flat=True)) == {DeliveryState.SENDING}
        Delivery.objects.update(claimed_at=timezone.now() - deliveries.LOST_AFTER * 2)
        assert deliver() == 1
    assert (server.mails, len(hook.bodies)) == ([], 1)
    mail = Delivery.objects.get(channel="mail")
    assert (mail.state, mail.error) == (DeliveryState.UNCERTAIN, deliveries.WORKER_LOST)


@pytest.mark.django_db(transaction=True)
def test_of_many_workers_one_sends(olivia: Person, daniel: Person) -> None:
    with mail_server() as server:
        tell(olivia, daniel)
        taken = race([deliver] * 8)
    assert sum(taken) == 2
    assert sorted(server.recipients) == sorted([olivia.email, daniel.email])


# --- TLS --------------------------------------------------------------------------------------------------
@pytest.fixture(params=["EMAIL_USE_TLS", "EMAIL_USE_SSL"])
def secured(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[MailServer]:
    trusted, context = certificate(tmp_path, "127.0.0.1")
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    server = MailServer(tls=context, at_once=request.param == "EMAIL_USE_SSL")
    with served(server), override_settings(**{**server.settings, request.param: True}):
        yield server


def test_mail_goes_over_tls(olivia: Person, secured: MailServer) -> None:
    tell(olivia)
    assert deliver() == 1
    assert secured.recipients == [olivia.email]


def test_no_mail_goes_to_who_cannot_prove_who_they_are(
    olivia: Person, secured: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    tell(olivia)
    assert deliver() == 0
    assert "CERTIFICATE_VERIFY_FAILED" in only().error
    assert (secured.mails, secured.recipients) == ([], [])


def test_without_starttls_nothing_is_said(olivia: Person) -> None:
    with mail_server() as server, override_settings(EMAIL_USE_TLS=True):
        tell(olivia)
        assert deliver() == 0
    assert server.recipients == []
    assert only().state == DeliveryState.WAITING


# --- The webhook ------------------------------------------------------------------------------------------
def webhook(hook: Hook) -> dict[str, Any]:
    return {
        "NOTIFY_WEBHOOK": f"http://127.0.0.1:{hook.port}/notices",
        "NOTIFY_WEBHOOK_SECRET": SECRET,
        "PORTAL_URL": "https://portal.example.org",
    }


def test_the_webhook_is_told_once_and_without_names(olivia: Person, daniel: Person) -> None:
    with Hook() as hook, override_settings(**webhook(hook)):
        tell(olivia, daniel, asked_by=olivia)
        tell(daniel, olivia)
        tell(olivia, key="account", kind=NotificationKind.PASSWORD_CHOSEN)
        assert deliver() == 1
        assert deliver() == 0
    told = json.loads(hook.bodies[0])
    assert told["type"] == "run_failed"
    assert told["data"] == {
        "reference": "run/00000000-0000-0000-0000-000000000001",
        "agent": None,
        "link": "https://portal.example.org/admin/agents/run/00000000-0000-0000-0000-000000000001/change/",
    }
    assert hook.ids == [f"notification_{only().pk}"]
    assert not any(name in hook.bodies[0].decode() for name in ("Olivia", "Daniel", str(olivia.pk)))


@pytest.mark.parametrize("status", [302, 400, 500])
def test_the_webhook_is_called_again_under_the_same_id(olivia: Person, status: int) -> None:
    with Hook() as hook, override_settings(**webhook(hook)):
        hook.answer = lambda: status
        tell(olivia)
        assert deliver() == 0
        assert (only().state, str(status) in only().error) == (DeliveryState.WAITING, True)
        hook.answer = lambda: 204
        later()
        assert deliver() == 1
    assert len(set(hook.ids)) == 1
    assert len(hook.bodies) == 1


def test_a_webhook_that_is_away_waits(olivia: Person) -> None:
    with override_settings(NOTIFY_WEBHOOK=f"http://127.0.0.1:{closed_port()}/", NOTIFY_WEBHOOK_SECRET=SECRET):
        tell(olivia)
        assert deliver() == 0
    assert "cannot be reached" in only().error
    later()
    assert deliver() == 0  # not configured any more
    assert only().attempts == 1
