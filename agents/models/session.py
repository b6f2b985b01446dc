from django.conf import settings
from django.db import models

from agents.choices import SessionEnd
from audits.models.base import Row


class Session(Row):
    """One sign-in of a person, from its start to its end.

    The session's cookie is not in here: whoever reads this table cannot use anybody's session. A
    cookie whose row has ended is refused.
    """

    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="sign_ins")
    methods = models.JSONField(default=list, help_text="RFC 8176 names of what proved who it was.")
    address = models.GenericIPAddressField(null=True)
    user_agent = models.CharField(max_length=200, blank=True)
    started_at = models.DateTimeField()
    seen_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    end_reason = models.CharField(max_length=32, blank=True, choices=SessionEnd)

    class Meta:
        ordering = ("-started_at", "-id")
        indexes = (models.Index(fields=("person", "ended_at"), name="session_person"),)

    def __str__(self) -> str:
        return f"{self.person}, {self.started_at:%Y-%m-%d %H:%M}"
