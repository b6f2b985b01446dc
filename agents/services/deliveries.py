"""Getting notifications out: mails and calls of the webhook, from what waits in the database.

Every mail is claimed by a conditional update before it is sent, so of two workers one sends it. What a
worker held when it died may have left: a mail of it is not sent again and says so, a call of the webhook
is repeated under its id. What fails for a while is tried again, ever less often, for a day. No transaction
is open while anything is sent.
"""

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from agents import letters, notify_webhook
from agents.choices import DeliveryChannel, DeliveryState, MailTiming
from agents.errors import NotSentError
from agents.letters import Links
from agents.mail import Post
from agents.models import Delivery, Notification

TURN = timedelta(seconds=20)
"""A worker gives its place up after so long, though more waits: other work has its turn."""
LOST_AFTER = timedelta(minutes=10)
FIRST_PAUSE, LONGEST_PAUSE = timedelta(minutes=1), timedelta(hours=2)
GIVE_UP_AFTER = timedelta(days=1)
OLD_NEWS = timedelta(days=2)
"""Nobody is mailed what is older: after a long pause of the worker, or of a person's account."""
WORKER_LOST = "The worker died while it sent this: it may have arrived. It is not sent again."
NOBODY = "The person has no address or no active account any more."


def deliver(*, links: Links) -> int:
    """Send what waits, until nothing does or a worker's turn is over; how many were taken."""
    _gather()
    _end_what_was_lost()
    taken, end = 0, time.monotonic() + TURN.total_seconds()
    with Post() as post:
        for delivery_id in list(_due().values_list("pk", flat=True)):
            if time.monotonic() > end:
                break
            if delivery := _claim(delivery_id):
                taken += _attempt(delivery, lambda each: _send(each, post, links))
    return taken


def given_up(*, since: datetime) -> QuerySet[Delivery]:
    """What never arrived, or nobody knows whether."""
    lost = (DeliveryState.GIVEN_UP, DeliveryState.UNCERTAIN)
    return Delivery.objects.filter(state__in=lost, ended_at__gte=since)


# --- From notifications to mails --------------------------------------------------------------------------
def _gather() -> None:
    """Put into one mail what waits for one person: at once, or since the last daily summary."""
    now = timezone.now()
    summary = now.replace(hour=settings.MAIL_SUMMARY_HOUR, minute=0, second=0, microsecond=0)
    if summary > now:
        summary -= timedelta(days=1)
    waiting = Notification.objects.filter(delivery__isnull=True, read_at__isnull=True, person__is_active=True)
    for ready in (
        waiting.filter(mail=MailTiming.AT_ONCE, created_at__gte=now - OLD_NEWS),
        waiting.filter(mail=MailTiming.DAILY, created_at__lt=summary, created_at__gte=summary - OLD_NEWS),
    ):
        for person_id in ready.order_by().values_list("person", flat=True).distinct():
            _write_mail(person_id, ready.filter(person=person_id))


def _write_mail(person_id: UUID, ready: QuerySet[Notification]) -> None:
    with transaction.atomic():
        rows = [row.pk for row in ready.select_for_update(of=("self",), no_key=True).only("pk")]
        if rows:
            mail = Delivery.objects.create(
                channel=DeliveryChannel.MAIL, person_id=person_id, retry_at=timezone.now()
            )
            Notification.objects.filter(pk__in=rows).update(delivery=mail)


# --- The queue ----------------------------------------------------------------------------------------------
def _due() -> QuerySet[Delivery]:
    due = Delivery.objects.filter(state=DeliveryState.WAITING, retry_at__lte=timezone.now())
    return due.filter(channel__in=_open_channels()).order_by("created_at")


def _open_channels() -> list[DeliveryChannel]:
    """What waits for a channel that is not configured any more waits on."""
    return [
        *([DeliveryChannel.MAIL] if settings.EMAIL_HOST else []),
        *([DeliveryChannel.WEBHOOK] if settings.NOTIFY_WEBHOOK else []),
    ]


def _claim(delivery_id: UUID) -> Delivery | None:
    claimed = Delivery.objects.filter(pk=delivery_id, state=DeliveryState.WAITING).update(
        state=DeliveryState.SENDING, claimed_at=timezone.now(), attempts=F("attempts") + 1
    )
    return Delivery.objects.select_related("person").get(pk=delivery_id) if claimed else None


def _attempt(delivery: Delivery, send: Callable[[Delivery], None]) -> bool:
    try:
        send(delivery)
    except NotSentError as error:
        _failed(delivery, error)
        return False
    _move(delivery, state=DeliveryState.DELIVERED, ended_at=timezone.now(), error="")
    return True


def _failed(delivery: Delivery, error: NotSentError) -> None:
    now = timezone.now()
    if error.ambiguous:
        _move(delivery, state=DeliveryState.UNCERTAIN, ended_at=now, error=error.message)
    elif error.temporary and now - delivery.created_at < GIVE_UP_AFTER:
        pause = min(FIRST_PAUSE * 2 ** (delivery.attempts - 1), LONGEST_PAUSE)
        _move(delivery, state=DeliveryState.WAITING, retry_at=now + pause, error=error.message)
    else:
        _move(delivery, state=DeliveryState.GIVEN_UP, ended_at=now, error=error.message)


def _move(delivery: Delivery, **after: object) -> None:
    Delivery.objects.filter(
        pk=delivery.pk, state=DeliveryState.SENDING, claimed_at=delivery.claimed_at
    ).update(**after)


def _end_what_was_lost() -> None:
    now = timezone.now()
    lost = Delivery.objects.filter(state=DeliveryState.SENDING, claimed_at__lt=now - LOST_AFTER)
    lost.filter(channel=DeliveryChannel.MAIL).update(
        state=DeliveryState.UNCERTAIN, ended_at=now, error=WORKER_LOST
    )
    lost.filter(channel=DeliveryChannel.WEBHOOK).update(state=DeliveryState.WAITING, retry_at=now)


# --- What is sent -------------------------------------------------------------------------------------------
def _send(delivery: Delivery, post: Post, links: Links) -> None:
    if delivery.channel == DeliveryChannel.WEBHOOK:
        content = delivery.content
        link = links.page(kind=content["kind"], reference=content["reference"])
        notify_webhook.call(message_id=f"notification_{delivery.pk}", content=content, link=link)
        return
    person = delivery.person
    if person is None or not person.is_active or not person.email:
        raise NotSentError(NOBODY, temporary=False)
    told = list(delivery.notifications.select_related("asked_by").order_by("created_at", "pk"))
    post.send(
        to=person.email,
        subject=letters.subject(told),
        text=letters.text(told, links),
        message_id=f"<{delivery.pk}@{settings.EMAIL_FROM.rpartition('@')[2].rstrip('>')}>",
    )
