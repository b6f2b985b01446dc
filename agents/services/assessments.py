"""The internal service behind assess_vulnerability: what a vulnerability means for this organisation.

It answers nobody without a credential for exactly this question (S0-5).
"""

from typing import Any

from django.conf import settings

from agents.choices import Severity
from agents.models import Finding
from agents.services import credentials
from audits.actor import Actor

SERVICE = "assessments"
LOCATION = "internal:agents.services.assessments"
ACTION = "assess_vulnerability"
RESOURCE = "endpoint/assessments"

# Days from finding to remediation: a common default (critical within two weeks, as CISA's BOD 19-02
# asks at most 15 days; high within a month), to be confirmed by each organisation.
REMEDIATION_DAYS = {
    Severity.CRITICAL: 14,
    Severity.HIGH: 30,
    Severity.MEDIUM: 90,
    Severity.LOW: 180,
    Severity.INFO: 365,
}
DEADLINE_SOURCE = "built-in defaults"


def assess(
    *,
    actor: Actor,
    token: str,
    finding: Finding,
    vulnerability_id: str,
    severity: Severity | None,
) -> dict[str, Any]:
    """The deadline by severity (in days), where else the id was found, and whether a fix is known.

    Args:
        severity: where not given, the scanner's.

    Raises:
        CredentialError: the token is not good for this, or somebody else's; refused and recorded.
    """
    audience = f"{settings.ISSUER}/services/{SERVICE}"
    credentials.verify(holder=actor, token=token, audience=audience, action=ACTION, resource=RESOURCE)
    severity = severity or Severity(finding.severity)
    elsewhere = Finding.objects.filter(vulnerability_ids__0=vulnerability_id).exclude(report=finding.report)
    return {
        "vulnerability_id": vulnerability_id,
        "severity": severity,
        "deadline_days": REMEDIATION_DAYS[severity],
        "deadline_source": DEADLINE_SOURCE,
        "other_reports": elsewhere.values("report").distinct().count(),
        "other_targets": (
            elsewhere.exclude(report__target=finding.report.target)
            .values("report__target")
            .distinct()
            .count()
        ),
        "fix_known": bool(finding.fixed_version),
        "fixed_version": finding.fixed_version,
    }
