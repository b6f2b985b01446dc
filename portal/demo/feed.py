"""What has ended reaches those who enforce; who has not said so is never taken for contained."""

from agents.services import tokens
from governance import point_selectors
from governance.choices import PointState
from governance.models import EnforcementPoint
from governance.services import containments, enforcement_points, revocation_feed
from portal.demo.order_desk import OrderDesk
from portal.demo.people import DEMO, SECURITY
from portal.demo.scene import Story

SILENT = "warehouse-proxy"


def play(story: Story, desk: OrderDesk, token: str) -> None:
    """The agent is frozen at the end; `token` is one that it holds."""
    screen = story.screen
    screen.chapter("Every enforcement point has to know")
    silent = EnforcementPoint.objects.filter(name=SILENT).first()
    silent = silent or enforcement_points.add(actor=DEMO, name=SILENT)[0]
    since = _follow(desk.gateway, 0)
    screen.step(f"{desk.gateway.name} follows the revocation feed up to {since}; {silent.name} never came")
    containments.freeze_agent(
        actor=story.people[SECURITY], agent=desk.agent, reason="It tried to reach a place to paste text."
    )
    worth = tokens.introspect(token=token, point=desk.gateway.pk)
    screen.require(not worth["active"], "The token of a frozen agent is still worth something.")
    screen.step(
        f"{story.people[SECURITY]} freezes {desk.agent.name}: the token that it held is worth nothing"
    )
    now = _follow(desk.gateway, since)
    screen.require(now > since, "The feed told nothing of the freeze.")
    _show(story, desk)


def _follow(reader: EnforcementPoint, since: int) -> int:
    """Read to the end, and say so: everything up to this number is refused there."""
    page = revocation_feed.read(actor=reader, since=since)
    return revocation_feed.acknowledge(actor=reader, number=page.current)


def _show(story: Story, desk: OrderDesk) -> None:
    screen = story.screen
    (found,) = point_selectors.contained(agent=desk.agent.slug)
    states = {each.point.name: each.state for each in found.standings}
    screen.table(
        "enforcement point",
        "state",
        "acknowledged",
        "after",
        rows=[
            (
                each.point.name,
                each.state.label,
                str(each.acknowledged or "nothing"),
                f"{each.milliseconds} ms" if each.milliseconds is not None else "",
            )
            for each in found.standings
        ],
    )
    screen.require(states[desk.gateway.name] == PointState.ACKNOWLEDGED, "The gateway's word does not count.")
    screen.require(states[SILENT] == PointState.NEVER_ASKED, f"{SILENT} is {states[SILENT]}.")
    screen.require(not found.is_contained, "It is shown as contained, and one has not said so.")
    screen.step(f"not contained: {found.confirmed} of {len(states)} have confirmed revocation {found.number}")
