"""The parts of governance that act by themselves, as the ledger names them."""

from audits.actor import Actor

BOARD = Actor.system("governance-board")
DECISION_POINT = Actor.system("decision-point")
SWEEPER = Actor.system("expiry-sweeper")
