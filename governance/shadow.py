"""A version in shadow: asked beside what decides, on live decisions, for what it would have said.

It changes no answer, and whatever goes wrong in it is passed over. It takes a bounded share of a process's
time: after each question it rests so long that the share is kept, so under load only some are compared.
What differs is kept up to a number for each version, after the decision is recorded.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from django.db import transaction

from governance import guardrails, pdp
from governance.active_policy import Active
from governance.authzen import Evaluation
from governance.cedar import Verdict
from governance.choices import DecisionReason
from governance.guardrails import Asked, Opinion
from governance.models import Decision, PolicyDifference

logger = logging.getLogger(__name__)

SHARE = 0.05
KEPT = 1_000
UNREADABLE = Verdict(allowed=False, error="Its bytes are not what was validated.")


@dataclass(frozen=True, slots=True)
class Difference:
    """What the version in shadow would have answered."""

    version: UUID
    allowed: bool
    reason: DecisionReason
    message: str


class Budget:
    """Keeps the share of time that goes into shadows."""

    def __init__(self) -> None:
        self._rests_until = 0.0

    def within(self, compare: Callable[[], Difference | None]) -> Difference | None:
        """What comparing finds; None as well where there is no time for it, or it fails."""
        began = time.perf_counter()
        if began < self._rests_until:
            return None
        try:
            return compare()
        except Exception:
            logger.exception("The policies in shadow could not be asked. The decision is what it is.")
            return None
        finally:
            ended = time.perf_counter()
            self._rests_until = ended + (ended - began) * (1 / SHARE - 1)


BUDGET = Budget()


def of_agent(
    facts: pdp.Facts, live: Opinion, version: Active | None, asked: Callable[[], Asked]
) -> Difference | None:
    """How a version would answer the question of a running copy differently; `facts` are without policies."""
    if version is None:
        return None

    def compare() -> Difference | None:
        tried = guardrails.opinion(facts, version, asked)
        now, then = pdp.evaluate(live.facts), pdp.evaluate(tried.facts)
        if _same(now.allowed, live.obligations, then.allowed, tried.obligations):
            return None
        message = _message(then.message, tried.obligations, allowed=then.allowed)
        return Difference(version.id, then.allowed, then.reason, message)

    return BUDGET.within(compare)


def of_other(evaluation: Evaluation, live: Verdict, version: Active | None) -> Difference | None:
    """How a version would answer a question differently that policies alone decide."""
    if version is None:
        return None

    def compare() -> Difference | None:
        tried = UNREADABLE if version.policies is None else version.policies.decide(evaluation)
        if _same(live.allowed, live.obligations, tried.allowed, tried.obligations):
            return None
        reason, message = said_by(tried)
        message = _message(message, tried.obligations, allowed=tried.allowed)
        return Difference(version.id, tried.allowed, reason, message)

    return BUDGET.within(compare)


def said_by(verdict: Verdict) -> tuple[DecisionReason, str]:
    """The reason of an answer that policies alone give, and its sentence."""
    if verdict.error:
        return DecisionReason.POLICY_ERROR, verdict.error
    if verdict.allowed:
        return DecisionReason.ALLOWED_BY_POLICY, "A policy permits it."
    if verdict.policies:
        return DecisionReason.FORBIDDEN_BY_POLICY, f"A policy forbids it. {verdict.said}".strip()
    return DecisionReason.NO_POLICY, "No policy permits it."


def keep(difference: Difference | None, decision: Decision) -> None:
    """Write a difference down once the decision is recorded, unless enough are kept."""
    if difference is not None:
        transaction.on_commit(partial(_keep, difference, decision.pk), robust=True)


def _keep(difference: Difference, decision: UUID) -> None:
    if PolicyDifference.objects.filter(version_id=difference.version).count() >= KEPT:
        return
    PolicyDifference.objects.create(
        version_id=difference.version,
        decision_id=decision,
        allowed=difference.allowed,
        reason=difference.reason,
        message=difference.message,
    )


def _same(allowed: bool, owed: tuple[str, ...], would: bool, would_owe: tuple[str, ...]) -> bool:  # noqa: FBT001
    return allowed is would and (not allowed or owed == would_owe)


def _message(message: str, obligations: tuple[str, ...], *, allowed: bool) -> str:
    return f"{message} Under: {', '.join(obligations)}." if allowed and obligations else message
