"""Nobody approves through people in their hands (promise 5)."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as some

from agents.models import Agent, Person
from agents.services import people, register
from audits.errors import Denied
from governance import contents, control
from governance.choices import Discipline
from governance.models import Elevation
from governance.services import board
from tests.governance.story import approval_of, cast, request, resource

NAMES = "abcdefgh"
GRAPHS = some.dictionaries(some.sampled_from(NAMES), some.sets(some.sampled_from(NAMES)))


@given(GRAPHS, some.sets(some.sampled_from(NAMES)))
def test_reaching_is_the_same_as_trying_every_path(graph: dict[str, set[str]], roots: set[str]) -> None:
    """Against Warshall's algorithm, which knows nothing of frontiers."""
    reaches = {(one, other) for one in NAMES for other in graph.get(one, set())}
    for middle, one, other in product(NAMES, repeat=3):
        if (one, middle) in reaches and (middle, other) in reaches:
            reaches.add((one, other))
    expected = roots | {other for one, other in reaches if one in roots}
    assert control.reachable(roots, control.from_edges(graph)) == expected


@given(GRAPHS, some.sets(some.sampled_from(NAMES)), some.sampled_from(NAMES), some.sampled_from(NAMES))
def test_another_edge_never_takes_anybody_out(
    graph: dict[str, set[str]], roots: set[str], one: str, other: str
) -> None:
    more = {**graph, one: graph.get(one, set()) | {other}}
    before = control.reachable(roots, control.from_edges(graph))
    assert before <= control.reachable(roots, control.from_edges(more))


def _add(actor: Person, name: str) -> Person:
    return people.add_person(
        actor=actor.actor, username=name, first_name=name, last_name="X", email=f"{name}@example.org",
        password=None, groups=["Board"],
    )  # fmt: skip


@pytest.mark.django_db
@pytest.mark.parametrize("when", ["before", "after"])
def test_an_account_that_the_requester_made(
    when: str, active_analyst: Agent, olivia: Person, ada: Person
) -> None:
    """Olivia administers as well, and makes herself an approver, before or after she asks."""
    Person.objects.filter(pk=olivia.pk).update(is_superuser=True)
    olivia.refresh_from_db()

    def seated() -> Person:
        puppet = _add(olivia, "puppet")
        board.assign_seat(actor=ada, person=puppet, discipline=Discipline.SECURITY)
        return puppet

    puppet = seated() if when == "before" else None
    elevation = request(olivia, active_analyst, resource())
    puppet = puppet or seated()
    assert (str(puppet.pk) in approval_of(elevation).excluded) is (when == "before")
    with pytest.raises(Denied, match="Nobody approves"):
        cast(puppet, approval_of(elevation))


@pytest.mark.django_db
def test_an_account_that_a_deputys_account_made(
    active_analyst: Agent, olivia: Person, daniel: Person, ada: Person
) -> None:
    Person.objects.filter(pk=daniel.pk).update(is_superuser=True)
    daniel.refresh_from_db()
    middle = _add(daniel, "middle")
    Person.objects.filter(pk=middle.pk).update(is_superuser=True)
    middle.refresh_from_db()
    puppet = _add(middle, "puppet")
    board.assign_seat(actor=ada, person=puppet, discipline=Discipline.LEGAL)
    elevation = request(olivia, active_analyst, resource())
    with pytest.raises(Denied):
        cast(puppet, approval_of(elevation))


@pytest.mark.django_db
def test_somebody_to_whom_the_owner_delegates_another_agent(
    active_analyst: Agent, olivia: Person, sasha: Person, enzo: Person
) -> None:
    register.register_agent(
        actor=olivia, slug="helper", name="Helper", purpose="Helps.", business_unit="IT", owner=olivia,
        deputies=[sasha],
    )  # fmt: skip
    elevation = request(olivia, active_analyst, resource())
    with pytest.raises(Denied):
        cast(sasha, approval_of(elevation))
    cast(enzo, approval_of(elevation))
    assert Elevation.objects.get().state == "pending"


@pytest.mark.django_db
def test_who_gave_a_seat_made_nobody(active_analyst: Agent, sasha: Person, ada: Person) -> None:
    """An administrator seats people who were there before."""
    assert str(sasha.pk) not in control.in_hands_of({str(ada.pk)})
    assert control.controlled(active_analyst.owner_id, active_analyst) == contents.people_wanting(
        active_analyst
    )
