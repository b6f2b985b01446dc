"""Reads: versions that are being prepared for the board, and what their checklists still ask of whom (S1-27).

Of many at once, in a constant number of queries.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery

from agents.choices import AgentState
from agents.models import Agent, AgentVersion, Person
from agents.selectors import is_steward
from governance import gate_facts, gates, selectors
from governance.choices import ApprovalState, ApprovalSubject, Gate, GateState
from governance.gates import signing
from governance.gates.facts import Facts, Result
from governance.models import Approval, RiskAssessment, RiskClass

MOST = 50
"""So many versions are looked at, the newest: a checklist is read anew each time."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A version that is not before the board, with how its gates stand."""

    version: AgentVersion
    facts: Facts
    demanded: Mapping[Gate, Result]

    @property
    def unmet(self) -> list[Gate]:
        """The gates that the risk class demands and that miss something before the board is asked."""
        return [gate for gate, result in self.demanded.items() if not result.ready]


@dataclass(frozen=True, slots=True)
class ToSign:
    """One gate that waits for a signature alone."""

    prepared: Prepared
    gate: Gate


def newest_versions(agents: QuerySet[Agent]) -> QuerySet[AgentVersion]:
    """Of each agent, the newest version, unless it is before the board or approved."""
    last = AgentVersion.objects.filter(agent=OuterRef("agent")).order_by("-added_at", "-pk")
    asked = Approval.objects.filter(
        subject=ApprovalSubject.AGENT_VERSION,
        subject_id=OuterRef("pk"),
        state__in=(ApprovalState.PENDING, ApprovalState.APPROVED),
    )
    rows = AgentVersion.objects.filter(~Exists(asked), pk=Subquery(last.values("pk")[:1]), agent__in=agents)
    return rows.select_related("agent__owner").order_by("-added_at", "-pk")


def standing(versions: Sequence[AgentVersion]) -> list[Prepared]:
    """How the checklists of these versions stand."""
    if not versions:
        return []
    facts = gate_facts.gather_many([(version.agent, version) for version in versions])
    demands = _demanded(versions)
    return [
        Prepared(
            version,
            facts[version.pk],
            {
                result.gate: result
                for result in gates.evaluate(facts[version.pk])
                if result.gate.value in demands.get(version.agent_id, Gate.values)
            },
        )
        for version in versions
    ]


def to_sign(person: Person) -> list[ToSign]:
    """The gates of versions in preparation that miss a signature alone, and that this person may sign."""
    vouches = person.is_active and (selectors.seat_of(person) is not None or is_steward(person))
    agents = Agent.objects.filter(state__in=(AgentState.DRAFT, AgentState.ACTIVE))
    if not vouches:
        agents = agents.filter(_answered_by(person))
    versions = list(newest_versions(agents)[:MOST])
    return [
        ToSign(prepared, gate)
        for prepared in standing(versions)
        for gate, result in prepared.demanded.items()
        if result.state == GateState.NEEDS_SIGNATURE
        and _may_sign(person, gate, prepared.facts, vouches=vouches)
    ]


def _may_sign(person: Person, gate: Gate, facts: Facts, *, vouches: bool) -> bool:
    """As `permissions.against_signing_gate` says, of facts that are there already."""
    rule, key = signing.rule_of(gate, facts), str(person.pk)
    if rule is None or not person.is_active:
        return False
    if rule.signer is signing.Signer.OWNERS_SIDE:
        return key in facts.deputies | {facts.owner}
    return vouches and key not in facts.owners_side


def _answered_by(person: Person) -> Q:
    theirs = Agent.objects.filter(Q(owner=person) | Q(deputies=person)).values("pk")
    return Q(pk__in=theirs)


def _demanded(versions: Sequence[AgentVersion]) -> Mapping[UUID, Sequence[str]]:
    """The gates that the class of each agent demands."""
    by_class = dict(RiskClass.objects.values_list("level", "gates"))
    newest = RiskAssessment.objects.filter(agent=OuterRef("pk")).order_by("-assessed_at", "-pk")
    agents = Agent.objects.filter(pk__in={version.agent_id for version in versions})
    levels = agents.annotate(level=Subquery(newest.values("risk_class")[:1])).values_list("pk", "level")
    return {pk: by_class[level] for pk, level in levels if level in by_class}
