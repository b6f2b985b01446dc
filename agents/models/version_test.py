from django.db import models

from agents.choices import VersionTestKind, VersionTestOutcome
from audits.models.base import Row


class VersionTest(Row):
    """One run of one test suite on one version (S1-18, S1-26). Never changed: the next run is recorded."""

    version = models.ForeignKey("agents.AgentVersion", on_delete=models.PROTECT, related_name="tests")
    version_digest = models.CharField(max_length=64, help_text="Digest of the version when it was tested.")
    kind = models.CharField(max_length=32, choices=VersionTestKind)
    suite = models.CharField(max_length=200, help_text="What was run, for example prompt-injection/nightly.")
    outcome = models.CharField(max_length=8, choices=VersionTestOutcome)
    passed = models.PositiveIntegerField(help_text="Tests that passed.")
    failed = models.PositiveIntegerField(help_text="Tests that failed.")
    skipped = models.PositiveIntegerField(help_text="Tests that were left out.")
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField()
    tool = models.CharField(max_length=100, help_text="What ran it, for example pytest.")
    tool_version = models.CharField(max_length=100, blank=True)
    commit = models.CharField(max_length=64, blank=True, help_text="The commit that was tested.")
    run_id = models.CharField(max_length=200, help_text="What the pipeline calls this run.")
    run_url = models.URLField(max_length=500, blank=True)
    report_sha256 = models.CharField(max_length=64, blank=True, help_text="SHA-256 of the report's file.")
    document = models.ForeignKey(
        "agents.AgentDocument", on_delete=models.PROTECT, null=True, blank=True, related_name="tests"
    )
    recorded_by = models.CharField(max_length=200, help_text="Who, as in the ledger.")
    recorded_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-recorded_at",)
        constraints = (
            models.UniqueConstraint("version", "run_id", "kind", name="one_record_of_a_test_run"),
            models.CheckConstraint(
                name="a_test_that_passed_ran_and_failed_nothing",
                condition=~models.Q(outcome=VersionTestOutcome.PASSED) | models.Q(failed=0, passed__gte=1),
            ),
            models.CheckConstraint(
                name="a_test_ends_after_it_starts", condition=models.Q(ended_at__gte=models.F("started_at"))
            ),
        )

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.suite}"
