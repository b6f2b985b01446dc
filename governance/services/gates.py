"""Signing what only a person can judge, and telling a pipeline whether it may deploy (S1-4, S1-27)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from agents import selectors as agent_selectors
from agents.authentication import Authentication
from agents.choices import AgentState
from agents.models import Agent, AgentDocument, AgentVersion, Person
from audits.actor import Actor
from audits.choices import Action, Outcome
from audits.errors import Conflict, Invalid
from audits.services import history, ledger
from audits.services.attempts import attempt, refuse
from governance import gate_facts, gates, permissions, selectors
from governance.choices import ApprovalState, ApprovalSubject, Gate
from governance.gates import record, signing
from governance.gates.facts import Facts, Result
from governance.gates.signing import Rule
from governance.models import Approval, GateSignature
from governance.services import approvals, locks, telling_evidence

LONGEST_STATEMENT = 4_000
SIGNED_ANEW = "It was signed anew."
STEWARD = "steward"


def sign(
    *,
    actor: Person,
    version: AgentVersion,
    gate: Gate,
    statement: str,
    digest: str,
    authentication: Authentication,
    document: AgentDocument | None = None,
) -> GateSignature:
    """Stand for what no record can show about one gate of one version, as it is now.

    `digest` is that of what the person was shown (`signing.digest`). An older signature of the same gate
    whose subject was edited since ends with this one.

    Raises:
        Denied: another person has to sign this gate; or the sign-in is too old, or lacks the second factor
            that vouching asks for; recorded.
        Invalid: nobody signs this gate for the agent's risk class, the statement is missing, or the
            document is missing or another agent's.
        Conflict: what was shown has been edited since, or it is signed already.
    """
    with attempt(
        action=Action.GATE_SIGNED,
        actor=actor.actor,
        stream=version.agent.stream,
        object=f"version/{version.pk}",
    ):
        agent = locks.agent(version.agent_id)
        version = AgentVersion.objects.get(pk=version.pk)
        facts = gate_facts.gather(agent, version)
        rule = _rule(gate, facts)
        signer = Person.objects.get(pk=actor.pk)
        refuse(permissions.against_signing_gate(signer, agent, rule.signer))
        refuse(permissions.against_signing_gate_with(signer, authentication, rule.signer))
        said = _statement(statement)
        _check_document(rule, agent, document)
        if digest != signing.digest(gate, facts):
            raise Conflict("What you were shown is not what is there now. Open the page again, read it anew.")
        ended = _end_older(signer, version, gate, digest)
        signature = GateSignature.objects.create(
            agent=agent,
            version=version,
            gate=gate,
            statement=said,
            document=document,
            person=signer,
            signed_as=_capacity(signer, agent, rule),
            digest=digest,
        )
        history.record(
            changed=[*ended, signature],
            stream=agent.stream,
            action=Action.GATE_SIGNED,
            actor=actor.actor,
            object=f"gate_signature/{signature.pk}",
            provenance=version.digest,
            body={
                "version": str(version.pk),
                "gate": gate.value,
                "statement": said,
                "document": document.sha256 if document else "",
                "signed_as": signature.signed_as,
                "digest": digest,
                "authentication": authentication.evidence,
            },
        )
    return signature


def revoke_signature(*, actor: Person, signature: GateSignature, reason: str) -> GateSignature:
    """Take a signature back; the gate is not met any more, and a request that rests on it is voided.

    Raises:
        Denied: the actor neither signed it, nor holds a seat, nor administers; recorded.
        Invalid: there is no reason.
        Conflict: it has ended already.
    """
    with attempt(
        action=Action.GATE_SIGNATURE_REVOKED,
        actor=actor.actor,
        stream=signature.agent.stream,
        object=f"gate_signature/{signature.pk}",
    ):
        refuse(permissions.against_revoking_signature(actor, signature))
        if not reason.strip():
            raise Invalid("Say why the signature is taken back.", fields={"reason": "Say why."})
        agent = locks.agent(signature.agent_id)
        live = GateSignature.objects.filter(pk=signature.pk, ended_at__isnull=True)
        if not live.update(ended_at=timezone.now(), ended_by=actor.actor.ref, end_reason=reason.strip()):
            raise Conflict("This signature has ended already.")
        signature.refresh_from_db()
        history.record(
            changed=[signature],
            stream=signature.agent.stream,
            action=Action.GATE_SIGNATURE_REVOKED,
            actor=actor.actor,
            object=f"gate_signature/{signature.pk}",
            body={"gate": signature.gate, "reason": signature.end_reason},
        )
        telling_evidence.signature_revoked(signature=signature, agent=agent, actor=actor.actor)
        approvals.reconsider(agent=agent)
    return signature


@dataclass(frozen=True, slots=True)
class Answered:
    """Whether a build may be deployed now, and if not, every reason why. `version` is what was found."""

    allowed: bool
    reasons: Sequence[str]
    version: AgentVersion | None
    results: Sequence[Result]
    approval: Approval | None

    def document(self, agent: Agent) -> Mapping[str, Any]:
        """As JSON, for the API and the command alike."""
        return {
            "allowed": self.allowed,
            "reasons": list(self.reasons),
            "agent": agent.slug,
            "version": {"label": self.version.label, "digest": self.version.digest} if self.version else None,
            "gates": record.of(self.results, Gate.values),
            "approval": _shown(self.approval) if self.approval else None,
        }


def _shown(approval: Approval) -> Mapping[str, Any]:
    resolved = approval.resolved_at.isoformat() if approval.resolved_at else None
    return {"id": str(approval.pk), "digest": approval.digest, "resolved_at": resolved}


def ask(*, actor: Actor, agent: Agent, version: str, commit: str = "") -> Answered:
    """Whether exactly this version is what the board approved, as it is now, with all ten gates met (S1-4).

    Args:
        version: label or digest of the version.
        commit: what the pipeline is about to deploy; it must be what the version was built from.

    Raises:
        Denied: the actor may not ask for this agent; recorded.
    """
    with attempt(action=Action.GATE_ASKED, actor=actor, stream=agent.stream, object=f"agent/{agent.pk}"):
        refuse(permissions.against_asking_gate(actor, agent))
        agent = locks.agent(agent.pk)
        found = agent_selectors.version_named(agent, version)
        answered = _answer(agent, found, commit)
        ledger.record(
            stream=agent.stream,
            action=Action.GATE_ASKED,
            actor=actor,
            object=f"version/{found.pk}" if found else f"agent/{agent.pk}",
            outcome=Outcome.SUCCESS if answered.allowed else Outcome.DENIED,
            provenance=found.digest if found else None,
            body={
                "asked": version[:200],
                "commit": commit[:200],
                "allowed": answered.allowed,
                "reasons": list(answered.reasons),
            },
        )
    return answered


def _rule(gate: Gate, facts: Facts) -> Rule:
    rule = signing.rule_of(gate, facts)
    if rule is None:
        raise Invalid(
            f"Nobody signs {Gate(gate).label.lower()} for this agent: records alone decide it.",
            fields={"gate": "Choose a gate that is signed."},
        )
    return rule


def _statement(statement: str) -> str:
    said = statement.strip()
    if not 0 < len(said) <= LONGEST_STATEMENT:
        raise Invalid(
            f"Say what you stand for, in at most {LONGEST_STATEMENT} characters.",
            fields={"statement": "Say what you stand for."},
        )
    return said


def _check_document(rule: Rule, agent: Agent, document: AgentDocument | None) -> None:
    if document is None and rule.document:
        raise Invalid(
            "This signature rests on a document. Attach it to the agent and choose it.",
            fields={"document": "Choose the document that shows it."},
        )
    if document is not None and document.agent_id != agent.pk:
        raise Invalid("The document is another agent's.", fields={"document": "Choose one of this agent."})


def _end_older(signer: Person, version: AgentVersion, gate: Gate, digest: str) -> list[GateSignature]:
    """What was signed before and does not count any more ends.

    Raises:
        Conflict: exactly this is signed already.
    """
    older = GateSignature.objects.filter(version=version, gate=gate, ended_at__isnull=True).first()
    if older is None:
        return []
    if older.digest == digest and older.person_id == signer.pk:
        raise Conflict("You have signed exactly this already.")
    older.ended_at, older.ended_by, older.end_reason = timezone.now(), signer.actor.ref, SIGNED_ANEW
    older.save(update_fields=["ended_at", "ended_by", "end_reason"])
    return [older]


def _capacity(signer: Person, agent: Agent, rule: Rule) -> str:
    if rule.signer is signing.Signer.OWNERS_SIDE:
        return "owner" if signer.pk == agent.owner_id else "deputy"
    seat = selectors.seat_of(signer)
    return seat.discipline if seat else STEWARD


def _answer(agent: Agent, version: AgentVersion | None, commit: str) -> Answered:
    if version is None:
        reason = f"The register has no such version of {agent.slug}. Add it, and ask the board."
        return Answered(allowed=False, reasons=[reason], version=None, results=[], approval=None)
    results = gates.evaluate(gate_facts.gather(agent, version))
    approval = _approval(agent, version)
    reasons = [
        *_of_agent(agent),
        *_of_version(agent, version, approval, commit),
        *(f"{result.gate.label}: {lack.sentence}" for result in results for lack in result.lacks),
    ]
    return Answered(allowed=not reasons, reasons=reasons, version=version, results=results, approval=approval)


def _of_agent(agent: Agent) -> list[str]:
    reasons = []
    if agent.state != AgentState.ACTIVE:
        reasons.append(f"The agent is {agent.get_state_display().lower()}, not active.")
    if not agent.owner.is_active:
        reasons.append("The agent has no active owner.")
    return reasons


def _of_version(agent: Agent, version: AgentVersion, approval: Approval | None, commit: str) -> list[str]:
    reasons = []
    if approval is None:
        reasons.append("The board has not approved this version.")
    elif version.pk not in {agent.active_version_id, agent.candidate_id}:
        reasons.append("The board has approved another version since.")
    elif selectors.approved_dossier(agent, version) is None:
        reasons.append("What the board approved has been edited since.")
    if commit and commit != version.code_commit:
        built = version.code_commit or "no commit that it names"
        reasons.append(f"The version was built from {built}, not from {commit[:64]}.")
    return reasons


def _approval(agent: Agent, version: AgentVersion) -> Approval | None:
    """The approval by which this version runs, or the last one by which it ran."""
    return (
        Approval.objects.filter(
            agent=agent,
            subject=ApprovalSubject.AGENT_VERSION,
            subject_id=version.pk,
            state=ApprovalState.APPROVED,
        )
        .order_by("-resolved_at")
        .first()
    )
