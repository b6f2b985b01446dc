"""Who is told of what happens in the room of the audits, which knows no people."""

from agents.choices import NotificationKind
from agents.models import Person
from agents.services import notifications


class AgentsNotices:
    """Tells those who asked."""

    def bundle_ended(self, *, reference: str, requested_by: str, ready: bool) -> None:
        kind, _, name = requested_by.partition("/")
        if kind != "person":
            return
        notifications.tell(
            people=Person.objects.filter(pk=name),
            kind=NotificationKind.BUNDLE_ENDED,
            reference=reference,
            title=f"The evidence bundle that you asked for {'is ready' if ready else 'could not be built'}",
            key=f"{reference}/{'ready' if ready else 'failed'}",
        )
