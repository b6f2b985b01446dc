"""Searches of the AuthZEN API: which subjects, resources or actions would be allowed now.

What is found is what an evaluation would allow at this moment; nothing is spent. Pages are cut by the last
id that was given, so that what comes and goes between two pages neither repeats nor hides the rest.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from django.core import signing
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from agents.models import AgentInstance
from audits import canonical
from audits.choices import Action as Happened
from audits.services import ledger
from governance import access, active_policy, decisions, manifest, resource_pattern
from governance.authzen import Action, Evaluation, MalformedError, Page
from governance.models import EnforcementPoint, Grant
from governance.services.enforcement_points import actor_of

MAX_RESULTS = 1_000
SALT = "governance.searching"
Found = tuple[str, Evaluation]


@dataclass(frozen=True, slots=True)
class Results:
    """`next_token` is empty where nothing follows."""

    ids: list[str]
    next_token: str


def search(*, kind: str, asked: Evaluation, page: Page | None, point: EnforcementPoint) -> Results:
    """Search for what `kind` names: ``subject``, ``resource`` or ``action``. Recorded.

    Raises:
        MalformedError: the page token is none of ours, or belongs to another search.
    """
    mark = _mark(kind, asked, point)
    after, limit = _position(page, mark)
    found = _first(_allowed(kind, asked, point), after, limit)
    _record(kind, asked, point, len(found.ids))
    if not found.next_token:
        return found
    token = signing.dumps({"search": mark, "after": found.next_token[1:], "limit": limit}, salt=SALT)
    return Results(found.ids, token)


def _first(allowed: Iterable[str], after: str, limit: int) -> Results:
    """Up to `limit` ids after one; the mark of where to go on, should there be more."""
    ids: list[str] = []
    for name in allowed:
        if name <= after:
            continue
        if len(ids) == limit:
            return Results(ids, f">{ids[-1] if ids else after}")
        ids.append(name)
    return Results(ids, "")


def _allowed(kind: str, asked: Evaluation, point: EnforcementPoint) -> Iterator[str]:
    if asked.subject.type in access.REGISTERED:
        candidates, allows = _REGISTERED[kind](asked), _by_register(point)
    else:
        candidates, allows = _known(kind, asked), _by_policies()
    for name, evaluation in candidates:
        if allows(evaluation):
            yield name


def _by_register(point: EnforcementPoint) -> Callable[[Evaluation], bool]:
    def allows(evaluation: Evaluation) -> bool:
        _, instance = access.running_copy(evaluation.subject)
        return instance is not None and bool(
            decisions.preview(access.question(evaluation, instance, point)).allowed
        )

    return allows


def _by_policies() -> Callable[[Evaluation], bool]:
    active = active_policy.active()

    def allows(evaluation: Evaluation) -> bool:
        return access.by_policy(evaluation, active).allowed

    return allows


def _known(kind: str, asked: Evaluation) -> Iterator[Found]:
    """What the active policies' entities and schema name."""
    active = active_policy.active()
    policies = active.policies if active else None
    if policies is None:
        return
    if kind == "action":
        for name in policies.actions():
            yield name, replace(asked, action=Action(name))
        return
    wanted = asked.subject if kind == "subject" else asked.resource
    for name in policies.ids(wanted.type):
        named = replace(wanted, id=name)
        found = replace(asked, subject=named) if kind == "subject" else replace(asked, resource=named)
        yield name, found


def _subjects(asked: Evaluation) -> Iterator[Found]:
    """Agents that hold a grant for the action, or their running copies."""
    granted = _open_grants().filter(action=asked.action.name).values("agent")
    copies = AgentInstance.objects.filter(agent__in=granted)
    if asked.subject.type == access.AGENT:
        names = copies.values_list("agent__slug", flat=True)
    else:
        names = copies.filter(ended_at__isnull=True).values_list("spiffe_id", flat=True)
    for name in sorted(set(names)):
        yield name, replace(asked, subject=replace(asked.subject, id=name))


def _resources(asked: Evaluation) -> Iterator[Found]:
    """What the agent's grants name; a template names no single resource, so none is made up."""
    agent, _ = access.running_copy(asked.subject)
    prefix = f"{asked.resource.type}/"
    grants = _open_grants().filter(agent=agent, action=asked.action.name, resource__startswith=prefix)
    for resource in sorted(set(grants.values_list("resource", flat=True))):
        if not manifest.PLACE.search(resource) and resource_pattern.ANYTHING not in resource:
            name = resource.removeprefix(prefix)
            yield name, replace(asked, resource=replace(asked.resource, id=name))


def _actions(asked: Evaluation) -> Iterator[Found]:
    """The functions of what the agent runs."""
    _, instance = access.running_copy(asked.subject)
    entries = manifest.entries(instance.version.tool_manifest) if instance else []
    for name in sorted({str(entry.get("name")) for entry in entries}):
        yield name, replace(asked, action=Action(name))


_REGISTERED: dict[str, Callable[[Evaluation], Iterator[Found]]] = {
    "subject": _subjects,
    "resource": _resources,
    "action": _actions,
}


def _open_grants() -> Any:
    now = timezone.now()
    return Grant.objects.filter(Q(ends_at__isnull=True) | Q(ends_at__gt=now), starts_at__lte=now)


def _position(page: Page | None, mark: str) -> tuple[str, int]:
    """After which id to go on, and with how many. A later page may leave the limit out, not change it."""
    given = page or Page()
    if not given.token:
        return "", MAX_RESULTS if given.limit is None else min(given.limit, MAX_RESULTS)
    try:
        kept = signing.loads(given.token, salt=SALT)
    except signing.BadSignature as error:
        raise MalformedError("page.token is none that this decision point gave.") from error
    limit = int(kept["limit"])
    if kept["search"] != mark or (given.limit is not None and min(given.limit, MAX_RESULTS) != limit):
        raise MalformedError(
            "page.token belongs to another search. Repeat the search as it was, or begin anew."
        )
    return str(kept["after"]), limit


def _mark(kind: str, asked: Evaluation, point: EnforcementPoint) -> str:
    """What a page token is bound to: the search, and who asked."""
    return canonical.digest([kind, access.whole(asked), str(point.pk)])


def _record(kind: str, asked: Evaluation, point: EnforcementPoint, count: int) -> None:
    registered = asked.subject.type in access.REGISTERED
    policy = decisions.POLICY if registered else access.policy_of(active_policy.active())
    with transaction.atomic():
        ledger.record(
            stream=access.stream_of(point),
            action=Happened.DECISION_SEARCHED,
            actor=actor_of(point),
            object=f"search/{kind}",
            body={"request": access.written(asked), "results": count, "enforcement_point": str(point.pk)},
            policy=policy if policy["sha256"] else None,
        )
