"""What-if: recorded decisions asked again, of what is active and of a version that might be.

Both are asked the same, so what comes out differently is due to the policies alone. An agent's question is
made again from the decision's row and the register as it is today; the rest of the pipeline is taken as it
was recorded. Other questions come word for word from the ledger. Nothing is decided, spent or recorded here.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache, partial
from typing import Any

from agents.choices import Access
from agents.models import Agent, AgentInstance
from audits.canonical import JSON
from audits.choices import Action
from audits.models import Event
from governance import authzen, catalogue, guardrails, pdp, selectors, shadow
from governance.active_policy import Active
from governance.cedar import Verdict
from governance.choices import DecisionReason, Sensitivity
from governance.guardrails import Asked
from governance.models import Decision, RiskClass

CHUNK = 500
EXAMPLES = 3
ROWS = 500
ALLOW_TO_DENY, DENY_TO_ALLOW, OBLIGATIONS = "allow_to_deny", "deny_to_allow", "obligations"
# Answers that no policy had a part in.
APART = (DecisionReason.REQUEST_INVALID, DecisionReason.AGENT_UNKNOWN, DecisionReason.OWNER_DIFFERS)
_REFUSED = pdp.Facts(
    access=Access.READ, review_done=True, agent_active=True, owner_active=True, sponsor_active=True,
    reads_on=True, instance_live=True, version_active=True, dossier_unchanged=True, edited=False,
    function_approved=True, read_granted=False, write_elevated=False, budget_was_spent=False,
)  # fmt: skip
# The pipeline's facts where all the rest of it allowed, and where it did not.
FACTS = {True: replace(_REFUSED, read_granted=True), False: _REFUSED}


@dataclass(frozen=True, slots=True)
class Said:
    """An answer without a record."""

    allowed: bool
    message: str
    obligations: tuple[str, ...] = ()


@dataclass
class Outcome:
    """What was found; `result` is what is kept of it."""

    replayed: int = 0
    left_out: int = 0
    first_at: datetime | None = None
    last_at: datetime | None = None
    counts: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    examples: dict[tuple[str, str, str], list[dict[str, str]]] = field(default_factory=dict)

    @property
    def changed(self) -> int:
        return sum(self.counts.values())

    @property
    def result(self) -> list[dict[str, JSON]]:
        """The most frequent first; beyond `ROWS` they are counted in the total alone."""
        return [
            {
                "subject": subject,
                "action": action,
                "change": change,
                "count": count,
                "examples": list(self.examples[subject, action, change]),
            }
            for (subject, action, change), count in sorted(
                self.counts.items(), key=lambda item: (-item[1], item[0])
            )[:ROWS]
        ]

    def see(self, decision: Decision, answers: tuple[Said, Said] | None) -> None:
        """Count one decision."""
        if answers is None:
            self.left_out += 1
            return
        self.replayed += 1
        self.first_at = min(self.first_at or decision.decided_at, decision.decided_at)
        self.last_at = max(self.last_at or decision.decided_at, decision.decided_at)
        before, after = answers
        change = _change(before, after)
        if not change:
            return
        # Of others than agents the type alone: who it was stands in the decision, where it can be erased.
        subject = f"agent/{decision.agent.slug}" if decision.agent else decision.subject.partition("/")[0]
        key = (subject, decision.action, change)
        self.counts[key] += 1
        if len(kept := self.examples.setdefault(key, [])) < EXAMPLES:
            kept.append({"decision": str(decision.pk), "message": after.message})


@dataclass(frozen=True, slots=True)
class Known:
    """What the questions of a chunk are made of, looked up once for all of them."""

    requests: dict[str, authzen.Evaluation]
    copies: dict[Any, str]
    sensitivity_of: Callable[[str], Sensitivity | None]
    risk_of: Callable[[Agent], RiskClass | None]


def replay(
    *,
    version: Active,
    against: Active | None,
    last: int,
    since: datetime | None = None,
    until: datetime | None = None,
    told: Callable[[int], None] | None = None,
) -> Outcome:
    """Ask the `last` decisions of a period again, the newest first; in chunks, so memory stays bounded."""
    outcome = Outcome()
    done = 0
    for chunk in _chunks(last, since, until):
        looked_up = (cache(catalogue.sensitivity_of), cache(selectors.risk_class_of))
        known = Known(_requests(chunk), _copies(chunk), *looked_up)
        for decision in chunk:
            outcome.see(decision, _answers(decision, version, against, known))
        done += len(chunk)
        if told:
            told(done)
    return outcome


def _chunks(last: int, since: datetime | None, until: datetime | None) -> Iterator[list[Decision]]:
    rows = Decision.objects.exclude(reason__in=APART).select_related("agent__owner", "grant").order_by("-pk")
    if since:
        rows = rows.filter(decided_at__gte=since)
    if until:
        rows = rows.filter(decided_at__lt=until)
    after = None
    while last > 0:
        page = rows.filter(pk__lt=after) if after else rows
        chunk = list(page[: min(CHUNK, last)])
        if not chunk:
            return
        yield chunk
        after, last = chunk[-1].pk, last - len(chunk)


def _answers(
    decision: Decision, version: Active, against: Active | None, known: Known
) -> tuple[Said, Said] | None:
    """What is said now, and what would be; None where the question cannot be asked again."""
    if decision.agent is None:
        evaluation = known.requests.get(f"decision/{decision.pk}")
        if evaluation is None:
            return None
        return _of_other(evaluation, against), _of_other(evaluation, version)
    if decision.allowed_without_policies is None or decision.instance_id not in known.copies:
        return None
    asked = cache(partial(_asked, decision, decision.agent, known))
    return _of_agent(decision, against, asked), _of_agent(decision, version, asked)


def _of_agent(decision: Decision, version: Active | None, asked: Callable[[], Asked]) -> Said:
    opinion = guardrails.opinion(FACTS[bool(decision.allowed_without_policies)], version, asked)
    verdict = pdp.evaluate(opinion.facts)
    return Said(verdict.allowed, verdict.message, opinion.obligations if verdict.allowed else ())


def _of_other(evaluation: authzen.Evaluation, version: Active | None) -> Said:
    verdict = version.policies.decide(evaluation) if version and version.policies else Verdict(allowed=False)
    return Said(verdict.allowed, shadow.said_by(verdict)[1], verdict.obligations)


def _asked(decision: Decision, agent: Agent, known: Known) -> Asked:
    about = guardrails.context(
        agent,
        access=decision.access,
        intent=decision.intent,
        at=decision.decided_at,
        risk=known.risk_of(agent),
        grant=decision.grant,
        sensitivity=known.sensitivity_of(decision.resource),
    )
    copy = known.copies[decision.instance_id]
    return Asked(copy, agent.slug, decision.action, decision.resource, about)


def _copies(chunk: Iterable[Decision]) -> dict[Any, str]:
    """The SPIFFE ids of the running copies that asked."""
    ids = {decision.instance_id for decision in chunk if decision.instance_id}
    return dict(AgentInstance.objects.filter(pk__in=ids).values_list("pk", "spiffe_id"))


def _requests(chunk: Iterable[Decision]) -> dict[str, authzen.Evaluation]:
    """The questions that were recorded word for word: what is too long, or erased, is not there."""
    names = [f"decision/{decision.pk}" for decision in chunk if decision.agent_id is None]
    found = {}
    events = Event.objects.filter(object__in=names, action=Action.DECISION_MADE).select_related("body")
    for event in events:
        written = event.details.get("request")
        if written and not written.startswith("sha256:"):
            try:
                found[event.object] = authzen.evaluation(json.loads(written))
            except ValueError:
                continue
    return found


def _change(before: Said, after: Said) -> str:
    if before.allowed and not after.allowed:
        return ALLOW_TO_DENY
    if after.allowed and not before.allowed:
        return DENY_TO_ALLOW
    return OBLIGATIONS if before.obligations != after.obligations else ""
