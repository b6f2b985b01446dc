"""What the product ships with: the agent policy (S1-1), which counts until an administrator applies another,
and the endpoints of its own functions."""

from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

GENERAL = "general"
"""The problem class of an entry that names none when it is registered."""

ENDPOINTS = {
    name: uuid5(NAMESPACE_URL, f"urn:countersign:endpoint:{name}")
    for name in ("assessments", "model", "nvd", "tickets")
}
"""What functions of the catalogue reach, and the language model: every installation has these endpoints,
under the same ids."""

_HOURS: dict[str, Any] = {"from_hour": 7, "until_hour": 20, "weekends": False}
ANOMALY_RULES: dict[str, dict[str, Any]] = {
    kind: {"kind": kind, "enabled": True, "baseline_days": 14, **figures, **_HOURS}
    for kind, figures in {
        "rate": {"window_minutes": 60, "factor": 5, "minimum": 50},
        "destination": {"window_minutes": 60, "factor": 1, "minimum": 20},
        "transfer": {"window_minutes": 60, "factor": 10, "minimum": 50 * 1024 * 1024},
        "off_hours": {"window_minutes": 60, "factor": 3, "minimum": 10},
    }.items()
}
"""What is unusual of what an agent reaches, until an administrator says otherwise (S2-10, S3-12)."""


def anomaly_rule_id(kind: str) -> UUID:
    """The same in every installation."""
    return uuid5(NAMESPACE_URL, f"urn:countersign:anomaly-rule:{kind}")


AGENT_POLICY: dict[str, Any] = {
    "business_units": "any",
    "problem_classes": [
        {
            "slug": GENERAL,
            "name": "General assistance",
            "description": "Helps people with their own work: finds, summarises, drafts.",
            "highest_autonomy": "asks",
            "supervision": "A person reads what it makes before it is used, and approves each action.",
            "unattended": "none",
        },
        {
            "slug": "security-analysis",
            "name": "Security analysis",
            "description": "Reads scanner reports and logs, says what they mean, and proposes what to do.",
            "highest_autonomy": "asks",
            "supervision": "Its owner reviews its findings; a person approves each write.",
            "unattended": "none",
        },
        {
            "slug": "data-analysis",
            "name": "Data analysis",
            "description": "Queries data that it may read, and reports on it.",
            "highest_autonomy": "reports",
            "supervision": "Its owner samples its reports every month, and after every new version.",
            "unattended": "all",
        },
        {
            "slug": "software-engineering",
            "name": "Software engineering",
            "description": "Writes, tests and reviews code, and proposes changes to it.",
            "highest_autonomy": "reports",
            "supervision": "A person reviews every change before it reaches production.",
            "unattended": "non_production",
        },
        {
            "slug": "operations",
            "name": "Operations",
            "description": "Runs and repairs systems: tickets, deployments, configuration.",
            "highest_autonomy": "reports",
            "supervision": "Somebody on duty sees each action, and can stop it.",
            "unattended": "non_production",
        },
        {
            "slug": "customer-service",
            "name": "Customer service",
            "description": "Answers customers, or prepares the answers.",
            "highest_autonomy": "asks",
            "supervision": "A person sends the answers; complaints go to a person at once.",
            "unattended": "none",
        },
    ],
}
