"""What agents may reach: their lists, and the exceptions for addresses that are not public (S2-9)."""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from agents import egress_rules, permissions
from agents.choices import EgressMode
from agents.egress_rules import Entry
from agents.models import Agent, EgressException, EgressPolicy, Person
from agents.services import fields, locks
from audits.choices import Action
from audits.errors import Conflict, Invalid
from audits.services import history
from audits.services.attempts import SYSTEM_STREAM, attempt, refuse

MAX_ENTRIES = 500


def change(
    *, actor: Person, agent: Agent, mode: EgressMode, allow: Sequence[str], deny: Sequence[str], reason: str
) -> EgressPolicy:
    """Say what an agent may reach from now on, besides what its approved version names.

    Args:
        allow, deny: lines, see `egress_rules`; kept canonical, sorted, each once.

    Raises:
        Invalid: a line cannot be read, a list does not belong to the mode, or there is no reason.
        Denied: the actor keeps no lists, or answers for the agent; recorded.
        Conflict: nothing differs.
    """
    said = fields.sentence(reason, field="reason")
    values = {
        "mode": mode.value,
        "allow": _lines(allow, "allow", egress_rules.allow_entry),
        "deny": _lines(deny, "deny", egress_rules.deny_entry),
    }
    _check_mode(mode, values)
    with attempt(
        action=Action.EGRESS_CHANGED, actor=actor.actor, stream=agent.stream, object=f"agent/{agent.pk}"
    ):
        refuse(permissions.why_not_set_egress(actor, locks.agent(agent.pk)))
        policy = EgressPolicy.objects.filter(agent=agent).first() or EgressPolicy(agent=agent)
        changed = fields.changes(policy, values)
        policy.changed_by = actor.actor.ref
        policy.save()
        history.record(
            changed=[policy],
            stream=agent.stream,
            action=Action.EGRESS_CHANGED,
            actor=actor.actor,
            object=f"egress_policy/{policy.pk}",
            body={"changed": changed, "reason": said},
        )
    return policy


def add_exception(
    *, actor: Person, agent: Agent | None, host: str, port: int, days: int, reason: str
) -> EgressException:
    """Let a host be at an address that is not public: for one agent, or for all, until so many days are over.

    Raises:
        Invalid: the host, the port or the number of days is none, or there is no reason.
        Denied: the actor is no administrator; recorded.
    """
    said = fields.sentence(reason, field="reason")
    if not 0 < days <= settings.EGRESS_EXCEPTION_DAYS:
        problem = f"from 1 to {settings.EGRESS_EXCEPTION_DAYS}"
        raise Invalid(f"days: {problem}.", fields={"days": problem})
    entry = _origin(host, port)
    stream = agent.stream if agent else SYSTEM_STREAM
    with attempt(
        action=Action.EGRESS_EXCEPTION_ADDED, actor=actor.actor, stream=stream, object="egress_exceptions"
    ):
        refuse(permissions.why_not_except(actor))
        made = EgressException.objects.create(
            agent=agent,
            host=entry.host,
            port=entry.port,
            reason=said,
            added_by=actor.actor.ref,
            ends_at=timezone.now() + timedelta(days=days),
        )
        history.record(
            changed=[made],
            stream=stream,
            action=Action.EGRESS_EXCEPTION_ADDED,
            actor=actor.actor,
            object=f"egress_exception/{made.pk}",
            body={"host": made.host, "port": made.port, "reason": said, "days": days},
        )
    return made


def end_exception(*, actor: Person, exception: EgressException) -> EgressException:
    """End it before its time.

    Raises:
        Denied: the actor is no administrator; recorded.
        Conflict: it is over already.
    """
    stream = exception.agent.stream if exception.agent else SYSTEM_STREAM
    with attempt(
        action=Action.EGRESS_EXCEPTION_ENDED,
        actor=actor.actor,
        stream=stream,
        object=f"egress_exception/{exception.pk}",
    ):
        refuse(permissions.why_not_except(actor))
        held = EgressException.objects.select_for_update(no_key=True).get(pk=exception.pk)
        if held.ends_at <= timezone.now():
            raise Conflict("It is over already.")
        held.ends_at, held.ended_by = timezone.now(), actor.actor.ref
        held.save(update_fields=["ends_at", "ended_by"])
        history.record(
            changed=[held],
            stream=stream,
            action=Action.EGRESS_EXCEPTION_ENDED,
            actor=actor.actor,
            object=f"egress_exception/{held.pk}",
            body={"host": held.host, "port": held.port},
        )
    return held


def _lines(given: Sequence[str], field: str, parse: Callable[[str], Entry]) -> list[str]:
    found, wrong = set(), []
    for line in filter(None, (each.strip() for each in given)):
        try:
            found.add(parse(line).text)
        except ValueError as error:
            wrong.append(f"{line[:100]!r} {error}.")
    if len(found) > MAX_ENTRIES:
        wrong.append(f"At most {MAX_ENTRIES} lines.")
    if wrong:
        raise Invalid(f"{field}: {' '.join(wrong[:10])}", fields={field: " ".join(wrong[:10])})
    return sorted(found)


def _check_mode(mode: EgressMode, values: Mapping[str, object]) -> None:
    """A list that its mode would not look at would only seem to protect."""
    wrong = {}
    if mode == EgressMode.ALLOW and values["deny"]:
        wrong["deny"] = "nothing is denied in this mode: choose hybrid"
    if mode == EgressMode.DENY and values["allow"]:
        wrong["allow"] = "everything is allowed in this mode: choose hybrid"
    if wrong:
        raise Invalid(" ".join(f"{name}: {problem}." for name, problem in wrong.items()), fields=wrong)


def _origin(host: str, port: int) -> Entry:
    named = f"[{host}]" if ":" in host else host
    try:
        entry = egress_rules.allow_entry(f"{named}:{port}")
    except ValueError as error:
        raise Invalid(f"host: {error}.", fields={"host": str(error)}) from error
    if entry.below or entry.path:
        raise Invalid("host: is not one host.", fields={"host": "is not one host"})
    return entry
