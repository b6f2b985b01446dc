from django.conf import settings
from django.db import models

from audits.models.base import Row
from governance.choices import PolicyChoice, PolicyState

ONE_AT_A_TIME = (PolicyState.SHADOW, PolicyState.PROPOSED, PolicyState.ACTIVE)


class PolicyVersion(Row):
    """A set of Cedar policies with its schema and entities, from draft to superseded.

    Its text changes as long as it is a draft, and never after. `sha256` names it: people vote on it.
    """

    number = models.PositiveIntegerField(unique=True, help_text="1, 2, 3 … in the order of drafting.")
    state = models.CharField(max_length=16, choices=PolicyState, default=PolicyState.DRAFT)
    title = models.CharField(max_length=200, blank=True, help_text="What it is for.")
    policies = models.JSONField(help_text="File name to the text of the policies.")
    schema = models.TextField()
    entities = models.TextField(help_text="JSON, as it was given.")
    policies_sha256 = models.CharField(max_length=64)
    schema_sha256 = models.CharField(max_length=64)
    entities_sha256 = models.CharField(max_length=64)
    sha256 = models.CharField(max_length=64, help_text="Of the three digests, as canonical JSON.")
    is_first = models.BooleanField(
        default=False,
        help_text="The first of an empty installation: applied on the machine, with nobody to ask yet.",
    )
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="Who wrote it; none where a command did. Does not approve it.",
    )
    drafted_by = models.CharField(max_length=200, help_text="Who, as in the ledger.")
    drafted_at = models.DateTimeField()
    validated_at = models.DateTimeField(null=True, blank=True)
    shadow_started_at = models.DateTimeField(null=True, blank=True)
    shadow_ended_at = models.DateTimeField(null=True, blank=True)
    proposed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="Who asks for it. Does not approve it.",
    )
    proposed_at = models.DateTimeField(null=True, blank=True)
    applied_at = models.DateTimeField(null=True, blank=True, help_text="When it began to decide, last.")
    replaced_at = models.DateTimeField(null=True, blank=True)
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    reason = models.TextField(blank=True, help_text="Why it was withdrawn, or rolled back to.")

    class Meta:
        ordering = ("-number",)
        constraints = (
            models.UniqueConstraint(
                fields=("state",),
                condition=models.Q(state__in=ONE_AT_A_TIME),
                name="one_policy_version_active_shadowed_proposed",
            ),
            models.CheckConstraint(
                name="first_policy_version_is_number_1",
                condition=models.Q(is_first=False) | models.Q(number=1),
            ),
            models.CheckConstraint(
                name="policy_version_is_validated_before_it_counts",
                condition=models.Q(state__in=(PolicyState.DRAFT, PolicyState.WITHDRAWN))
                | models.Q(validated_at__isnull=False),
            ),
        )

    def __str__(self) -> str:
        return self.label

    @property
    def label(self) -> str:
        """The version that decisions name."""
        return f"cedar/{self.number}"


class PolicyVote(Row):
    """One person's word on one proposed policy version, by its digest. Never changed afterwards."""

    version = models.ForeignKey(PolicyVersion, on_delete=models.PROTECT, related_name="votes")
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="policy_votes"
    )
    discipline = models.CharField(max_length=16, help_text="The seat that they held then.")
    choice = models.CharField(max_length=16, choices=PolicyChoice)
    comment = models.TextField(blank=True)
    digest = models.CharField(max_length=64, help_text="The SHA-256 that they were shown.")
    voted_at = models.DateTimeField()

    class Meta:
        ordering = ("voted_at",)
        constraints = (models.UniqueConstraint("version", "person", name="one_policy_vote_per_person"),)

    def __str__(self) -> str:
        return f"{self.person}: {self.get_choice_display()}"
