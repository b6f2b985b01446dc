"""The three risk classes as a new installation has them (S1-5). An administrator changes the rows.

Medium and high ask all five disciplines of the board (S1-2), because each of them answers for a part
of what a dossier says; low asks the two that answer for the agent's reach and its purpose. The
classes differ further in who opens a write, in how long writes and credentials live, and in what has to
be assessed, tested and reviewed. Only a high class asks for an exercise (S1-6). Each of them asks for all
ten gates of the deployment checklist before the board is asked (S1-27).
"""

from typing import Any

from agents.choices import VersionTestKind
from governance.choices import AssessmentKind, Discipline, Exercise, Gate, RiskLevel

BOARD = sorted(Discipline.values)
GATES: list[str] = list(Gate.values)

RISK_CLASSES: dict[RiskLevel, dict[str, Any]] = {
    RiskLevel.LOW: {
        "minimum_score": 0,
        "seats": [Discipline.PRODUCT.value, Discipline.SECURITY.value],
        "quorum": 2,
        "veto": True,
        "elevation_seats": [],
        "elevation_quorum": 1,
        "elevation_max_minutes": 480,
        "credential_max_seconds": 600,
        "assessments": [AssessmentKind.SECURITY_CHECKLIST.value],
        "assessment_max_days": 730,
        "tests": [VersionTestKind.FUNCTIONAL.value],
        "test_max_days": 365,
        "exercise": Exercise.NONE.value,
        "gates": GATES,
        "review_days": 365,
        "review_warn_days": 30,
        "review_suspend_days": 60,
        "owner_grace_minutes": 1440,
        "retention_days": 365,
        "rollout_steps": [100],
    },
    RiskLevel.MEDIUM: {
        "minimum_score": 5,
        "seats": BOARD,
        "quorum": 5,
        "veto": True,
        "elevation_seats": [Discipline.SECURITY.value],
        "elevation_quorum": 2,
        "elevation_max_minutes": 120,
        "credential_max_seconds": 300,
        "assessments": [AssessmentKind.PRIVACY.value, AssessmentKind.SECURITY.value],
        "assessment_max_days": 365,
        "tests": [VersionTestKind.FUNCTIONAL.value, VersionTestKind.PROMPT_INJECTION.value],
        "test_max_days": 180,
        "exercise": Exercise.NONE.value,
        "gates": GATES,
        "review_days": 180,
        "review_warn_days": 30,
        "review_suspend_days": 30,
        "owner_grace_minutes": 60,
        "retention_days": 1095,
        "rollout_steps": [25, 100],
    },
    RiskLevel.HIGH: {
        "minimum_score": 10,
        "seats": BOARD,
        "quorum": 5,
        "veto": True,
        "elevation_seats": [
            Discipline.COMPLIANCE.value,
            Discipline.ENGINEERING.value,
            Discipline.SECURITY.value,
        ],
        "elevation_quorum": 3,
        "elevation_max_minutes": 30,
        "credential_max_seconds": 120,
        "assessments": sorted(AssessmentKind.values),
        "assessment_max_days": 180,
        "tests": sorted(
            {
                VersionTestKind.FUNCTIONAL.value,
                VersionTestKind.REGRESSION.value,
                VersionTestKind.PROMPT_INJECTION.value,
                VersionTestKind.DATA_POISONING.value,
                VersionTestKind.UNAUTHORISED_CALLS.value,
            }
        ),
        "test_max_days": 90,
        "exercise": Exercise.TABLETOP.value,
        "gates": GATES,
        "review_days": 90,
        "review_warn_days": 14,
        "review_suspend_days": 7,
        "owner_grace_minutes": 0,
        "retention_days": 2555,
        "rollout_steps": [10, 50, 100],
    },
}
