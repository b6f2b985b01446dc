"""Recording what the tests of a version came to (S1-26)."""

from dataclasses import asdict
from datetime import timedelta

from django.db import IntegrityError, transaction
from django.utils import timezone

from agents import permissions
from agents.models import AgentDocument, AgentVersion, VersionTest
from agents.provenance import Provenance
from agents.services import locks
from agents.suite_results import SuiteResult, problems
from audits.actor import Actor
from audits.choices import Action
from audits.errors import Conflict, Invalid
from audits.services import ledger
from audits.services.attempts import attempt, refuse

CLOCKS_DIFFER = timedelta(minutes=5)


def record(
    *, actor: Actor, version: AgentVersion, result: SuiteResult, document: AgentDocument | None = None
) -> tuple[VersionTest, bool]:
    """Keep what one run of one suite came to, and whether it is new: a repeated call changes nothing.

    A run is known by the version, by what its pipeline calls it (`run_id`) and by the kind of test.

    Raises:
        Denied: the actor neither answers for the agent, nor administers, nor is a pipeline; recorded.
        Invalid: a value is malformed, lies in the future, or is about another build; `fields` says which.
        Conflict: this run is recorded already, with another result.
    """
    agent = version.agent
    with attempt(
        action=Action.TEST_RECORDED, actor=actor, stream=agent.stream, object=f"version/{version.pk}"
    ):
        refuse(permissions.why_not_record_test(actor, agent))
        _check(version, result, document)
        locks.agent(agent.pk)
        known = _known(version, result)
        if known is not None:
            return _same(known, result, document), False
        made = VersionTest(
            version=version,
            version_digest=version.digest,
            document=document,
            recorded_by=actor.ref,
            **asdict(result),
        )
        try:
            with transaction.atomic():
                made.save(force_insert=True)
        except IntegrityError as error:
            raise Conflict("This run is being recorded already. Ask again.") from error
        _tell(actor, made)
    return made, True


def _check(version: AgentVersion, result: SuiteResult, document: AgentDocument | None) -> None:
    found = problems(result)
    if not found and result.ended_at > timezone.now() + CLOCKS_DIFFER:
        found["ended_at"] = "It lies in the future."
    if result.commit and version.code_commit and not version.code_commit.startswith(result.commit):
        found["commit"] = f"This version was built from {version.code_commit}: something else was tested."
    if document is not None and document.agent_id != version.agent_id:
        found["document"] = "It belongs to another agent."
    if Provenance.of(version).digest != version.digest:
        found["version"] = "It is not what its digest says. Add it again as a new version."
    if found:
        listed = " ".join(f"{name}: {problem}" for name, problem in found.items())
        raise Invalid(f"This test cannot be recorded. {listed}", fields=found)


def _known(version: AgentVersion, result: SuiteResult) -> VersionTest | None:
    return VersionTest.objects.filter(version=version, run_id=result.run_id, kind=result.kind).first()


def _same(known: VersionTest, result: SuiteResult, document: AgentDocument | None) -> VersionTest:
    differs = [name for name, value in asdict(result).items() if getattr(known, name) != value]
    if document is not None and known.document_id != document.pk:
        differs.append("document")
    if differs:
        raise Conflict(
            f"Run {known.run_id} is recorded already with another {', '.join(differs)}. A record does not "
            "change: give the next run a name of its own."
        )
    return known


def _tell(actor: Actor, made: VersionTest) -> None:
    ledger.record(
        stream=made.version.agent.stream,
        action=Action.TEST_RECORDED,
        actor=actor,
        object=f"test/{made.pk}",
        provenance=made.version_digest,
        body={
            "version": str(made.version_id),
            "kind": made.kind,
            "suite": made.suite,
            "outcome": made.outcome,
            "passed": made.passed,
            "failed": made.failed,
            "skipped": made.skipped,
            "started_at": made.started_at.isoformat(),
            "ended_at": made.ended_at.isoformat(),
            "tool": f"{made.tool} {made.tool_version}".strip(),
            "commit": made.commit,
            "run_id": made.run_id,
            "run_url": made.run_url,
            "report_sha256": made.report_sha256,
            "document": str(made.document_id) if made.document_id else "",
        },
    )
