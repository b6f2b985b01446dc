"""Dependencies (S1-21, S4-3): added, changed and ended by those who answer; what the database refuses."""

from collections.abc import Callable
from functools import partial
from uuid import UUID, uuid4

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from agents import accountability
from agents.choices import AgentState, DependencyKind
from agents.models import Agent, Dependency, Person, ThirdParty
from agents.services import dependencies, third_parties
from audits import history
from audits.errors import Conflict, Denied, Invalid
from audits.models import Event
from tests.agents.surroundings import PURPOSE, agent, depend, third_party, tool
from tests.conftest import add
from tests.governance.story import race
from tests.portal import work

CREATES, CALLS, INTERACTS = DependencyKind.CREATES, DependencyKind.CALLS, DependencyKind.INTERACTS_WITH


def event(action: str) -> Event:
    return Event.objects.filter(action=action).latest("id")


@pytest.mark.django_db
def test_owner_deputy_and_administrator_say_what_an_agent_depends_on(
    olivia: Person, daniel: Person, ada: Person, stella: Person, analyst: Agent
) -> None:
    nist = third_party(stella)
    made = depend(olivia, analyst, nist)
    told = event("dependency.added")
    assert (told.stream, told.object) == (analyst.stream, f"dependency/{made.pk}")
    assert {name: told.details[name] for name in ("kind", "to", "to_name", "purpose", "data")} == {
        "kind": "calls",
        "to": f"third_party/{nist.pk}",
        "to_name": "NIST",
        "purpose": PURPOSE,
        "data": ["CVE ids"],
    }
    assert history.rows_of(history.of(made), made).count() == 1
    depend(daniel, analyst, tool(stella, provider=nist))
    depend(ada, analyst, agent(olivia, "helper"), CREATES)
    assert {each.provider for each in analyst.dependencies.all()} == {nist, None}


@pytest.mark.django_db
@pytest.mark.parametrize("username", ["stella", "aude", "oscar", "sasha"])
def test_others_may_not(
    request: pytest.FixtureRequest, olivia: Person, analyst: Agent, username: str
) -> None:
    person = request.getfixturevalue(username)
    helper = agent(olivia, "helper")
    made = depend(olivia, analyst, helper)
    attempts: list[tuple[str, Callable[[], object]]] = [
        ("dependency.added", lambda: depend(person, analyst, helper, INTERACTS)),
        (
            "dependency.changed",
            lambda: dependencies.change(actor=person, dependency=made, purpose="x", data_categories=[]),
        ),
        ("dependency.ended", lambda: dependencies.end(actor=person, dependency=made, reason="So.")),
    ]
    for action, attempt in attempts:
        with pytest.raises(Denied, match="may change it"):
            attempt()
        assert event(action).outcome == "denied"
    made.refresh_from_db()
    assert (made.purpose, made.ended_at, Dependency.objects.count()) == (PURPOSE, None, 1)


@pytest.mark.django_db
def test_what_makes_no_sense_is_refused(olivia: Person, stella: Person, analyst: Agent) -> None:
    with pytest.raises(Invalid, match="on itself"):
        depend(olivia, analyst, analyst)
    with pytest.raises(Invalid, match="does not create a third party"):
        depend(olivia, analyst, third_party(stella), CREATES)
    for purpose in ("", " ", "x" * 10_001, "a\0"):
        with pytest.raises(Invalid, match="purpose"):
            dependencies.add(
                actor=olivia, agent=analyst, kind=CALLS, target=tool(stella, f"t-{uuid4()}"), purpose=purpose
            )
    with pytest.raises(Invalid, match="kind"):
        depend(olivia, analyst, tool(stella), "owns")  # type: ignore[arg-type]
    assert not Dependency.objects.exists()


@pytest.mark.django_db
def test_one_live_dependency_of_a_kind_and_another_after_its_end(
    olivia: Person, stella: Person, analyst: Agent
) -> None:
    helper, nist, nvd = agent(olivia, "helper"), third_party(stella), tool(stella)
    for target in (helper, nist, nvd):
        made = depend(olivia, analyst, target)
        depend(olivia, analyst, target, INTERACTS)
        with pytest.raises(Conflict, match="says so already"):
            depend(olivia, analyst, target)
        dependencies.end(actor=olivia, dependency=made, reason="Not any more.")
        assert event("dependency.ended").details["reason"] == "Not any more."
        depend(olivia, analyst, target)
    assert Dependency.objects.count() == 9


