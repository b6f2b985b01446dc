from datetime import date

from django.db import models
from django.db.models import Q

from audits.models.base import Row
from audits.models.history import FieldHistory


class ThirdParty(Row):
    """Somebody outside who provides what agents depend on: a vendor, a public service (S1-21)."""

    slug = models.SlugField(unique=True, help_text="Stable name, for example nist.")
    name = models.CharField(max_length=200)
    provides = models.TextField(help_text="What agents get from it.")
    jurisdictions = models.JSONField(
        default=list, help_text="Where it processes data: ISO 3166-1 alpha-2, or EU."
    )
    contract_reference = models.CharField(
        max_length=200, blank=True, help_text="Where the contract is found, or why there is none."
    )
    contract_ends_on = models.DateField(null=True, blank=True, help_text="Empty: it has no end.")
    protections = models.TextField(
        blank=True, help_text="What the contract protects, for example a DPA with standard clauses."
    )
    contact = models.CharField(max_length=200, blank=True, help_text="A department or mailbox, if possible.")
    assessed_on = models.DateField(null=True, blank=True, help_text="Empty: never.")
    assess_again_by = models.DateField(help_text="When the next assessment is due.")
    high_risk = models.BooleanField(default=False, help_text="Asks for a penetration test and a code review.")
    penetration_tested_on = models.DateField(null=True, blank=True)
    code_reviewed_on = models.DateField(null=True, blank=True)
    remediation_plan = models.TextField(blank=True, help_text="What was found, who mends it, and by when.")
    added_by = models.CharField(max_length=200, help_text="Who, as in the ledger.")
    added_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True, blank=True, help_text="Since when nothing new depends on it.")
    history = FieldHistory(stream=lambda _third_party: "system", kind="third_party")

    class Meta:
        verbose_name = "third party"
        verbose_name_plural = "third parties"
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name

    @staticmethod
    def overdue(today: date) -> Q:
        """What `why_overdue` says something about, as a condition."""
        untested = Q(penetration_tested_on=None) | Q(code_reviewed_on=None)
        late = Q(assess_again_by__lt=today) | Q(contract_ends_on__lt=today) | Q(high_risk=True) & untested
        return late & Q(ended_at=None)

    def why_overdue(self, today: date) -> list[str]:
        """What is late or missing, each in words; empty where nothing is, and for one that has ended."""
        if self.ended_at is not None:
            return []
        words = []
        if self.assess_again_by < today:
            words.append(f"assessment {_days(self.assess_again_by, today)} overdue")
        if self.contract_ends_on and self.contract_ends_on < today:
            words.append(f"contract ended {_days(self.contract_ends_on, today)} ago")
        if self.high_risk and self.penetration_tested_on is None:
            words.append("no penetration test")
        if self.high_risk and self.code_reviewed_on is None:
            words.append("no code review")
        return words


def _days(since: date, today: date) -> str:
    days = (today - since).days
    return f"{days} day" if days == 1 else f"{days} days"
