"""The parts of governance that act by themselves, as the ledger names them."""

from audits.actor import Actor

BOARD = Actor.system("governance-board")
DECISION_POINT = Actor.system("decision-point")
CI_GATE = Actor.system("ci-gate")
SWEEPER = Actor.system("expiry-sweeper")
REMINDER = Actor.system("reminder")
RISK_CLASSES = Actor.system("risk-classes")
PROBE = Actor.system("canary-probe")
