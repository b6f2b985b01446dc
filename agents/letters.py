"""What a mail says: titles, who asks, by when, and where. Never what an agent, a scanner or a model wrote."""

from collections.abc import Iterator, Sequence
from datetime import UTC
from typing import Protocol

from agents.models import Notification


class Links(Protocol):
    """Where things are shown; whoever serves the pages knows."""

    def page(self, *, kind: str, reference: str) -> str:
        """Where a notification of this kind leads."""
        ...

    def mail_choices(self) -> str:
        """Where a person says what is mailed."""
        ...


def subject(notifications: Sequence[Notification]) -> str:
    if len(notifications) == 1:
        return f"Countersign: {notifications[0].title}"
    return f"Countersign: {len(notifications)} notifications"


def text(notifications: Sequence[Notification], links: Links) -> str:
    told = "\n\n".join("\n".join(_lines(each, links)) for each in notifications)
    return f"{told}\n\n-- \nWhat is mailed to you, and when, you choose here: {links.mail_choices()}\n"


def _lines(notification: Notification, links: Links) -> Iterator[str]:
    yield notification.title
    if notification.asked_by:
        yield f"Asked for by: {' '.join(str(notification.asked_by).split())}"
    if notification.due_at:
        yield f"By when: {notification.due_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    yield links.page(kind=notification.kind, reference=notification.reference)
