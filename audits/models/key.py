from django.db import models

from audits.choices import KeyPurpose


class Key(models.Model):
    """A key of the ledger and when it counted: for people to read.

    What verification trusts are the files outside the database (`ledger.keys`); `ledger verify` says
    where these rows differ from them.
    """

    id = models.CharField(primary_key=True, max_length=8, help_text="Key hash of C2SP signed notes.")
    purpose = models.CharField(max_length=16, choices=KeyPurpose)
    verifier = models.CharField(
        max_length=400, blank=True, help_text="The public half; message codes have none."
    )
    first_size = models.BigIntegerField(help_text="Entries in the ledger when it began to count.")
    last_size = models.BigIntegerField(
        null=True, blank=True, help_text="Entries in the ledger when it ended; empty while it counts."
    )
    statement = models.TextField(
        blank=True, help_text="The signed note that leads from the seal key before to this one."
    )
    reason = models.TextField(blank=True, help_text="Why the key before was replaced without its signature.")
    ended = models.TextField(blank=True, help_text="Why it no longer counts.")
    created_at = models.DateTimeField()

    class Meta:
        ordering = ("-created_at",)
        constraints = (
            models.UniqueConstraint(
                fields=("purpose",),
                condition=models.Q(last_size__isnull=True),
                name="one_current_key_a_purpose",
            ),
        )

    def __str__(self) -> str:
        return f"{self.get_purpose_display()}, {self.id}"

    @property
    def is_current(self) -> bool:
        return self.last_size is None
