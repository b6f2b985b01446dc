from django.conf import settings
from django.db import models

from audits.models.base import Row
from audits.models.history import FieldHistory
from governance.choices import ApprovalState, ApprovalSubject, Discipline, VoteChoice


class Approval(Row):
    """A question to people, bound to the exact bytes that they decide on (promise 4).

    `content` is the RFC 8785 canonical JSON of what is approved; `digest` is its SHA-256. The page
    that people vote on is rendered from these bytes, and every vote repeats the digest.
    """

    subject = models.CharField(max_length=16, choices=ApprovalSubject)
    subject_id = models.UUIDField(help_text="The version, elevation or risk assessment that is decided on.")
    agent = models.ForeignKey("agents.Agent", on_delete=models.PROTECT, related_name="approvals")
    title = models.CharField(max_length=300)
    content = models.TextField(help_text="RFC 8785 canonical JSON.")
    digest = models.CharField(max_length=64)
    revision = models.PositiveIntegerField(
        default=1, help_text="Which wording of what is asked; an edit asks anew, for the next one."
    )
    rule = models.JSONField(help_text="seats, quorum, veto: frozen from the risk class.")
    excluded = models.JSONField(
        help_text="Ids of the people who may not vote: requester, owner, deputies, sponsor, version's author."
    )
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    requested_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    state = models.CharField(max_length=20, choices=ApprovalState, default=ApprovalState.PENDING)
    reminders = models.PositiveSmallIntegerField(
        default=0, help_text="How many times who had not voted was reminded."
    )
    resolved_at = models.DateTimeField(null=True, blank=True)
    reason = models.TextField(blank=True, help_text="Why it ended as it did.")
    history = FieldHistory(stream=lambda approval: f"agent/{approval.agent_id}")

    class Meta:
        ordering = ("-requested_at",)
        constraints = (
            models.UniqueConstraint(
                fields=("subject", "subject_id"),
                condition=models.Q(state=ApprovalState.PENDING),
                name="one_pending_approval_per_subject",
            ),
            models.CheckConstraint(
                name="resolved_approval_has_a_time",
                condition=models.Q(state=ApprovalState.PENDING, resolved_at__isnull=True)
                | ~models.Q(state=ApprovalState.PENDING) & models.Q(resolved_at__isnull=False),
            ),
        )

    def __str__(self) -> str:
        return self.title


class Vote(Row):
    """One person's vote in one seat, on one digest. Never changed afterwards."""

    approval = models.ForeignKey(Approval, on_delete=models.PROTECT, related_name="votes")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="votes")
    discipline = models.CharField(max_length=16, choices=Discipline)
    choice = models.CharField(max_length=16, choices=VoteChoice)
    comment = models.TextField(blank=True)
    digest = models.CharField(max_length=64, help_text="The digest that the voter was shown.")
    voted_at = models.DateTimeField(help_text="When the voter's seat and everything else was looked at.")

    class Meta:
        ordering = ("voted_at",)
        constraints = (
            models.UniqueConstraint("approval", "person", name="one_vote_per_person"),
            models.UniqueConstraint("approval", "discipline", name="one_vote_per_seat"),
        )

    def __str__(self) -> str:
        return f"{self.get_discipline_display()}: {self.get_choice_display()}"
