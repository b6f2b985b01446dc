"""A role says which of what the board approved an agent may do, on what, and under which conditions."""

from governance.choices import DecisionReason
from governance.models import AgentRole, Resource, RoleAssignment
from governance.services import resource_importing, role_assignments, role_importing
from governance.services.role_assignments import Terms
from portal.demo.order_desk import OrderDesk
from portal.demo.people import STEWARD
from portal.demo.scene import Story
from portal.demo.working import DEMO_FILES

CATALOGUE, ROLES, ROLE = "resources.csv", "roles.yaml", "order_desk"


def play(story: Story, desk: OrderDesk) -> None:
    screen = story.screen
    screen.chapter("A role and its conditions")
    _import(story)
    screen.table(
        "resource",
        "means",
        "sensitivity",
        "answers for it",
        rows=[
            (each.name, each.reference, str(each.sensitivity), str(each.owner))
            for each in Resource.objects.filter(ended_at=None).select_related("owner").order_by("name")
        ],
    )
    assignment = _assign(story, desk)
    screen.step(f"{desk.agent.name} holds the role {assignment.role}, given by {assignment.assigned_by}")
    one = desk.asks("read_order", "order/4711", department=desk.agent.business_unit, records=1)
    screen.require(one.allowed, f"The role did not allow one order: {one.message}")
    screen.step("read_order on order/4711, one order: the role allows it")
    many = desk.asks("read_order", "order/4711", department=desk.agent.business_unit, records=500)
    screen.require(many.reason == DecisionReason.CONDITION_NOT_MET, f"500 orders were {many.reason}.")
    screen.refused(f"the same with 500 orders. {many.message}")


def _import(story: Story) -> None:
    """The steward brings both files; what is known already stays as it is."""
    steward = story.people[STEWARD]
    resource_importing.perform(
        actor=steward, content=(DEMO_FILES / CATALOGUE).read_bytes(), format="csv", file_name=CATALOGUE
    )
    role_importing.perform(actor=steward, content=(DEMO_FILES / ROLES).read_bytes(), file_name=ROLES)
    story.screen.step(f"{steward} imports the resource catalogue ({CATALOGUE}) and roles of agents ({ROLES})")


def _assign(story: Story, desk: OrderDesk) -> RoleAssignment:
    held = RoleAssignment.objects.select_related("role", "assigned_by").filter(
        agent=desk.agent, role__name=ROLE, ended_at__isnull=True
    )
    return held.first() or role_assignments.assign(
        actor=story.people[STEWARD],
        agent=desk.agent,
        terms=Terms(role=AgentRole.objects.get(name=ROLE)),
        reason="It answers what customers ask about their own orders.",
    )
