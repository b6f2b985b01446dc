"""A client of Countersign: get a token, ask, request elevation, report an outcome, follow what ends.

Whatever goes wrong raises a `CountersignError`: an agent or an enforcement point that does not catch it
does nothing, which is what it should do.
"""

from countersign_client.errors import CountersignError, Denied, Refused, Stale, Unreachable
from countersign_client.feed import Feed
from countersign_client.guard import Ambiguous, Guard, NeverRan
from countersign_client.point import Decision, EnforcementPoint, Outcome, Question
from countersign_client.portal import Portal

__all__ = [
    "Ambiguous",
    "CountersignError",
    "Decision",
    "Denied",
    "EnforcementPoint",
    "Feed",
    "Guard",
    "NeverRan",
    "Outcome",
    "Portal",
    "Question",
    "Refused",
    "Stale",
    "Unreachable",
]
