"""Telling people what waits for them and what became of what they asked for (S0-14, S4-4).

A notification is derived: what it tells of is in the ledger, recorded by the service that calls `tell` in
the same transaction. So it has no event of its own, and goes when its person is erased.

To tell of something new: add a member to `NotificationKind` and its group to `NOTIFICATION_GROUPS`, and
call `tell` where it happens, with the rows locked that it is about. The title is made of facts that the
product knows (a slug, a state's label), never of what a person, an agent or a scanner wrote. The key says
what is told once: a sweep that runs twice uses the same key, for example `approval/<id>/requested`.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from agents.choices import (
    ALWAYS_MAILED,
    NOTIFICATION_GROUPS,
    DeliveryChannel,
    MailTiming,
    NotificationGroup,
    NotificationKind,
)
from agents.models import Agent, Delivery, MailChoice, Notification, Person
from audits.choices import Action
from audits.errors import Invalid, NotFound
from audits.services import ledger


def tell(
    *,
    people: Iterable[Person],
    kind: NotificationKind,
    reference: str,
    title: str,
    key: str,
    agent: Agent | None = None,
    asked_by: Person | None = None,
    due_at: datetime | None = None,
) -> None:
    """Tell these people, those of them with an active account, who were not told of `key` before.

    Args:
        reference: what it is about, as the ledger names it; its page is where the notification leads.
        asked_by: who waits for an answer, where somebody does; and `due_at`, until when.

    Raises:
        RuntimeError: outside the transaction of what it tells of.
    """
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError("tell() belongs inside the transaction of what it tells of.")
    _call_webhook(kind=kind, reference=reference, key=key, agent=agent)
    found = {person.pk: person for person in people if person.is_active}
    told = set(Notification.objects.filter(key=key, person__in=found).values_list("person", flat=True))
    missing = [person for pk, person in found.items() if pk not in told]
    timings = _timings(missing, NOTIFICATION_GROUPS[kind])
    rows = [
        Notification(
            person=person,
            kind=kind,
            reference=reference,
            title=title,
            key=key,
            agent=agent,
            asked_by=asked_by,
            due_at=due_at,
            mail=timings[person.pk],
        )
        for person in missing
    ]
    # Of two who tell the same at the same moment one does, and neither fails for it.
    Notification.objects.bulk_create(rows, ignore_conflicts=True)


def settle(*, reference: str, kinds: Collection[NotificationKind], person: Person | None = None) -> int:
    """Mark as read what asks for something that is done: of one person, or of everybody."""
    about = Notification.objects.filter(reference=reference, kind__in=kinds, read_at__isnull=True)
    return (about.filter(person=person) if person else about).update(read_at=timezone.now())


def mark_read(*, actor: Person, notification_id: UUID) -> Notification:
    """
    Raises:
        NotFound: the actor has no such notification; somebody else's is not told from none.
    """
    mine = Notification.objects.filter(pk=notification_id, person=actor)
    mine.filter(read_at__isnull=True).update(read_at=timezone.now())
    found = mine.first()
    if found is None:
        raise NotFound("You have no such notification. Look at the list again.")
    return found


def mark_all_read(*, actor: Person) -> int:
    return unread(actor).update(read_at=timezone.now())


def forget() -> int:
    """Remove notifications that were read and are older than `NOTIFICATION_DAYS`, then deliveries that ended
    as long ago and carry none. Returns how many notifications. What was never read stays."""
    oldest = timezone.now() - timedelta(days=settings.NOTIFICATION_DAYS)
    with transaction.atomic():
        old = Notification.objects.filter(read_at__isnull=False, created_at__lt=oldest)
        _all, removed = old.delete()
        over = Delivery.objects.filter(ended_at__lt=oldest, notifications__isnull=True)
        over.delete()
    return removed.get(Notification._meta.label, 0)  # noqa: SLF001 - public in Django


def unread(person: Person) -> QuerySet[Notification]:
    return Notification.objects.filter(person=person, read_at__isnull=True)


def choose_mail(*, actor: Person, timings: Mapping[NotificationGroup, MailTiming]) -> int:
    """Say when one wants mail about these groups; what waits to be mailed follows. How many changed.

    Raises:
        Invalid: there is no such group or time, or mail about the group cannot be turned off.
    """
    wrong = {
        str(group): "Choose one of the times; mail about your account stays."
        for group, timing in timings.items()
        if group not in NotificationGroup or group in ALWAYS_MAILED or timing not in MailTiming
    }
    if wrong:
        raise Invalid("Not every choice can be made.", fields=wrong)
    with transaction.atomic():
        before = mail_choices(actor)
        changed = {group: MailTiming(timing) for group, timing in timings.items() if before[group] != timing}
        for group, timing in changed.items():
            MailChoice.objects.update_or_create(person=actor, group=group, defaults={"timing": timing})
            kinds = [kind for kind, of in NOTIFICATION_GROUPS.items() if of == group]
            waiting = Notification.objects.filter(person=actor, delivery__isnull=True, kind__in=kinds)
            waiting.exclude(mail=MailTiming.NEVER).update(mail=timing)
        if changed:
            ledger.record(
                stream=f"person/{actor.pk}",
                action=Action.MAIL_CHOSEN,
                actor=actor.actor,
                object=f"person/{actor.pk}",
                body={str(group): timing.value for group, timing in changed.items()},
            )
    return len(changed)


def mail_choices(person: Person) -> dict[NotificationGroup, MailTiming]:
    """When the person wants mail about each group."""
    chosen = dict(MailChoice.objects.filter(person=person).values_list("group", "timing"))
    return {
        group: MailTiming.AT_ONCE if group in ALWAYS_MAILED else MailTiming(chosen.get(group, "at_once"))
        for group in NotificationGroup
    }


def _timings(people: Collection[Person], group: NotificationGroup) -> dict[UUID, MailTiming]:
    """Decided when it is told: an installation that learns to send mail later does not send old news."""
    by_mail = {person.pk: MailTiming.AT_ONCE for person in people if settings.EMAIL_HOST and person.email}
    if by_mail and group not in ALWAYS_MAILED:
        chosen = MailChoice.objects.filter(person__in=by_mail, group=group)
        by_mail |= {pk: MailTiming(timing) for pk, timing in chosen.values_list("person", "timing")}
    return {person.pk: by_mail.get(person.pk, MailTiming.NEVER) for person in people}


def _call_webhook(*, kind: NotificationKind, reference: str, key: str, agent: Agent | None) -> None:
    """What concerns a person's account is theirs alone; everything else goes out without names."""
    if not settings.NOTIFY_WEBHOOK or NOTIFICATION_GROUPS[kind] == NotificationGroup.ACCOUNT:
        return
    content = {
        "kind": kind.value,
        "reference": reference,
        "agent": agent.slug if agent else None,
        "time": timezone.now().isoformat(timespec="seconds"),
    }
    call = Delivery(channel=DeliveryChannel.WEBHOOK, content=content, key=key, retry_at=timezone.now())
    Delivery.objects.bulk_create([call], ignore_conflicts=True)
