"""Who is told of enforcement points that do not enforce: administrators, who manage them."""

from agents.choices import NotificationKind
from agents.models import Person
from agents.services import notifications
from governance.models import EnforcementPoint, Probe


def stale(*, point: EnforcementPoint) -> None:
    """It follows the feed and has stopped asking."""
    _tell(
        NotificationKind.POINT_STALE,
        point,
        f"The enforcement point {point.name} has stopped asking what was revoked",
        f"stale/{point.asked_at.isoformat() if point.asked_at else 'never'}",
    )


def returned(*, point: EnforcementPoint) -> None:
    """It asks again: nothing more to do."""
    notifications.settle(reference=_reference(point), kinds=(NotificationKind.POINT_STALE,))


def lets_through(*, point: EnforcementPoint, probe: Probe) -> None:
    """A credential that had ended got through."""
    _tell(
        NotificationKind.POINT_LETS_THROUGH,
        point,
        f"The enforcement point {point.name} lets through what was revoked",
        f"probe/{probe.pk}",
    )


def refuses_again(*, point: EnforcementPoint) -> None:
    notifications.settle(reference=_reference(point), kinds=(NotificationKind.POINT_LETS_THROUGH,))


def _tell(kind: NotificationKind, point: EnforcementPoint, title: str, key: str) -> None:
    notifications.tell(
        people=Person.objects.filter(is_superuser=True, is_active=True),
        kind=kind,
        reference=_reference(point),
        title=title,
        key=f"{_reference(point)}/{key}",
    )


def _reference(point: EnforcementPoint) -> str:
    return f"enforcement_point/{point.pk}"
