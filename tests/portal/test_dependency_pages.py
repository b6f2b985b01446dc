"""Third parties, tools and dependencies in the portal: forms, dialogs, lists, the map and its table."""

import json
import re
from datetime import timedelta
from html import unescape

import pytest
from django.test import Client
from django.urls import reverse

from agents.choices import DependencyKind
from agents.models import Agent, Dependency, Person, ThirdParty, Tool
from agents.services import third_parties
from tests.agents.surroundings import agent, depend, third_party, today, tool
from tests.portal import work
from tests.portal.pages import address, listing, page

pytestmark = pytest.mark.django_db
MAP = "/admin/dependency-map/"
SENT = {"_form_submitted": "on"}
HTMX = {"HX-Request": "true"}


def signed_in(person: Person) -> Client:
    client = Client()
    client.force_login(person)
    return client


def action(row: ThirdParty | Tool | Dependency, name: str) -> str:
    model = row._meta.model_name
    return reverse(f"admin:agents_{model}_{name}", args=[row.pk])


def words(text: str) -> str:
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text)))


def graph(text: str) -> dict[str, list[dict[str, object]]]:
    found = re.search(r'<script id="dependency-graph-data" type="application/json">(.*?)</script>', text)
    assert found
    told: dict[str, list[dict[str, object]]] = json.loads(found[1])
    return told


def test_a_steward_adds_changes_and_ends_a_third_party(stella: Person) -> None:
    client = signed_in(stella)
    given = {
        "slug": "acme",
        "name": "Acme",
        "provides": "Models",
        "jurisdictions": "de, US",
        "assess_again_by": today().isoformat(),
    }
    wrong = client.post("/admin/agents/thirdparty/add/", given | {"jurisdictions": "Germany"})
    assert "Give codes of ISO 3166-1 alpha-2" in wrong.content.decode()
    made = client.post("/admin/agents/thirdparty/add/", given)
    acme = ThirdParty.objects.get()
    assert made["Location"] == address(acme)
    assert acme.jurisdictions == ["DE", "US"]
    dialog = client.get(action(acme, "change_facts")).content.decode()
    assert 'value="DE, US"' in dialog
    assert f'value="{today().isoformat()}"' in dialog
    changed = SENT | given | {"contract_reference": "CW-1", "high_risk": "on"}
    assert client.post(action(acme, "change_facts"), changed, headers=HTMX)["HX-Redirect"] == address(acme)
    acme.refresh_from_db()
    assert (acme.contract_reference, acme.high_risk) == ("CW-1", True)
    again = client.post(action(acme, "change_facts"), changed, headers=HTMX)
    assert "Nothing was changed" in again.content.decode()
    client.post(action(acme, "end_third_party"), SENT | {"reason": "Over."}, headers=HTMX)
    acme.refresh_from_db()
    assert acme.ended_at is not None
    assert "Change" not in words(page(client, address(acme))).split("Third parties")[0]


def test_a_steward_adds_changes_and_ends_a_tool(stella: Person) -> None:
    client = signed_in(stella)
    third_party(stella)
    given = {"slug": "nvd", "name": "NVD", "kind": "api", "endpoint": "nvd", "jurisdictions": "US"}
    wrong = client.post("/admin/agents/tool/add/", given | {"provider": "nobody"})
    assert "There is no third party &#x27;nobody&#x27; here" in wrong.content.decode()
    client.post("/admin/agents/tool/add/", given | {"provider": "nist", "data_categories": "a, b"})
    made = Tool.objects.get()
    assert (str(made.provider), made.data_categories) == ("NIST", ["a", "b"])
    assert 'value="nist"' in client.get(action(made, "change_facts")).content.decode()
    client.post(action(made, "change_facts"), SENT | given | {"provider": ""}, headers=HTMX)
    made.refresh_from_db()
    assert (made.provider, made.data_categories) == (None, [])
    client.post(action(made, "end_tool"), SENT | {"reason": "Over."}, headers=HTMX)
    made.refresh_from_db()
    assert made.ended_at is not None


def test_an_owner_adds_changes_and_ends_a_dependency(olivia: Person, stella: Person, analyst: Agent) -> None:
    client = signed_in(olivia)
    tool(stella)
    form = page(client, f"/admin/agents/dependency/add/?agent={analyst.slug}")
    assert f'value="{analyst.slug}"' in form
    assert '<option value="nvd-api">NVD API</option>' in form
    given = {
        "agent": analyst.slug, "kind": "calls", "target_kind": "tool", "target": "nvd-api",
        "purpose": "Looks up.", "data_categories": "CVE ids",
    }  # fmt: skip
    for changes, said in (
        ({"target": "none"}, "There is no tool"),
        ({"agent": "none"}, "There is no agent"),
        ({"target_kind": "agent", "target": analyst.slug}, "does not depend on itself"),
    ):
        answer = client.post("/admin/agents/dependency/add/", given | changes)
        assert said in answer.content.decode(), changes
    client.post("/admin/agents/dependency/add/", given)
    made = Dependency.objects.get()
    assert client.get(action(made, "change_purpose")).content.decode().count("Looks up.") == 1
    changed = SENT | {"purpose": "Looks more up.", "data_categories": ""}
    client.post(action(made, "change_purpose"), changed, headers=HTMX)
    client.post(action(made, "end_dependency"), SENT | {"reason": "Over."}, headers=HTMX)
    made.refresh_from_db()
    assert (made.purpose, made.data_categories, made.ended_at is None) == ("Looks more up.", [], False)
    story = words(page(client, address(analyst)))
    assert "Depends on 1" in story
    assert "Ended" in story


