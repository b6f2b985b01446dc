"""The three risk classes as a new installation has them (S1-5). An administrator changes the rows.

Medium and high ask all five disciplines of the board (S1-2), because each of them answers for a part
of what a dossier says; low asks the two that answer for the agent's reach and its purpose. The
classes differ further in who opens a write, and in how long writes and credentials live.
"""

from typing import Any

from governance.choices import Discipline, RiskLevel

BOARD = sorted(Discipline.values)

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
    },
}
