from django.db import models

from agents.choices import FindingCategory, Severity, VexState
from audits.models.base import Row
from audits.visible import visible


class Finding(Row):
    """One vulnerability in one component, as the scanner says. All its text is untrusted."""

    report = models.ForeignKey("agents.Report", on_delete=models.CASCADE, related_name="findings")
    position = models.PositiveIntegerField(help_text="Its place in the report, from 0.")
    vulnerability_ids = models.JSONField(help_text="CVE, GHSA and other ids; the first one names it.")
    title = models.CharField(max_length=500)
    description = models.TextField(blank=True)
    severity = models.CharField(max_length=16, choices=Severity)
    component_name = models.CharField(max_length=500, blank=True)
    component_version = models.CharField(max_length=200, blank=True)
    fixed_version = models.CharField(max_length=500, blank=True)
    purl = models.CharField(max_length=1000, blank=True, help_text="Package URL, where given.")
    location = models.CharField(max_length=1000, blank=True)
    cvss_vectors = models.JSONField(default=list, help_text="As the report gives them.")
    cwes = models.JSONField(default=list, help_text="CWE ids such as CWE-79.")
    category = models.CharField(max_length=20, choices=FindingCategory, default=FindingCategory.VULNERABILITY)
    rule_id = models.CharField(
        max_length=200, blank=True, help_text="The scanner's rule, where it is not a vulnerability."
    )
    vex_state = models.CharField(
        max_length=32, choices=VexState, blank=True, help_text="What the report says became of it."
    )
    exposure = models.ForeignKey(
        "agents.Exposure",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="findings",
        help_text="The problem that it is, over the target's scans; none where nothing is left to do.",
    )

    class Meta:
        ordering = ("report", "position")
        constraints = (models.UniqueConstraint("report", "position", name="finding_place"),)
        # By this, two scans of a target are compared.
        indexes = (models.Index(fields=("report", "exposure"), name="finding_exposure"),)

    def __str__(self) -> str:
        return visible(
            f"{self.vulnerability_id} in {self.component_name}" if self.component_name else self.title
        )

    @property
    def vulnerability_id(self) -> str:
        return self.vulnerability_ids[0] if self.vulnerability_ids else ""

    @property
    def cve_ids(self) -> list[str]:
        return [name for name in self.vulnerability_ids if name.startswith("CVE-")]
