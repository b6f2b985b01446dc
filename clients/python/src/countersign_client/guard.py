"""Protecting a function: asked before it runs, reported after it ran, not run where nobody answers."""

import functools
import inspect
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ParamSpec, TypeVar

from countersign_client.errors import CountersignError
from countersign_client.feed import Feed
from countersign_client.point import Decision, EnforcementPoint, Outcome, Question

logger = logging.getLogger(__name__)

P = ParamSpec("P")
R = TypeVar("R")


class NeverRan(Exception):
    """Raise it inside a protected function to say that nothing was done, and why."""


class Ambiguous(Exception):
    """Raise it inside a protected function where nobody can say whether it was done (a timeout, say)."""


class Guard:
    """Guards functions of one agent.

    Args:
        subject: the agent as `type/id`: `agent/crm-agent`, or `agent_instance/spiffe://…`.
        feed: where given, nothing that writes runs while the feed is stale.
    """

    def __init__(self, point: EnforcementPoint, *, subject: str, feed: Feed | None = None) -> None:
        self.point = point
        self.subject = subject
        self.feed = feed

    def protects(
        self, action: str, resource: str, *, writes: bool, intent: str = ""
    ) -> Callable[[Callable[P, R]], Callable[P, R]]:
        """Decorate a function: each call is asked for, and its outcome reported.

        Args:
            resource: as `type/id`; `{name}` stands for the argument of that name.

        Raises (each call):
            Denied: the decision point said no.
            CountersignError: nobody could be asked; the function did not run.
        """

        def decorate(function: Callable[P, R]) -> Callable[P, R]:
            signature = _signature(function)

            @functools.wraps(function)
            def protected(*args: P.args, **kwargs: P.kwargs) -> R:
                arguments = signature(*args, **kwargs)
                with self.decided(action, resource.format_map(arguments), writes=writes, intent=intent):
                    return function(*args, **kwargs)

            return protected

        return decorate

    @contextmanager
    def decided(self, action: str, resource: str, *, writes: bool, intent: str = "") -> Iterator[Decision]:
        """Ask, and run the block only where it is allowed; then report what came of it.

        Raises:
            Denied: the decision point said no.
            CountersignError: nobody could be asked; the block did not run.
        """
        if writes and self.feed is not None:
            self.feed.require_fresh()
        context = {"intent": intent} if intent else {}
        decision = self.point.ask(Question(self.subject, action, resource, context))
        if not decision.allowed:
            raise decision.denied()
        try:
            yield decision
        except NeverRan as error:
            self._report(decision, Outcome.NEVER_RAN, str(error))
            raise
        except Ambiguous as error:
            self._report(decision, Outcome.AMBIGUOUS, str(error))
            raise
        except BaseException as error:
            self._report(decision, Outcome.FAILED, type(error).__name__)
            raise
        self._report(decision, Outcome.EXECUTED)

    def _report(self, decision: Decision, outcome: Outcome, detail: str = "") -> None:
        """What happened has happened: a report that fails is logged, and the portal lists the gap."""
        try:
            self.point.report(decision.evaluation_id, outcome, detail)
        except CountersignError as error:
            logger.warning("The outcome of %s was not reported: %s", decision.evaluation_id, error)


def _signature(function: Callable[..., Any]) -> Callable[..., dict[str, Any]]:
    """What gives the arguments of a call by their names, as the function would receive them."""
    parameters = inspect.signature(function)

    def bound(*args: Any, **kwargs: Any) -> dict[str, Any]:
        found = parameters.bind(*args, **kwargs)
        found.apply_defaults()
        return dict(found.arguments)

    return bound
