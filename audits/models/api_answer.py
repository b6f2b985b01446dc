from django.db import models


class ApiAnswer(models.Model):
    """What a POST with an `Idempotency-Key` was answered, for as long as the same answer is owed.

    It may quote people, so it is gone after a day, and at once when somebody is erased.
    """

    caller = models.CharField(max_length=200, help_text="Whose key it is, for example api_token/<id>.")
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64, help_text="SHA-256 of method, address and body.")
    status = models.PositiveSmallIntegerField(default=0, help_text="0 while it is being answered.")
    location = models.CharField(max_length=500, blank=True)
    body = models.TextField(blank=True)
    asked_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("caller", "key"), name="one_answer_a_key"),)

    def __str__(self) -> str:
        return f"{self.caller} {self.key}"