@pytest.mark.django_db
def test_a_change_says_what_it_was_and_an_ended_one_does_not_change(olivia: Person, analyst: Agent) -> None:
    made = depend(olivia, analyst, agent(olivia, "helper"))
    same = {"purpose": PURPOSE, "data_categories": ["CVE ids"]}
    with pytest.raises(Conflict, match="Nothing was changed"):
        dependencies.change(actor=olivia, dependency=made, **same)  # type: ignore[arg-type]
    with pytest.raises(Invalid, match="purpose"):
        dependencies.change(actor=olivia, dependency=made, purpose=" ", data_categories=[])
    dependencies.change(actor=olivia, dependency=made, purpose="More.", data_categories=["CVE ids"])
    assert event("dependency.changed").details["changed"] == {"purpose": {"from": PURPOSE, "to": "More."}}
    with pytest.raises(Invalid, match="reason"):
        dependencies.end(actor=olivia, dependency=made, reason=" ")
    dependencies.end(actor=olivia, dependency=made, reason="Over.")
    attempts: list[Callable[[], object]] = [
        lambda: dependencies.end(actor=olivia, dependency=made, reason="Over."),
        lambda: dependencies.change(actor=olivia, dependency=made, purpose="x", data_categories=[]),
    ]
    for attempt in attempts:
        with pytest.raises(Conflict, match="has ended"):
            attempt()


@pytest.mark.django_db
def test_a_retired_agent_takes_no_new_dependency_at_either_end(olivia: Person, analyst: Agent) -> None:
    helper = agent(olivia, "helper")
    Agent.objects.filter(pk=helper.pk).update(state=AgentState.RETIRED)
    for of, target in ((analyst, helper), (helper, analyst)):
        with pytest.raises(Conflict, match="is retired"):
            depend(olivia, of, target)


@pytest.mark.django_db
def test_agents_do_not_create_one_another(olivia: Person, analyst: Agent) -> None:
    helper, third = agent(olivia, "helper"), agent(olivia, "third")
    depend(olivia, analyst, helper, CREATES)
    closing = depend(olivia, helper, third, CREATES)
    for of, target in ((helper, analyst), (third, analyst)):
        with pytest.raises(Invalid, match="do not create one another"):
            depend(olivia, of, target, CREATES)
        depend(olivia, of, target, CALLS)
    dependencies.end(actor=olivia, dependency=closing, reason="Not any more.")
    depend(olivia, third, analyst, CREATES)


class CircleRule(TestCase):
    """Whatever is asked for in whatever order: nobody creates itself, and what makes no circle may be."""

    @settings(max_examples=30)
    @given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5), st.booleans()), max_size=14))
    def test_no_order_of_edges_makes_a_circle(self, wishes: list[tuple[int, int, bool]]) -> None:
        owner = add("olivia")
        agents = [work.agent(owner) for _ in range(6)]
        live: dict[tuple[int, int], Dependency] = {}
        for source, target, ends in wishes:
            if ends and (source, target) in live:
                dependencies.end(actor=owner, dependency=live.pop((source, target)), reason="Over.")
                continue
            allowed = source != target and (source, target) not in live and not _reaches(live, target, source)
            try:
                made = depend(owner, agents[source], agents[target], CREATES)
            except (Invalid, Conflict):
                assert not allowed
            else:
                assert allowed
                live[source, target] = made
        for number, each in enumerate(agents):
            found = accountability.creators(each.pk)
            wanted = {
                agents[other].pk for other in range(6) if other != number and _reaches(live, other, number)
            }
            assert set(found) == wanted


def _reaches(live: dict[tuple[int, int], Dependency], start: int, end: int) -> bool:
    """Whether one creates the other, itself or over others: asked of the wishes, not of the database."""
    seen, waiting = set[int](), [start]
    while waiting:
        here = waiting.pop()
        if here == end:
            return True
        seen.add(here)
        waiting += [target for source, target in live if source == here and target not in seen]
    return False


