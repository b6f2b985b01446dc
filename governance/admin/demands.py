"""What a risk class demands, in words: the same on its own page, in a preview and at an assessment."""

from agents.choices import VersionTestKind
from governance.choices import AssessmentKind, Discipline, Exercise, Gate
from governance.models import RiskClass
from governance.risk_classes import Figures
from governance.risk_selectors import figures_of

NAMES = {
    "minimum_score": "Lowest score",
    "seats": "Seats for a dossier",
    "quorum": "Approvals for a dossier",
    "veto": "A rejection in a required seat ends it",
    "elevation_seats": "Seats for a write",
    "elevation_quorum": "Approvals for a write",
    "elevation_max_minutes": "A write lasts at most",
    "credential_max_seconds": "A credential lasts at most",
    "assessments": "Assessments",
    "assessment_max_days": "An assessment is fresh for",
    "tests": "Tests of the version",
    "test_max_days": "A test is fresh for",
    "exercise": "Played through",
    "gates": "Gates before the board is asked",
    "review_days": "A review every",
    "review_warn_days": "Warned before a review is due",
    "review_suspend_days": "Suspended after a review was due",
    "owner_grace_minutes": "Reads on without an owner for",
    "retention_days": "Records are kept for at least",
    "rollout_steps": "A release goes out in steps",
}
UNITS = {"minutes": "min", "seconds": "s", "days": "days"}
WORDS: dict[str, dict[str, str]] = {
    "seats": dict(Discipline.choices),
    "elevation_seats": dict(Discipline.choices),
    "assessments": dict(AssessmentKind.choices),
    "tests": dict(VersionTestKind.choices),
    "gates": dict(Gate.choices),
}


def demands(risk_class: RiskClass) -> dict[str, str]:
    """By name; what it does not ask for reads as none."""
    return words_of(figures_of(risk_class))


def words_of(figures: Figures) -> dict[str, str]:
    return {NAMES[name]: word_of(name, value) for name, value in figures.items()}


def word_of(name: str, value: object) -> str:
    """One figure in words, with its unit."""
    if isinstance(value, list):
        known = WORDS.get(name, {})
        suffix = " %" if name == "rollout_steps" else ""
        return ", ".join(f"{known.get(item, item)}{suffix}" for item in value) or "None"
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if name == "exercise":
        return Exercise(str(value)).label
    unit = UNITS.get(name.rpartition("_")[2], "")
    return f"{value} {unit}".strip()