def test_who_may_not_keep_it_sees_no_button_and_is_refused(
    aude: Person, oscar: Person, olivia: Person, stella: Person, analyst: Agent
) -> None:
    made = depend(olivia, analyst, tool(stella))
    for person in (aude, stella):
        client = signed_in(person)
        assert "change_purpose" not in page(client, address(made))
        assert client.post(action(made, "change_purpose"), SENT | {"purpose": "x"}).status_code == 403
        assert client.get("/admin/agents/dependency/add/").status_code == 403
    assert signed_in(aude).post(action(third_party(stella), "end_third_party"), SENT).status_code == 403
    assert signed_in(oscar).get(MAP).status_code == 403
    made.refresh_from_db()
    assert made.ended_at is None


def test_the_overdue_come_first_and_are_filtered(ada: Person, stella: Person) -> None:
    third_party(stella, "a", name="Aardvark")
    third_party(stella, "z", name="Zebra", assess_again_by=today() - timedelta(days=12))
    gone = third_party(stella, "gone", name="Gone", assess_again_by=today() - timedelta(days=1))
    third_parties.end(actor=stella, third_party=gone, reason="Over.")
    client = signed_in(ada)
    text = words(page(client, listing(ThirdParty)))
    assert text.index("Zebra") < text.index("Aardvark")
    assert "assessment 12 days overdue" in text

    def found(standing: str) -> set[str]:
        rows = client.get(listing(ThirdParty), {"standing": standing}).context["cl"].result_list
        return {str(row) for row in rows}

    assert found("overdue") == {"Zebra"}
    assert found("live") == {"Zebra", "Aardvark"}
    assert found("ended") == {"Gone"}


def test_what_is_overdue_stands_on_every_agent_that_depends_on_it(
    client: Client, aude: Person, olivia: Person, stella: Person, analyst: Agent
) -> None:
    late = third_party(stella, assess_again_by=today() - timedelta(days=12))
    helper = agent(olivia, "helper")
    depend(olivia, analyst, late)
    depend(olivia, helper, tool(stella, provider=late))
    client.force_login(aude)
    for each in (analyst, helper):
        assert "NIST : assessment 12 days overdue" in words(page(client, address(each)))
    assert "need attention" not in words(page(client, address(agent(olivia, "other"))))
    third_parties.end(actor=stella, third_party=late, reason="Over.")
    assert "NIST : has ended" in words(page(client, address(helper)))


def test_graph_and_table_say_the_same(client: Client, aude: Person, olivia: Person, stella: Person) -> None:
    one, other = agent(olivia, "one"), agent(olivia, "other")
    late = third_party(stella, name="Acme", assess_again_by=today() - timedelta(days=1))
    depend(olivia, one, other, DependencyKind.CREATES)
    depend(olivia, other, tool(stella, provider=late))
    client.force_login(aude)
    text = page(client, f"{MAP}?agent=one&steps=3")
    told = graph(text)
    assert {(node["label"], node["kind"], node["focus"], node["overdue"]) for node in told["nodes"]} == {
        ("One", "agent", True, False),
        ("Other", "agent", False, False),
        ("NVD API", "tool", False, False),
        ("Acme", "third_party", False, True),
    }
    lines = re.findall(r"<tr><td.*?</tr>", text, re.DOTALL)
    assert len(lines) == len(told["edges"]) == 3
    cells = words(" ".join(lines))
    for part in (
        "One agent Creates Other agent",
        "Other agent Calls NVD API tool",
        "Provided by Acme third party",
    ):
        assert part in cells
    assert "assessment 1 day overdue" in cells
    summary = "2 agents, 1 tool, 1 third party; 1 calls, 1 creates, 1 provided by."
    assert text.count(summary) == 2
    assert "Answers at the top Olivia Owner" in words(text)
    assert client.get(MAP, {"agent": "nobody"}).status_code == 200
    assert "There is no agent" in page(client, f"{MAP}?agent=nobody")
    assert "Nothing to draw" in page(client, f"{MAP}?owner=nobody")


def test_hostile_words_are_text_in_graph_and_table(client: Client, aude: Person, olivia: Person) -> None:
    of = work.agent(olivia)
    Agent.objects.filter(pk=of.pk).update(name="</script><script>alert(1)</script>\u202e")
    work.dependency(of)
    client.force_login(aude)
    for where in (f"{MAP}?agent={of.slug}&steps=3", MAP, address(of), listing(Dependency)):
        text = page(client, where)
        assert "<script>alert(1)" not in text
    labels = {node["label"] for node in graph(page(client, MAP))["nodes"]}
    assert labels == {"</script><script>alert(1)</script>[U+202E]", work.HOSTILE}


def test_only_the_map_loads_the_library(client: Client, aude: Person, analyst: Agent) -> None:
    client.force_login(aude)
    assert "vendor/cytoscape" in page(client, MAP)
    for where in (address(analyst), listing(Dependency), reverse("admin:index")):
        assert "vendor/cytoscape" not in page(client, where)
