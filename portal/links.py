"""Where notifications lead; whole addresses for those who are not at the screen: mails and the webhook."""

from django.conf import settings
from django.urls import reverse

from agents.choices import NOTIFICATION_GROUPS, NotificationGroup, NotificationKind
from audits.admin.references import address_of


def path(*, kind: str, reference: str) -> str:
    """The page of what the ledger calls `kind/id`; one's own sign-in, of what concerns one's account."""
    if NOTIFICATION_GROUPS[NotificationKind(kind)] == NotificationGroup.ACCOUNT:
        return reverse("admin:my_sign_in")
    return address_of(reference) or reverse("admin:notifications")


def page(*, kind: str, reference: str) -> str:
    return f"{settings.PORTAL_URL}{path(kind=kind, reference=reference)}"


def mail_choices() -> str:
    """Where a person says what is mailed."""
    return f"{settings.PORTAL_URL}{reverse('admin:notification_mail')}"
