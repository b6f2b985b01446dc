"""Gathering what the ten gates look at: a constant number of queries, whatever there is, of how many."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import reduce
from operator import or_
from uuid import UUID

from django.db.models import Count, Exists, OuterRef, Q, Subquery
from django.utils import timezone

from agents import policy
from agents.choices import Access, VersionTestOutcome
from agents.models import Agent, AgentDocument, AgentVersion, VersionTest
from agents.provenance import Provenance
from audits.choices import Action, BundleKind, BundleState, Outcome
from audits.models import Bundle, Event
from audits.services import retention
from governance.choices import ApprovalState, ApprovalSubject, AssessmentState, MitigationState
from governance.gates.facts import (
    Attached,
    Build,
    Bundled,
    Demands,
    Facts,
    Risk,
    Signature,
    Signed,
    Standing,
    SuiteRun,
)
from governance.models import (
    Approval,
    Decision,
    GateSignature,
    Grant,
    ImpactAssessment,
    Mitigation,
    RiskAssessment,
    RiskClass,
)

UNUSED = timedelta(days=90)
Ids = Collection[UUID]


def gather(agent: Agent, version: AgentVersion) -> Facts:
    """Everything that the gates of this version of the agent look at, as it is now."""
    return gather_many([(agent, version)])[version.pk]


def gather_many(pairs: Sequence[tuple[Agent, AgentVersion]]) -> dict[UUID, Facts]:
    """The same of many versions at once, by version; the agents come with their owners."""
    if not pairs:
        return {}
    found = _Found(pairs)
    return {version.pk: found.facts(agent, version) for agent, version in pairs}


class _Found:
    """What the records say of all of them: read once, by agent or by version."""

    def __init__(self, pairs: Sequence[tuple[Agent, AgentVersion]]) -> None:
        agents = {agent.pk: agent for agent, _version in pairs}
        versions = [version for _agent, version in pairs]
        self._now = timezone.now()
        self._policy = policy.active()
        self._rules = retention.rules()
        self._told = _told(agents.values())
        self._assessments = {row.agent_id: row for row in _newest_assessments(agents)}
        self._signed = _signed(agents)
        self._overdue = _overdue(agents)
        self._deputies = _deputies(agents)
        self._grants = _grants(agents, self._now)
        self._tests = _tests(versions)
        self._documents = _documents(agents)
        self._signatures = _signatures(versions)
        self._bundles = _bundles(agents.values())
        self._approved = _approved(versions)

    def facts(self, agent: Agent, version: AgentVersion) -> Facts:
        assessment = self._assessments.get(agent.pk)
        deputies = self._deputies[agent.pk]
        tests = self._tests[version.agent_id, version.digest]
        return Facts(
            now=self._now,
            agent=str(agent.pk),
            policy_violations=tuple(one.sentence for one in policy.violations(agent, self._policy)),
            demands=_demands(assessment.risk_class) if assessment else None,
            risk=_risk(assessment) if assessment else None,
            assessments=self._signed[agent.pk],
            overdue_mitigations=self._overdue.get(agent.pk, 0),
            owner=str(agent.owner_id),
            owner_active=agent.owner.is_active,
            deputies=frozenset(deputies),
            deputies_active=sum(deputies.values()),
            sponsor=str(agent.sponsor_id) if agent.sponsor_id else "",
            grants=tuple(self._grants[agent.pk]),
            build=_build(version),
            tests=tuple(test for test in tests if test.reference in self._told),
            monitoring_plan=agent.monitoring_plan,
            runbook=agent.runbook,
            data_categories=tuple(agent.data_categories),
            jurisdictions=tuple(agent.jurisdictions),
            frameworks_without_rule=tuple(
                name for name in agent.frameworks if retention.normalised(name) not in self._rules.days
            ),
            kept_days=self._rules.days_of(agent.frameworks),
            documents=tuple(self._documents[agent.pk]),
            signatures={
                gate: signature
                for gate, signature in self._signatures[version.pk].items()
                if signature.reference in self._told
            },
            bundle=self._bundles.get(agent.stream),
            approved_at=self._approved.get(version.pk),
            review_date=agent.review_date,
        )


def _told(agents: Iterable[Agent]) -> frozenset[str]:
    """The test records and signatures that the ledger tells of. A row written by hand is none of them."""
    events = Event.objects.filter(
        stream__in=[agent.stream for agent in agents],
        action__in=(Action.TEST_RECORDED, Action.GATE_SIGNED),
        outcome=Outcome.SUCCESS,
    )
    return frozenset(events.values_list("object", flat=True))


def _newest_assessments(agents: Ids) -> Iterable[RiskAssessment]:
    newest = RiskAssessment.objects.filter(agent=OuterRef("agent")).order_by("-assessed_at", "-pk")
    rows = RiskAssessment.objects.filter(agent__in=list(agents), pk=Subquery(newest.values("pk")[:1]))
    return rows.select_related("risk_class")


def _deputies(agents: Ids) -> Mapping[UUID, Mapping[str, bool]]:
    """Ids of the deputies, and whether their accounts are active."""
    found: dict[UUID, dict[str, bool]] = defaultdict(dict)
    rows = Agent.objects.filter(pk__in=list(agents), deputies__isnull=False)
    for agent, person, active in rows.values_list("pk", "deputies", "deputies__is_active"):
        found[agent][str(person)] = active
    return found


def _demands(risk_class: RiskClass) -> Demands:
    return Demands(
        level=risk_class.level,
        assessments=tuple(risk_class.assessments),
        assessment_max_days=risk_class.assessment_max_days,
        tests=tuple(risk_class.tests),
        test_max_days=risk_class.test_max_days,
        exercise=risk_class.exercise,
        review_days=risk_class.review_days,
        retention_days=risk_class.retention_days,
    )


def _risk(assessment: RiskAssessment) -> Risk:
    return Risk(
        reference=f"assessment/{assessment.pk}",
        assessed_at=assessment.assessed_at,
        data_sensitivity=str(assessment.answers.get("data_sensitivity", "")),
    )


def _signed(agents: Ids) -> Mapping[UUID, Mapping[str, Signed]]:
    found: dict[UUID, dict[str, Signed]] = defaultdict(dict)
    rows = ImpactAssessment.objects.filter(agent__in=list(agents), state=AssessmentState.SIGNED)
    for pk, agent, kind, sha256, at in rows.values_list("pk", "agent", "kind", "sha256", "signed_at"):
        if at is not None:
            found[agent][kind] = Signed(f"impact_assessment/{pk}", sha256, at)
    return found


def _overdue(agents: Ids) -> Mapping[UUID, int]:
    late = Mitigation.objects.filter(
        assessment__agent__in=list(agents), state=MitigationState.OPEN, due__lt=timezone.localdate()
    )
    return dict(late.order_by().values_list("assessment__agent").annotate(number=Count("pk")))


def _grants(agents: Ids, now: datetime) -> Mapping[UUID, list[Standing]]:
    since = now - UNUSED
    used = Exists(Decision.objects.filter(grant=OuterRef("pk"), allowed=True, decided_at__gte=since))
    live = Grant.objects.filter(Q(ends_at__isnull=True) | Q(ends_at__gt=now), agent__in=list(agents))
    found: dict[UUID, list[Standing]] = defaultdict(list)
    for grant in live.annotate(was_used=used).order_by("action", "pk"):
        found[grant.agent_id].append(
            Standing(
                reference=f"grant/{grant.pk}",
                action=grant.action,
                writes=grant.access != Access.READ,
                elevated=grant.elevation_id is not None,
                used=grant.was_used or grant.starts_at > since,
            )
        )
    return found


def _build(version: AgentVersion) -> Build:
    return Build(
        reference=f"version/{version.pk}",
        digest=version.digest,
        computed=_computed(version),
        model=f"{version.model_provider} {version.model_name}".strip(),
        prompt_digest=version.prompt_digest,
        code_commit=version.code_commit,
        pinned=version.image_digest or version.data_snapshot,
    )


def _computed(version: AgentVersion) -> str:
    try:
        return Provenance.of(version).digest
    except (ValueError, KeyError, TypeError):
        return ""


def _tests(versions: Sequence[AgentVersion]) -> Mapping[tuple[UUID, str], list[SuiteRun]]:
    """Of each agent's versions, by build: another version may be the same build."""
    same = VersionTest.objects.filter(
        version__agent__in={version.agent_id for version in versions},
        version_digest__in={version.digest for version in versions},
    )
    found: dict[tuple[UUID, str], list[SuiteRun]] = defaultdict(list)
    for test in same.select_related("version").order_by("recorded_at", "pk"):
        found[test.version.agent_id, test.version_digest].append(
            SuiteRun(
                reference=f"test/{test.pk}",
                kind=test.kind,
                suite=test.suite,
                passed=test.outcome == VersionTestOutcome.PASSED,
                ended_at=test.ended_at,
                recorded_at=test.recorded_at,
                digest=test.report_sha256,
            )
        )
    return found