@pytest.mark.django_db
def test_the_database_itself_refuses_what_is_no_dependency(olivia: Person, stella: Person) -> None:
    one, other = agent(olivia, "one"), agent(olivia, "other")
    nist, nvd = third_party(stella), tool(stella)
    ends: dict[str, UUID | None] = {"to_agent_id": None, "to_tool_id": None, "to_third_party_id": None}
    for kind, targets in (
        ("calls", {}),
        ("calls", {"to_agent_id": other.pk, "to_tool_id": nvd.pk}),
        ("calls", {"to_tool_id": nvd.pk, "to_third_party_id": nist.pk}),
        ("calls", {"to_agent_id": one.pk}),
        ("creates", {"to_third_party_id": nist.pk}),
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            _insert(one, kind, {**ends, **targets})
    for targets in ({"to_agent_id": other.pk}, {"to_tool_id": nvd.pk}, {"to_third_party_id": nist.pk}):
        _insert(one, "calls", {**ends, **targets})
        with pytest.raises(IntegrityError), transaction.atomic():
            _insert(one, "calls", {**ends, **targets})
        _insert(one, "calls", {**ends, **targets}, ended=True)


def _insert(of: Agent, kind: str, targets: dict[str, UUID | None], *, ended: bool = False) -> None:
    """Past every service, as a database shell would."""
    now = timezone.now()

    def plain(pk: UUID | None) -> str | None:
        return (pk.hex if connection.vendor == "sqlite" else str(pk)) if pk else None

    row = {
        "id": plain(uuid4()),
        "agent_id": plain(of.pk),
        "kind": kind,
        "purpose": "x",
        "data_categories": "[]",
        "added_by": "x",
        "added_at": now,
        "ended_at": now if ended else None,
        **{name: plain(pk) for name, pk in targets.items()},
    }
    names, marks = ", ".join(row), ", ".join(["%s"] * len(row))
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO agents_dependency ({names}) VALUES ({marks})", list(row.values()))  # noqa: S608


@pytest.mark.django_db
def test_the_database_keeps_dependencies_where_they_lead_and_once_ended(
    olivia: Person, stella: Person, analyst: Agent
) -> None:
    live = depend(olivia, analyst, tool(stella))
    ended = depend(olivia, analyst, agent(olivia, "helper"))
    dependencies.end(actor=olivia, dependency=ended, reason="Over.")
    rows = Dependency.objects.all()
    other = agent(olivia, "other")
    for attack in (
        lambda: rows.filter(pk=live.pk).delete(),
        lambda: rows.filter(pk=live.pk).update(kind=CREATES),
        lambda: rows.filter(pk=live.pk).update(agent=other),
        lambda: rows.filter(pk=ended.pk).update(ended_at=None),
        lambda: rows.filter(pk=ended.pk).update(purpose="Nothing."),
    ):
        with pytest.raises(DatabaseError, match="ended and never deleted"), transaction.atomic():
            attack()


@pytest.mark.django_db(transaction=True)
def test_edges_that_are_added_at_once_close_no_circle(olivia: Person) -> None:
    agents = [agent(olivia, f"agent-{number}") for number in range(4)]
    ring = [(agents[number - 1], agents[number]) for number in range(4)]
    results = race([partial(depend, olivia, of, to, CREATES) for of, to in ring])
    refused = [result for result in results if not isinstance(result, Dependency)]
    assert [type(result) for result in refused] == [Invalid], results
    assert Dependency.objects.count() == 3


@pytest.mark.django_db(transaction=True)
def test_of_equal_ones_that_are_added_at_once_one_is_kept_and_nothing_new_after_an_end(
    olivia: Person, stella: Person, analyst: Agent
) -> None:
    nist = third_party(stella)
    results = race([lambda: depend(olivia, analyst, nist)] * 4)
    assert sorted(type(result).__name__ for result in results) == ["Conflict"] * 3 + ["Dependency"]
    acme = third_party(stella, "acme")
    end = partial(third_parties.end, actor=stella, third_party=acme, reason="Over.")
    race([end, lambda: depend(olivia, analyst, acme)])
    ended = ThirdParty.objects.get(pk=acme.pk).ended_at
    assert ended is not None
    assert all(made.added_at <= ended for made in Dependency.objects.filter(to_third_party=acme))
