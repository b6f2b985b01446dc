"""An agent acts for a person who lets it, and for nobody else (RFC 8693)."""

from uuid import UUID

from agents.models import Delegation, Person
from agents.services import delegations, exchange, tokens
from agents.services.exchange import Exchange
from governance.choices import DecisionReason
from portal.demo.order_desk import OrderDesk
from portal.demo.people import played
from portal.demo.scene import Story

WITHOUT = {DecisionReason.DELEGATION_MISSING, DecisionReason.DELEGATION_ENDED}
PERSON, READ, SHOP = "petra", "read_inbox", "https://shop.example.org"


def play(story: Story, desk: OrderDesk) -> str:
    """Gives the token that the agent holds for the person at the end."""
    screen, person = story.screen, story.people[PERSON]
    screen.chapter("On behalf of a person")
    inbox = f"inbox/{person.username}"
    _forget(person, desk)
    answer = desk.asks(READ, inbox, on_behalf_of=person.username)
    screen.require(answer.reason in WITHOUT, f"{READ} was {answer.reason}.")
    screen.refused(f"{READ} on {inbox} for {person}. {answer.message}")
    delegation = _give(person, desk, inbox)
    screen.step(f"{person} lets it, in the portal: {READ} on {inbox} for 7 days, for {delegation.purpose!r}")
    issued = _exchange(desk, delegation, inbox)
    said = tokens.introspect(token=issued.token, point=desk.gateway.pk)
    held = said["active"] and said["sub"] == str(person.pk)
    screen.require(held and said["act"]["sub"] == desk.copy.instance.spiffe_id, "The token is not for them.")
    screen.step(f"the agent exchanges what {person} handed out: a {issued.type} token for {issued.seconds} s")
    screen.note(f"sub: {person}, act: {said['act']['sub']}")
    desk.carried_out(UUID(said["evaluation_id"]))
    screen.require(
        desk.asks(READ, inbox, on_behalf_of=person.username).allowed, "With the delegation it is refused."
    )
    screen.step(f"{READ} on {inbox} for {person}: allowed, and recorded with both names")
    return issued.token


def _forget(person: Person, desk: OrderDesk) -> None:
    """End what the person gave before: the story begins without."""
    for given in Delegation.objects.filter(person=person, agent=desk.agent, ended_at__isnull=True):
        delegations.end(actor=person.actor, delegation=given)


def _give(person: Person, desk: OrderDesk, inbox: str) -> Delegation:
    return delegations.give(
        actor=person,
        agent=desk.agent,
        actions=[READ],
        resources=[inbox],
        purpose="Sort what customers wrote to me.",
        data_scope=["messages"],
        days=7,
        authentication=played(person),
    )


def _exchange(desk: OrderDesk, delegation: Delegation, inbox: str) -> tokens.Issued:
    person = delegation.person
    handed = exchange.hand_out(actor=person, delegation=delegation, authentication=played(person))
    asked = desk.copy.asks(READ, inbox, at=SHOP, intent="Sort what customers wrote.")
    return exchange.issue(exchange=Exchange(asked=asked, subject_token=handed.token))