def _documents(agents: Ids) -> Mapping[UUID, list[Attached]]:
    found: dict[UUID, list[Attached]] = defaultdict(list)
    attached = AgentDocument.objects.filter(agent__in=list(agents)).order_by("added_at", "pk")
    for agent, pk, kind, sha256 in attached.values_list("agent", "pk", "kind", "sha256"):
        found[agent].append(Attached(f"document/{pk}", kind, sha256))
    return found


def _signatures(versions: Sequence[AgentVersion]) -> Mapping[UUID, Mapping[str, Signature]]:
    found: dict[UUID, dict[str, Signature]] = defaultdict(dict)
    for row in GateSignature.objects.filter(version__in=versions, ended_at__isnull=True):
        found[row.version_id][row.gate] = Signature(
            reference=f"gate_signature/{row.pk}",
            person=str(row.person_id),
            signed_as=row.signed_as,
            digest=row.digest,
            document=f"document/{row.document_id}" if row.document_id else "",
        )
    return found


def _bundles(agents: Iterable[Agent]) -> Mapping[str, Bundled]:
    """The newest whole one of each agent, by stream."""
    theirs = reduce(or_, (Q(streams=[agent.stream]) for agent in agents))
    ready = Bundle.objects.filter(theirs, kind=BundleKind.AGENT, state=BundleState.READY)
    whole = ready.filter(since__isnull=True, until__isnull=True, built_at__isnull=False)
    return {
        bundle.streams[0]: Bundled(
            f"bundle/{bundle.pk}", bundle.sha256, bundle.built_at, len(bundle.incomplete)
        )
        for bundle in whole.order_by("built_at")
        if bundle.built_at is not None
    }


def _approved(versions: Sequence[AgentVersion]) -> Mapping[UUID, datetime | None]:
    """When the board approved them last."""
    approved = Approval.objects.filter(
        subject=ApprovalSubject.AGENT_VERSION,
        subject_id__in=[version.pk for version in versions],
        state=ApprovalState.APPROVED,
    )
    return dict(approved.order_by("resolved_at").values_list("subject_id", "resolved_at"))
