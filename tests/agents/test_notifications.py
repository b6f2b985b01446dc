"""Telling people: once, nobody who has left, nobody else's, and never without its cause."""

from typing import Any

import pytest
from django.db import transaction

from agents.choices import (
    ALWAYS_MAILED,
    NOTIFICATION_GROUPS,
    MailTiming,
    NotificationGroup,
    NotificationKind,
)
from agents.models import Delivery, MailChoice, Notification, Person
from agents.services import notifications, people, second_factors
from audits.errors import Invalid, NotFound
from audits.models import Event
from audits.services import erasure, subjects
from tests import signing_in
from tests.agents.mail_server import mail_server


def tell(*told: Person, **more: Any) -> None:
    values: dict[str, Any] = {
        "kind": NotificationKind.RUN_FAILED,
        "reference": "run/00000000-0000-0000-0000-000000000001",
        "title": "A run failed",
        "key": "run/1/failed",
    }
    with transaction.atomic():
        notifications.tell(people=told, **(values | more))


def titles(person: Person) -> list[str]:
    return list(Notification.objects.filter(person=person).order_by("pk").values_list("title", flat=True))


def test_every_kind_belongs_to_a_group() -> None:
    assert set(NOTIFICATION_GROUPS) == set(NotificationKind)


def test_each_person_is_told_of_a_key_once(olivia: Person, daniel: Person) -> None:
    tell(olivia, olivia)
    tell(olivia, daniel)
    assert titles(olivia) == titles(daniel) == ["A run failed"]
    tell(olivia, key="run/2/failed")
    assert len(titles(olivia)) == 2


def test_nobody_is_told_whose_account_is_not_active(ada: Person, olivia: Person) -> None:
    people.deactivate(actor=ada.actor, person=olivia)
    tell(olivia)
    assert titles(olivia) == []


@pytest.mark.django_db(transaction=True)
def test_nothing_is_told_without_what_it_tells_of() -> None:
    with pytest.raises(RuntimeError, match="inside the transaction"):
        notifications.tell(
            people=[], kind=NotificationKind.RUN_FAILED, reference="run/1", title="A run failed", key="1"
        )


def test_what_is_rolled_back_is_not_told(olivia: Person) -> None:
    with transaction.atomic():
        tell(olivia)
        transaction.set_rollback(True)
    assert titles(olivia) == []


def test_one_reads_ones_own_alone(olivia: Person, daniel: Person) -> None:
    tell(olivia, daniel)
    mine = notifications.unread(olivia).get()
    with pytest.raises(NotFound):
        notifications.mark_read(actor=daniel, notification_id=mine.pk)
    assert notifications.unread(olivia).exists()
    first = notifications.mark_read(actor=olivia, notification_id=mine.pk).read_at
    assert notifications.mark_read(actor=olivia, notification_id=mine.pk).read_at == first
    assert not notifications.unread(olivia).exists()
    assert notifications.mark_all_read(actor=daniel) == 1
    assert notifications.mark_all_read(actor=daniel) == 0


def test_what_is_done_is_read(olivia: Person, daniel: Person) -> None:
    tell(olivia, daniel)
    tell(olivia, key="2", reference="run/2")
    about = "run/00000000-0000-0000-0000-000000000001"
    notifications.settle(reference=about, kinds=[NotificationKind.BUNDLE_ENDED])
    assert notifications.unread(olivia).count() == 2
    notifications.settle(reference=about, kinds=[NotificationKind.RUN_FAILED], person=daniel)
    assert (notifications.unread(olivia).count(), notifications.unread(daniel).count()) == (2, 0)
    notifications.settle(reference=about, kinds=[NotificationKind.RUN_FAILED])
    assert notifications.unread(olivia).get().reference == "run/2"


# --- What is mailed ----------------------------------------------------------------------------------------
def timing(person: Person) -> str:
    return str(Notification.objects.filter(person=person).latest("pk").mail)


def test_without_a_mail_server_or_an_address_nothing_waits_to_be_mailed(
    olivia: Person, daniel: Person
) -> None:
    tell(olivia)
    assert timing(olivia) == MailTiming.NEVER
    Person.objects.filter(pk=daniel.pk).update(email="")
    daniel.refresh_from_db()
    with mail_server():
        tell(olivia, daniel, key="2")
    assert (timing(olivia), timing(daniel)) == (MailTiming.AT_ONCE, MailTiming.NEVER)


@pytest.mark.parametrize("chosen", MailTiming)
def test_a_choice_counts_from_now_on_and_for_what_waits(olivia: Person, chosen: MailTiming) -> None:
    with mail_server():
        tell(olivia)
        tell(olivia, key="2", kind=NotificationKind.APPROVAL_REMINDED)
        changed = notifications.choose_mail(actor=olivia, timings={NotificationGroup.AGENTS: chosen})
        tell(olivia, key="3")
    assert changed == (chosen != MailTiming.AT_ONCE)
    kept = Notification.objects.filter(person=olivia).order_by("pk").values_list("mail", flat=True)
    assert list(kept) == [chosen, MailTiming.AT_ONCE, chosen]
    assert Event.objects.filter(action="mail.chosen", object=f"person/{olivia.pk}").count() == changed
    assert notifications.choose_mail(actor=olivia, timings={NotificationGroup.AGENTS: chosen}) == 0


@pytest.mark.parametrize(
    "timings",
    [{NotificationGroup.ACCOUNT: MailTiming.NEVER}, {"nothing": MailTiming.NEVER}, {"votes": "sometimes"}],
)
def test_mail_about_the_account_stays_and_other_words_are_refused(olivia: Person, timings: Any) -> None:
    with pytest.raises(Invalid):
        notifications.choose_mail(actor=olivia, timings=timings)
    assert not MailChoice.objects.exists()
    assert NotificationGroup.ACCOUNT in ALWAYS_MAILED


# --- Accounts ---------------------------------------------------------------------------------------------
def test_a_person_is_told_of_what_happens_to_the_account(ada: Person, olivia: Person) -> None:
    signing_in.add_app(olivia)
    second_factors.reset(actor=ada.actor, person=olivia)
    signing_in.add_app(olivia)
    second_factors.reset(actor=ada.actor, person=olivia)
    token = people.invite(actor=ada.actor, person=olivia)
    people.accept_invitation(person=olivia, token=token, password="a-sentence-of-several-words")
    reset = "Your second factors were reset by an administrator"
    assert titles(olivia) == [reset, reset, "Your password was chosen with the link of an invitation"]
    assert titles(ada) == []


def test_what_an_erased_person_was_told_goes_with_them(dora: Person, oscar: Person, olivia: Person) -> None:
    with mail_server():
        tell(oscar, olivia, asked_by=oscar)
        notifications.choose_mail(actor=oscar, timings={NotificationGroup.AGENTS: MailTiming.DAILY})
    mail = Delivery.objects.create(channel="mail", person=oscar, retry_at="2026-01-01T00:00:00Z")
    Notification.objects.filter(person=oscar).update(delivery=mail)
    subject = f"person/{oscar.pk}"
    exported = subjects.export(actor=dora.actor, subject=subject)
    assert "A run failed" in str(exported)
    erasure.erase(actor=dora.actor, subject=subject, reason="Article 17")
    assert titles(oscar) == []
    assert not MailChoice.objects.exists()
    assert not Delivery.objects.exists()
    assert "Oscar" not in str(Notification.objects.get(person=olivia).asked_by)
