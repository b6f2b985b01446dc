"""The revocation feed: enforcement points read what has ended, and say up to where they heed it."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Max
from django.utils import timezone

from agents.models import Revocation
from agents.services import revocations
from audits.actor import Actor
from audits.canonical import JSON
from audits.choices import Action
from audits.errors import Conflict
from audits.services import ledger
from audits.services.attempts import SYSTEM_STREAM, attempt
from governance.choices import PointMode
from governance.models import Acknowledgement, EnforcementPoint
from governance.revocation_watch import watch
from governance.services import actors, telling_points
from governance.services.enforcement_points import actor_of

PAGE = 500
ASKED_AGAIN = timedelta(seconds=2)


@dataclass(frozen=True, slots=True)
class Page:
    """Revocations in their order. `waited` is whether there was room to wait for one."""

    revocations: tuple[Revocation, ...]
    next: int
    current: int
    waited: bool = True


def read(*, actor: EnforcementPoint, since: int, wait: float = 0) -> Page:
    """What has ended after the number `since`; where there is nothing, wait so many seconds for it.

    Raises:
        Conflict: there is no such number yet; recorded.
    """
    _asked(actor)
    page = _page(since)
    if page.current < since:
        with _attempt(Action.ENFORCEMENT_POINT_REFUSED, actor):
            raise Conflict(_ahead(since, page.current, "Begin again with since=0."))
    if page.revocations or not wait:
        return page
    waited = watch.wait(beyond=since, seconds=wait)
    page = _page(since)
    return Page(page.revocations, page.next, page.current, waited)


def acknowledge(*, actor: EnforcementPoint, number: int) -> int:
    """It heeds everything up to `number`; it says so of itself alone. Returns the highest it has said.

    Raises:
        Conflict: there is no such number yet; recorded.
    """
    with _attempt(Action.ENFORCEMENT_POINT_ACKNOWLEDGED, actor):
        current = revocations.current()
        if number > current:
            raise Conflict(_ahead(number, current, "Acknowledge what the feed has given."))
        highest = acknowledged(actor)
        if highest is not None and number <= highest:
            return highest
        _keep(actor, number)
    return number


def acknowledged(point: EnforcementPoint) -> int | None:
    """The highest number that it acknowledged."""
    said = Acknowledgement.objects.filter(point=point)
    found: int | None = said.aggregate(highest=Max("number"))["highest"]
    return found


def sweep() -> int:
    """Find those who follow the feed and have stopped asking: recorded and told, once. Returns how many."""
    since = timezone.now() - timedelta(seconds=settings.FEED_STALE_SECONDS)
    silent = EnforcementPoint.objects.filter(
        mode=PointMode.FOLLOWS, revoked_at__isnull=True, stale_since__isnull=True, asked_at__lt=since
    )
    return sum(_is_stale(point) for point in silent)


def _keep(point: EnforcementPoint, number: int) -> None:
    now = timezone.now()
    try:
        with transaction.atomic():
            Acknowledgement(point=point, number=number, at=now).save(force_insert=True)
    except IntegrityError:
        return  # the same, said twice at the same moment
    _record(Action.ENFORCEMENT_POINT_ACKNOWLEDGED, actor_of(point), point, number=number)


def _page(since: int) -> Page:
    """The newest number is asked for first: whatever comes meanwhile is in the next page."""
    current = revocations.current()
    found = tuple(row for row in revocations.since(since, limit=PAGE) if _number(row) <= current)
    return Page(found, _number(found[-1]) if found else since, current)


def _number(row: Revocation) -> int:
    assert row.number is not None  # noqa: S101 - since() gives only what is numbered
    return row.number


def _asked(point: EnforcementPoint) -> None:
    """A sign of life, written every other second at most; that it is back after a silence is an event."""
    now = timezone.now()
    row = EnforcementPoint.objects.filter(pk=point.pk)
    if point.asked_at is None or now - point.asked_at >= ASKED_AGAIN or point.stale_since is not None:
        row.update(asked_at=now)
    if point.stale_since is None:
        return
    with transaction.atomic():
        if row.filter(stale_since__isnull=False).update(stale_since=None):
            _record(Action.ENFORCEMENT_POINT_RETURNED, actor_of(point), point)
            telling_points.returned(point=point)


def _is_stale(point: EnforcementPoint) -> bool:
    with transaction.atomic():
        unheard = EnforcementPoint.objects.filter(
            pk=point.pk, stale_since__isnull=True, revoked_at__isnull=True, asked_at=point.asked_at
        )
        if not unheard.update(stale_since=timezone.now()):
            return False
        _record(Action.ENFORCEMENT_POINT_STALE, actors.SWEEPER, point)
        telling_points.stale(point=point)
    return True


def _attempt(action: Action, point: EnforcementPoint) -> AbstractContextManager[None]:
    return attempt(action=action, actor=actor_of(point), stream=SYSTEM_STREAM, object=_name(point))


def _record(action: Action, actor: Actor, point: EnforcementPoint, **body: JSON) -> None:
    ledger.record(
        stream=SYSTEM_STREAM,
        action=action,
        actor=actor,
        object=_name(point),
        body={"name": point.name, **body},
    )


def _name(point: EnforcementPoint) -> str:
    return f"enforcement_point/{point.pk}"


def _ahead(number: int, current: int, mend: str) -> str:
    return f"There is no revocation {number} yet: the newest is {current}. {mend}"
