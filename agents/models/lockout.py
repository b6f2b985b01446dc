from datetime import datetime

from axes.models import AccessAttempt
from django.conf import settings


class Lockout(AccessAttempt):  # type: ignore[misc]
    """Failed sign-ins of one name from one address, as django-axes counts them.

    `username` is the name of a known person; for a name that nobody has, a digest of what was typed.
    """

    class Meta:
        proxy = True
        ordering = ("-attempt_time",)

    def __str__(self) -> str:
        return f"{self.username}, {self.ip_address}"

    @property
    def is_locked(self) -> bool:
        return bool(self.failures_since_start >= settings.AXES_FAILURE_LIMIT)

    @property
    def ends_at(self) -> datetime:
        ends: datetime = self.attempt_time + settings.AXES_COOLOFF_TIME
        return ends
