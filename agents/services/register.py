"""The register of agents (S1-3): registering, adding versions, and the states an agent moves through.

Governance decides when an agent is in review and when it is active; the verbs for that live here
because the state does. They take any actor: whoever calls them has asked permission already.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import date
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from agents import entry, oversight, permissions, policy
from agents.choices import AgentState, Autonomy, Environment, RevocationReason
from agents.defaults import GENERAL
from agents.models import Agent, AgentVersion, Person
from agents.provenance import Provenance
from agents.services import delegations, locks, revocations, telling
from audits.actor import Actor
from audits.canonical import JSON
from audits.choices import Action
from audits.errors import Conflict, Invalid
from audits.services import history, ledger
from audits.services.attempts import SYSTEM_STREAM, attempt, refuse

SHA256 = re.compile(r"[0-9a-f]{64}")
# What stops an agent, any other state than these, ends what people let it do for them.
GOES_ON = frozenset({AgentState.DRAFT, AgentState.IN_REVIEW, AgentState.ACTIVE, AgentState.OWNERLESS})
# What `move` saves: where an agent stands, and since when or until when.
STANDING = (
    "state", "active_version", "approved_digest", "edited", "review_date", "owner", "ownerless_at",
    "reads_until", "freeze_reason", "attested_at",
)  # fmt: skip


def register_agent(
    *,
    actor: Person,
    slug: str,
    name: str,
    purpose: str,
    business_unit: str,
    owner: Person,
    deputies: Sequence[Person] = (),
    sponsor: Person | None = None,
    problem_class: str = GENERAL,
    environment: str = Environment.PRODUCTION,
    autonomy: str = Autonomy.ASKS,
    data_categories: Sequence[str] = (),
    jurisdictions: Sequence[str] = (),
    frameworks: Sequence[str] = (),
    runbook: str = "",
    monitoring_plan: str = "",
) -> Agent:
    """Enter an agent, as a draft without any access.

    Raises:
        Invalid: a text is missing or too long, the slug is not one, the owner, a deputy or the sponsor is not
            active, a jurisdiction or retention rule is not known, or the agent policy does not allow it.
        Denied: the actor will not answer for the agent and is no administrator; recorded.
        Conflict: the slug is taken.
    """
    given = {
        "name": name,
        "purpose": purpose,
        "business_unit": business_unit,
        "problem_class": problem_class,
        "environment": environment,
        "autonomy": autonomy,
        "data_categories": data_categories,
        "jurisdictions": jurisdictions,
        "frameworks": frameworks,
        "runbook": runbook,
        "monitoring_plan": monitoring_plan,
    }
    cleaned = {field: entry.clean(field, value) for field, value in given.items()}
    agent = Agent(slug=slug, owner=owner, sponsor=sponsor, **cleaned)
    require_new(agent=agent, deputies=deputies)
    try:
        with attempt(
            action=Action.AGENT_REGISTERED, actor=actor.actor, stream=SYSTEM_STREAM, object="agents"
        ):
            refuse(permissions.why_not_register(actor, owner=owner, deputies=deputies))
            locks.active_people(owner, *deputies)
            agent.save(force_insert=True)
            agent.deputies.set(deputies)
            history.record(
                changed=[agent],
                stream=agent.stream,
                action=Action.AGENT_REGISTERED,
                actor=actor.actor,
                object=f"agent/{agent.pk}",
                body={
                    **cleaned,
                    "slug": slug,
                    "owner": str(owner),
                    "deputies": [str(deputy) for deputy in deputies],
                    "sponsor": str(sponsor) if sponsor else None,
                },
            )
    except IntegrityError as error:
        raise Conflict(f"An agent {slug} is registered already.", fields={"slug": "taken"}) from error
    return agent


def require_new(*, agent: Agent, deputies: Sequence[Person]) -> None:
    """Check an entry that is not saved yet, as `register_agent` does.

    Raises:
        Invalid: see there.
    """
    people = entry.people_problems(agent.owner, deputies, agent.sponsor)
    entry.require(agent, ("slug", *entry.TEXTS, *entry.LISTS), others=entry.outside_policy(agent) | people)


def amend(*, actor: Person, agent: Agent, changes: Mapping[str, Any], seen: str = "") -> Agent:
    """Change what the entry says; an approved agent only reads until the board approves again (promise 4).

    Args:
        changes: field to value, for those of `entry.FIELDS` that change: texts, lists of texts, `deputies`
            as people, `sponsor` as a person or None.
        seen: `entry.digest_of` the entry that the change was made on; empty where nobody looked at one.

    Raises:
        Denied: the actor does not answer for the agent; recorded.
        Invalid: nothing differs, a value does not hold, or the agent policy does not allow what it would be.
        Conflict: somebody changed the entry meanwhile, it is retired, or nobody has claimed it yet.
    """
    if unknown := sorted(set(changes) - set(entry.FIELDS)):
        raise Invalid(
            f"{', '.join(unknown)}: cannot be amended. These can: {', '.join(entry.FIELDS)}.",
            fields=dict.fromkeys(unknown, "cannot be amended"),
        )
    with attempt(
        action=Action.AGENT_AMENDED, actor=actor.actor, stream=agent.stream, object=f"agent/{agent.pk}"
    ):
        held = locks.agent(agent.pk)
        refuse(permissions.why_not_change(actor, held))
        _require_amendable(held, seen)
        before, outside = entry.values_of(held), policy.violations(held)
        changed = _amended(held, changes, before)
        after = entry.values_of(held) | _people(held, changes)
        entry.require(
            held, set(changed) - set(entry.PEOPLE), others=entry.outside_policy(held, before=outside)
        )
        held.save(update_fields=[name for name in changed if name != "deputies"])
        if "deputies" in changed:
            held.deputies.set(changes["deputies"])
        mark_edited(actor=actor.actor, agent=held, parts=[entry.part_of(name) for name in changed])
        history.record(
            changed=[held],
            stream=held.stream,
            action=Action.AGENT_AMENDED,
            actor=actor.actor,
            object=f"agent/{held.pk}",
            body={
                "before": {name: before[name] for name in changed},
                "after": {name: after[name] for name in changed},
                "edited_since_approval": held.edited,
            },
        )
        oversight.edited(actor=actor.actor, agent=held)
    agent.refresh_from_db()
    return agent


def add_version(*, actor: Person, agent: Agent, label: str, provenance: Provenance) -> AgentVersion:
    """Add a build of the agent. It runs only once it is approved.

    Raises:
        Invalid: no label or too long a one, or a provenance that cannot be recorded; `fields` says which.
        Denied: the actor does not answer for the agent; the attempt is recorded.
        Conflict: the label is taken, or the agent is retired.
    """
    version = new_version(actor=actor, agent=agent, label=label, provenance=provenance)
    digest = version.digest
    try:
        with attempt(
            action=Action.VERSION_ADDED,
            actor=actor.actor,
            stream=agent.stream,
            object=f"agent/{agent.pk}",
        ):
            refuse(permissions.why_not_change(actor, agent))
            state = locks.agent(agent.pk).state
            if state == AgentState.RETIRED:
                raise Conflict(f"{agent} is retired: it takes no new version.")
            if state == AgentState.DISCOVERED:
                raise Conflict(f"{agent} was discovered, and nobody has claimed it yet: claim it first.")
            version.save(force_insert=True)
            history.record(
                changed=[version],
                stream=agent.stream,
                action=Action.VERSION_ADDED,
                actor=actor.actor,
                object=f"version/{version.pk}",
                provenance=digest,
                body={"label": label, "provenance": provenance.record},
            )
    except IntegrityError as error:
        message = f"{agent} has a version {label} already; choose another label."
        raise Conflict(message, fields={"label": "taken"}) from error
    return version


def new_version(*, actor: Person, agent: Agent, label: str, provenance: Provenance) -> AgentVersion:
    """A version that is not saved yet, checked as `add_version` does.

    Raises:
        Invalid: see there.
    """
    if problems := provenance.problems:
        listed = " ".join(f"{name}: {problem}" for name, problem in problems.items())
        raise Invalid(f"The provenance cannot be recorded: {listed}", fields=problems)
    try:
        digest = provenance.digest
    except (ValueError, KeyError) as error:
        raise Invalid(f"The provenance cannot be recorded: {error}") from error
    version = AgentVersion(
        agent=agent,
        label=label,
        digest=digest,
        added_by=actor,
        **{field.name: getattr(provenance, field.name) for field in fields(provenance)},
    )
    _require_fields(version, "label")
    return version


def mark_in_review(*, actor: Actor, agent: Agent, version: AgentVersion) -> None:
    """The version is submitted, and from now on immutable. An active agent stays active on its old one.

    Raises:
        Invalid: the version is another agent's, or its content is not what its digest says.
        Conflict: the agent is in review already, frozen or retired.
    """
    if version.agent_id != agent.pk:
        raise Invalid(f"{version} is not a version of {agent}.")
    with transaction.atomic():
        held = _locked(agent, allowed=(AgentState.DRAFT, AgentState.ACTIVE))
        stored = AgentVersion.objects.select_for_update(no_key=True).get(pk=version.pk)
        if Provenance.of(stored).digest != stored.digest:
            raise Invalid(f"{stored} is not what its digest says. Add it again as a new version.")
        if stored.submitted_at is None:
            stored.submitted_at = timezone.now()
            stored.save(update_fields=["submitted_at"])
        history.record(
            changed=[stored],
            stream=held.stream,
            action=Action.VERSION_SUBMITTED,
            actor=actor,
            object=f"version/{stored.pk}",
            provenance=stored.digest,
            body={"label": stored.label},
        )
        if held.state == AgentState.DRAFT:
            move(held, actor=actor, state=AgentState.IN_REVIEW)
    version.submitted_at = stored.submitted_at
    agent.state = held.state


def return_to_draft(*, actor: Actor, agent: Agent) -> None:
    """The review ended without an approval. An agent that is active on an older version stays so.

    Raises:
        Conflict: the agent is neither in review nor active.
    """
    with transaction.atomic():
        held = _locked(agent, allowed=(AgentState.IN_REVIEW, AgentState.ACTIVE))
        if held.state == AgentState.IN_REVIEW:
            move(held, actor=actor, state=AgentState.DRAFT)
    agent.state = held.state


def activate(
    *,
    actor: Actor,
    agent: Agent,
    version: AgentVersion,
    approved_digest: str,
    review_date: date,
    edited: Sequence[str] = (),
) -> None:
    """The version was approved: it is what may run, and every older credential is refused.

    Args:
        approved_digest: SHA-256 of the dossier that the board approved, in hex.
        review_date: until when the owner has to review the entry.
        edited: what of the entry is not as that dossier says, where an older version is taken up again.

    Raises:
        Invalid: the version is another agent's or was never submitted, or the digest is not one.
        Conflict: the agent is neither in review nor active.
    """
    if version.agent_id != agent.pk or version.submitted_at is None:
        raise Invalid(f"{version} was not submitted for {agent}.")
    if not SHA256.fullmatch(approved_digest):
        raise Invalid("The approved digest is not a SHA-256 in hex.")
    with transaction.atomic():
        held = _locked(agent, allowed=(AgentState.IN_REVIEW, AgentState.ACTIVE))
        held.active_version = version
        held.approved_digest = approved_digest
        held.edited = sorted(edited)
        held.review_date = review_date
        held.reads_until = None
        revocations.revoke_agent(agent=held, reason=RevocationReason.VERSION)
        move(held, actor=actor, state=AgentState.ACTIVE)
    agent.refresh_from_db()


def mark_edited(*, actor: Actor, agent: Agent, parts: Sequence[str]) -> list[Agent]:
    """Keep which parts of an approved entry are edited now, by their names in the dossier (promise 4).

    Must run inside the transaction of the edit, with the agent locked, before the event of the edit,
    which records the rows that this returns; `oversight.edited` is told after it.
    """
    if not agent.approved_digest or set(parts) <= set(agent.edited):
        return []
    was_as_approved = not agent.edited
    agent.edited = sorted({*agent.edited, *parts})
    agent.save(update_fields=["edited"])
    if was_as_approved:
        telling.edited(agent=agent, actor=actor)
    return [agent]


def set_share(*, agent: Agent, version: AgentVersion | None, digest: str = "", percent: int = 0) -> None:
    """Let a candidate run for a share of the tasks, or none at all (S1-18).

    Must run inside the transaction of the release, with the agent locked, before the event that tells
    of it and records the row.
    """
    agent.candidate = version
    agent.candidate_digest = digest
    agent.candidate_percent = percent
    agent.save(update_fields=["candidate", "candidate_digest", "candidate_percent"])


def raise_epoch(
    *, actor: Actor, agent: Agent, reason: RevocationReason = RevocationReason.ACCESS_ENDED
) -> None:
    """Some access of the agent has ended: every credential minted before is refused."""
    with transaction.atomic():
        revocations.revoke_agent(agent=agent, reason=reason)
        ledger.record(
            stream=agent.stream,
            action=Action.AGENT_EPOCH_RAISED,
            actor=actor,
            object=f"agent/{agent.pk}",
            body={"reason": reason.value},
        )


def _require_amendable(agent: Agent, seen: str) -> None:
    if agent.state == AgentState.RETIRED:
        raise Conflict(f"{agent} is retired: its entry stays as it was.")
    if agent.state == AgentState.DISCOVERED:
        raise Conflict(f"{agent} was discovered, and nobody has claimed it yet: claim it first.")
    if seen and seen != entry.digest_of(agent):
        raise Conflict(
            "Somebody changed the entry while you were editing it. Nothing was saved: compare, save again."
        )


def _amended(agent: Agent, changes: Mapping[str, Any], before: Mapping[str, JSON]) -> list[str]:
    """Put the changes into the row, unsaved; which fields differ from `before`.

    Raises:
        Invalid: nothing differs, or somebody who is named is not active.
    """
    for name in set(changes) - {"deputies"}:
        setattr(agent, name, entry.clean(name, changes[name]))
    after = {name: getattr(agent, name) for name in (*entry.TEXTS, *entry.LISTS)} | _people(agent, changes)
    changed = [name for name in entry.FIELDS if name in changes and after[name] != before[name]]
    if not changed:
        raise Invalid("Nothing differs from what the register says.")
    new = [one for one in changes.get("deputies", ()) if "deputies" in changed]
    problems = entry.people_problems(agent.owner, new, agent.sponsor if "sponsor" in changed else None)
    problems.pop("owner", None)  # whoever it is, they stay
    if problems:
        raise Invalid(" ".join(problems.values()), fields=problems)
    return changed


def _people(agent: Agent, changes: Mapping[str, Any]) -> dict[str, JSON]:
    """Those of the people that change, by user name, as they will be."""
    found: dict[str, JSON] = {}
    if "deputies" in changes:
        found["deputies"] = sorted({one.username for one in changes["deputies"]})
    if "sponsor" in changes:
        found["sponsor"] = agent.sponsor.username if agent.sponsor else None
    return found


def _locked(agent: Agent, *, allowed: Sequence[AgentState]) -> Agent:
    held = locks.agent(agent.pk)
    if held.state not in allowed:
        raise Conflict(f"{held} is {held.get_state_display().lower()}; look again.")
    return held


def move(agent: Agent, *, actor: Actor, state: AgentState, **why: str) -> None:
    """Bring an agent into a state, with whatever else of its standing was set on it before.

    Must run inside a transaction, with the agent locked; the caller knows that the way is allowed. `why`
    goes into the event.
    """
    before = agent.state
    agent.state = state
    agent.save(update_fields=STANDING)
    history.record(
        changed=[agent],
        stream=agent.stream,
        action=Action.AGENT_STATE_CHANGED,
        actor=actor,
        object=f"agent/{agent.pk}",
        provenance=agent.active_version.digest if agent.active_version else None,
        body={
            "from": before,
            "to": state.value,
            "version": agent.active_version.label if agent.active_version else "",
            "approved_digest": agent.approved_digest,
            **why,
        },
    )
    if state not in GOES_ON:
        delegations.end_of_agent(actor=actor, agent=agent)


def _require_fields(row: AgentVersion, *texts: str) -> None:
    """Everything fits its column, and these texts say something."""
    problems = {name: "must not be empty" for name in texts if not getattr(row, name).strip()}
    try:
        # A version without functions is one; its agent may not be saved yet.
        row.clean_fields(exclude=["tool_manifest", "agent"])
    except ValidationError as error:
        problems |= {name: " ".join(messages) for name, messages in error.message_dict.items()}
    if problems:
        listed = " ".join(f"{name}: {problem}" for name, problem in problems.items())
        raise Invalid(listed, fields=problems)
