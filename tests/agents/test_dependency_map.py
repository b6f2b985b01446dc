"""The graph of dependencies, and who answers for what (S4-3)."""

from datetime import timedelta

import pytest

from agents import accountability, dependency_map
from agents.choices import DependencyKind
from agents.dependency_map import PROVIDED_BY
from agents.models import Agent, Person, Tool
from agents.services import dependencies, third_parties
from tests.agents.surroundings import agent, depend, third_party, today, tool

pytestmark = pytest.mark.django_db
CREATES = DependencyKind.CREATES


@pytest.fixture
def chain(olivia: Person, daniel: Person, stella: Person) -> dict[str, Agent]:
    """Daniel's root creates middle, which creates leaf; leaf and far call one another; far has a tool."""
    made = {name: agent(olivia, name) for name in ("middle", "leaf", "far")}
    made["root"] = agent(daniel, "root")
    depend(daniel, made["root"], made["middle"], CREATES)
    depend(olivia, made["middle"], made["leaf"], CREATES)
    depend(olivia, made["leaf"], made["far"])
    depend(olivia, made["far"], made["leaf"])
    nist = third_party(stella, jurisdictions=["US", "CH"])
    depend(olivia, made["far"], tool(stella, provider=nist, jurisdictions=["DE"]))
    return made


def drawn(found: dependency_map.Map) -> set[tuple[str, str, str]]:
    names = {key: str(node.row) for key, node in found.nodes.items()}
    return {(names[edge.source], edge.kind, names[edge.target]) for edge in found.edges}


def test_the_map_grows_step_by_step_in_both_directions(chain: dict[str, Agent]) -> None:
    leaf = chain["leaf"]
    calls = {("Leaf", "calls", "Far"), ("Far", "calls", "Leaf")}
    one = {("Middle", "creates", "Leaf"), *calls}
    two = {*one, ("Root", "creates", "Middle"), ("Far", "calls", "NVD API")}
    assert drawn(dependency_map.around(leaf, steps=1)) == one
    assert drawn(dependency_map.around(leaf, steps=2)) == two
    whole = dependency_map.around(leaf, steps=3)
    assert drawn(whole) == {*two, ("NVD API", PROVIDED_BY, "NIST")}
    assert {str(node.row): node.steps for node in whole.nodes.values()} == {
        "Leaf": 0, "Middle": 1, "Far": 1, "Root": 2, "NVD API": 2, "NIST": 3
    }  # fmt: skip
    assert drawn(dependency_map.of_register()) == drawn(whole)


def test_what_has_ended_is_not_drawn(chain: dict[str, Agent], olivia: Person) -> None:
    for each in chain["leaf"].dependencies.all():
        dependencies.end(actor=olivia, dependency=each, reason="Over.")
    assert ("Leaf", "calls", "Far") not in drawn(dependency_map.of_register())


def test_the_register_is_narrowed_by_owner_and_unit(chain: dict[str, Agent]) -> None:
    assert drawn(dependency_map.of_register(owner="Daniel")) == {("Root", "creates", "Middle")}
    assert not dependency_map.of_register(owner="nobody").nodes
    assert not dependency_map.of_register(business_unit="Sales").nodes
    assert len(dependency_map.of_register(business_unit="security").edges) == 6


def test_a_map_has_a_limit_and_says_what_it_left_out(chain: dict[str, Agent]) -> None:
    small = dependency_map.around(chain["leaf"], steps=3, limit=3)
    assert (len(small.nodes), len(small.edges), small.left_out) == (3, 3, 2)
    register = dependency_map.of_register(limit=2)
    assert (len(register.nodes), len(register.edges), register.left_out) == (2, 1, 4)


def test_the_chain_leads_up_to_a_person_and_out_to_where_data_goes(
    chain: dict[str, Agent], olivia: Person, daniel: Person
) -> None:
    found = accountability.of(chain["leaf"])
    assert [(str(each.agent), each.steps, each.is_root) for each in found.creators] == [
        ("Middle", 1, False),
        ("Root", 2, True),
    ]
    assert found.answerable == [daniel]
    assert {str(each.row): each.steps for each in found.reached} == {"Far": 1, "NVD API": 2, "NIST": 2}
    assert [str(each) for each in found.third_parties] == ["NIST"]
    assert found.jurisdictions == ["CH", "DE", "US"]
    root = accountability.of(chain["root"])
    assert (root.creators, root.answerable, root.more) == ([], [daniel], False)
    assert len(root.reached) == 5


def test_an_agent_of_two_creators_has_two_who_answer(
    chain: dict[str, Agent], olivia: Person, daniel: Person
) -> None:
    other = agent(olivia, "other")
    depend(olivia, other, chain["leaf"], CREATES)
    assert set(accountability.of(chain["leaf"]).answerable) == {olivia, daniel}


def test_a_chain_that_is_not_followed_to_its_end_says_so(
    chain: dict[str, Agent], monkeypatch: pytest.MonkeyPatch
) -> None:
    cut = accountability.of(chain["root"], limit=2)
    assert (len(cut.reached), cut.more) == (2, True)
    monkeypatch.setattr(accountability, "STEPS", 1)
    cut = accountability.of(chain["root"])
    assert ([str(each.row) for each in cut.reached], cut.more) == (["Middle"], True)


def test_third_parties_of_an_agent_are_its_own_and_those_of_its_tools(
    chain: dict[str, Agent], olivia: Person, stella: Person
) -> None:
    far = chain["far"]
    assert [str(each) for each in dependency_map.third_parties_of(far)] == ["NIST"]
    acme = third_party(stella, "acme", name="Acme", assess_again_by=today() - timedelta(days=2))
    made = depend(olivia, far, acme)
    depend(olivia, far, acme, DependencyKind.INTERACTS_WITH)
    depend(olivia, far, Tool.objects.get(), DependencyKind.INTERACTS_WITH)
    assert [str(each) for each in dependency_map.third_parties_of(far)] == ["Acme", "NIST"]
    dependencies.end(actor=olivia, dependency=made, reason="Over.")
    third_parties.end(actor=stella, third_party=acme, reason="Over.")
    assert acme in dependency_map.third_parties_of(far)
    assert not dependency_map.third_parties_of(chain["leaf"])
