"""Who is in whose hands, so that nobody approves through somebody else (promise 5, S4-2).

Somebody is in another's hands whose account that one created or invited, or to whom that one delegates: who
deputises for an agent of theirs. It carries on: whoever a deputy has made is in the hands of both. Seats
are no such thing: an administrator gives them to people who were there before.

`hands` is where a directory that knows who reports to whom would be asked as well.
"""

from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from uuid import UUID

from agents.models import Agent
from audits.choices import Action, Outcome
from audits.models import Event
from governance import contents

Edges = Callable[[AbstractSet[str]], Iterable[str]]

CREATING = (Action.PERSON_ADDED, Action.PERSON_INVITED)
PERSON = "person/"


def reachable(roots: Iterable[str], step: Edges) -> frozenset[str]:
    """Everybody whom the roots reach, themselves included. `step` gives who is in the hands of some."""
    found: set[str] = set()
    new = set(roots)
    while new:
        found |= new
        new = set(step(frozenset(new))) - found
    return frozenset(found)


def in_hands_of(people: Iterable[str]) -> frozenset[str]:
    """Ids of these people and of everybody in their hands."""
    return reachable(people, hands)


def controlled(requester: object, agent: Agent) -> frozenset[str]:
    """Ids of who asks for an agent, of who wants it, and of everybody in the hands of these."""
    return in_hands_of({str(requester), *contents.people_wanting(agent)})


def from_edges(edges: Mapping[str, Iterable[str]]) -> Edges:
    """The step over a graph that is known as a whole."""
    return lambda people: {other for person in people for other in edges.get(person, ())}


def hands(people: AbstractSet[str]) -> set[str]:
    """Who is in these people's hands directly."""
    return _created_by(people) | _deputies_of(people)


def _created_by(people: AbstractSet[str]) -> set[str]:
    """As the ledger says: it outlives whatever is written about an account later."""
    refs = [f"{PERSON}{person}" for person in people]
    events = Event.objects.filter(action__in=CREATING, actor__in=refs, outcome=Outcome.SUCCESS)
    objects = events.order_by().values_list("object", flat=True).distinct()
    return {name.removeprefix(PERSON) for name in objects if name.startswith(PERSON)}


def _deputies_of(people: AbstractSet[str]) -> set[str]:
    owners = [UUID(person) for person in people]
    agents = Agent.objects.filter(owner_id__in=owners, deputies__isnull=False)
    return {str(deputy) for deputy in agents.values_list("deputies", flat=True)}
