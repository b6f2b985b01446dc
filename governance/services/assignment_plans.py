"""What an assignment of a role would give an agent, against what it has now, before anything is saved.

It says as much of what the role names and cannot give: a role gives no standing write, nothing that the board
did not approve, nothing by a wildcard without an exception, and nothing above the class that it allows.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from django.db.models import Q
from django.utils import timezone

from agents.choices import Access
from agents.models import Agent
from audits import canonical
from audits.canonical import JSON
from governance import catalogue, conditions, contents, manifest, role_selectors
from governance.choices import Withholding
from governance.conditions import Circumstances
from governance.models import Grant, RoleAssignment
from governance.role_selectors import Holding
from governance.services import role_grants
from governance.services.role_grants import Effect, Function

SENSITIVITY = "sensitivity_at_most"


@dataclass(frozen=True, slots=True)
class Right:
    """A write that may be asked for, while the conditions hold."""

    action: str
    resource: str
    conditions: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.action} on {self.resource}"


@dataclass(frozen=True, slots=True)
class Withheld:
    """What the role names and does not give, and why. Without an action it is all that it names there."""

    resource: str
    reason: Withholding
    message: str
    action: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """One assignment as it would be made: what it leaves, ends and begins, and what it cannot give.

    `asks` are the writes that it gives the right to ask for, `lost` those that nobody asks for any more.
    """

    assignment: RoleAssignment
    stays: tuple[Grant, ...]
    effect: Effect
    asks: tuple[Right, ...]
    lost: tuple[Right, ...]
    withheld: tuple[Withheld, ...]

    @property
    def agent(self) -> Agent:
        return self.assignment.agent

    @property
    def digest(self) -> str:
        """SHA-256 of what is assigned and of everything that it does, whenever it is asked."""
        made = self.assignment
        later = made.starts_at > timezone.now()
        roles: list[JSON] = [
            [str(role.pk), role.current.sha256 if role.current else ""]
            for role in (made.role, made.addition)
            if role
        ]
        return canonical.digest(
            {
                "roles": roles,
                "held": [str(made.kind), *made.conditions],
                "starts_at": made.starts_at.isoformat() if later else None,
                "ends_at": made.ends_at.isoformat() if made.ends_at else None,
                "effect": self.effect.told,
                "asks": [[str(right), *right.conditions] for right in self.asks],
                "lost": [str(right) for right in self.lost],
                "withheld": [[each.resource, each.action, each.reason.value] for each in self.withheld],
            }
        )


def of(assignment: RoleAssignment) -> Plan:
    """What this assignment, which is not saved, would do."""
    agent = assignment.agent
    effect = role_grants.effect(agent, also=[assignment])
    ended = {grant.pk for grant in effect.ended}
    before = role_selectors.holdings(agent)
    made = role_selectors.holdings(agent, also=[assignment])[len(before) :]
    approved = _approved(agent)
    writes = [each for each in approved if each["access"] == Access.WRITE]
    return Plan(
        assignment=assignment,
        stays=tuple(grant for grant in _reads(agent) if grant.pk not in ended),
        effect=effect,
        asks=tuple(_asks(made, writes)),
        lost=tuple(_lost(before, made, writes)),
        withheld=(*_unknown(assignment, made), *_withheld(made, approved)),
    )


def _reads(agent: Agent) -> list[Grant]:
    """What the agent may read now, and what it will by what was decided already."""
    still = Q(ends_at__isnull=True) | Q(ends_at__gt=timezone.now())
    rows = Grant.objects.filter(still, agent=agent, access=Access.READ)
    return list(rows.select_related("assignment__role").order_by("action", "resource", "pk"))


def _approved(agent: Agent) -> list[Function]:
    """The functions that the board approved, each once: action, resource and access."""
    found = {
        (each["action"], each["resource"]): {**each, "access": access.value}
        for approval in role_selectors.approvals_in_force(agent)
        for kind, access in (("reads", Access.READ), ("writes", Access.WRITE))
        for each in contents.read(approval)[kind]
    }
    return [found[key] for key in sorted(found)]


def _asks(made: Sequence[Holding], writes: Iterable[Function]) -> Iterator[Right]:
    for function in writes:
        for each in _giving(made, function):
            yield Right(function["action"], function["resource"], each.held.conditions)


def _lost(before: Sequence[Holding], made: Sequence[Holding], writes: Iterable[Function]) -> Iterator[Right]:
    """A role speaks of them from now on, and none gives them."""
    for function in writes:
        could = _giving(before, function) or not _speaking(before, function)
        can = _giving([*before, *made], function) or not _speaking([*before, *made], function)
        if could and not can:
            yield Right(function["action"], function["resource"])


def _speaking(held: Iterable[Holding], function: Function) -> list[Holding]:
    return [each for each in held if not each.gives_nothing and each.held.speaks_of(function["resource"])]


def _giving(held: Iterable[Holding], function: Function) -> list[Holding]:
    return [
        each for each in _speaking(held, function) if each.held.gives(function["action"], function["access"])
    ]


# --- What it cannot give ----------------------------------------------------------------------------------
def _unknown(assignment: RoleAssignment, made: Sequence[Holding]) -> Iterator[Withheld]:
    """Permissions of resources that the catalogue does not know any more."""
    roles = [role for role in (assignment.role, assignment.addition) if role]
    names = {permission.resource for role in roles for permission in role_selectors.permissions_of(role)}
    if len(made) == sum(len(role_selectors.permissions_of(role)) for role in roles):
        return
    known = set(catalogue.live_resources().filter(name__in=names).values_list("name", flat=True))
    for name in sorted(names - known):
        yield Withheld(name, Withholding.UNKNOWN, "It has ended in the resource catalogue.")


def _withheld(made: Sequence[Holding], approved: Sequence[Function]) -> Iterator[Withheld]:
    for each in made:
        pattern = each.held.pattern
        given = [function for function in approved if _giving([each], function)]
        if each.gives_nothing:
            words = f"Nobody has granted an exception for {pattern}, or it is over."
            yield Withheld(pattern, Withholding.WILDCARD, words)
            continue
        if not given:
            words = f"The board approved none that acts on it for {', '.join(each.held.actions)}."
            yield Withheld(pattern, Withholding.NOT_APPROVED, words)
        for function in given:
            yield from _of_function(each, function)


def _of_function(holding: Holding, function: Function) -> Iterator[Withheld]:
    action, resource = function["action"], function["resource"]
    if function["access"] == Access.WRITE:
        words = "A role gives the right to ask for write elevation, and no more."
        yield Withheld(resource, Withholding.STANDING_WRITE, words, action)
    limits = [text for text in holding.held.conditions if text.startswith(SENSITIVITY)]
    known = catalogue.sensitivity_of(manifest.class_of(resource) or resource) if limits else None
    case = Circumstances(now=timezone.now(), sensitivity=known.value if known else "")
    if above := conditions.first_unmet(limits, case):
        class_ = known.label.lower() if known else "of no known class"
        words = f"It, or some of it, is {class_}: {above} is not met there."
        yield Withheld(resource, Withholding.SENSITIVITY, words, action)
