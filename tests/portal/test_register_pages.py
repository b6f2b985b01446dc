"""The register by clicking: register, edit, add a version, submit, discover, import, export, the policy."""

import base64
import hashlib
import json
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from agents import entry, policy
from agents.choices import AgentState
from agents.functions import catalogue
from agents.models import Agent, AgentPolicy, AgentVersion, Person
from agents.services import agent_policies, discovery, register
from audits.actor import Actor
from governance.models import Approval
from governance.services import risk
from tests import signing_in
from tests.conftest import ANSWERS
from tests.portal.pages import address, listing, page, queries

pytestmark = pytest.mark.django_db
ADD = reverse("admin:agents_agent_add")
ADD_VERSION = reverse("admin:agents_agentversion_add")
IMPORT = reverse("admin:agents_agent_import")
SENT = {"_form_submitted": "on"}  # as a dialog sends it
ENTRY: dict[str, Any] = {
    "slug": "invoice-helper",
    "name": "Invoice helper",
    "purpose": "Reads invoices and drafts answers.",
    "business_unit": "Finance",
    "problem_class": "general",
    "environment": "test",
    "autonomy": "asks",
    "data_categories": "invoices\ncustomer addresses, bank details",
    "jurisdictions": "de, US",
    "frameworks": ["GDPR", "SOX"],
    "runbook": "Stop it.",
    "monitoring_plan": "Look at it.",
}
VERSION = {
    "label": "1.0",
    "model_provider": "openai",
    "model_name": "some-model",
    "prompt": "You read invoices.\r\nYou answer in one line.",
    "manifest": "- name: read_invoice\n  access: read\n  resource: invoice/{invoice_id}\n",
    "code_commit": "a" * 40,
}


def test_an_owner_registers_an_agent_with_everything(client: Client, olivia: Person, daniel: Person) -> None:
    client.force_login(olivia)
    form = client.get(ADD).context["form"]
    assert form.initial["owner"] == olivia.pk
    sent = ENTRY | {"owner": str(olivia.pk), "deputies": [str(daniel.pk)], "sponsor": str(daniel.pk)}
    response = client.post(ADD, sent)
    agent = Agent.objects.get()
    assert response.headers["Location"] == address(agent)
    assert (agent.state, agent.owner, agent.sponsor) == (AgentState.DRAFT, olivia, daniel)
    assert agent.data_categories == ["invoices", "customer addresses", "bank details"]
    assert (agent.jurisdictions, agent.frameworks) == (["DE", "US"], ["GDPR", "SOX"])
    text = page(client, address(agent))
    for words in ("DE Germany", "Stop it.", "General assistance", "It may do nothing yet", "Edit the entry"):
        assert words in text


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"jurisdictions": "Germany"}, "jurisdictions"),
        ({"slug": "no slug"}, "slug"),
        ({"purpose": " "}, "purpose"),
        ({"autonomy": "alone"}, "autonomy"),
        ({"problem_class": "astrology"}, "problem_class"),
    ],
)
def test_what_does_not_hold_stands_at_its_field(
    client: Client, olivia: Person, changed: dict[str, str], field: str
) -> None:
    client.force_login(olivia)
    response = client.post(ADD, ENTRY | {"owner": str(olivia.pk)} | changed)
    assert response.status_code == 200
    assert list(response.context["form"].errors) == [field]
    assert ENTRY["name"] in response.content.decode()
    assert not Agent.objects.exists()


def test_a_policy_that_names_units_offers_them(client: Client, olivia: Person) -> None:
    text = policy.shipped().yaml.replace("business_units: any", "business_units:\n- Sales")
    agent_policies.apply(actor=Actor.system("test"), text=text, reason="Sales alone.")
    client.force_login(olivia)
    response = client.post(ADD, ENTRY | {"owner": str(olivia.pk)})
    assert list(response.context["form"].errors) == ["business_unit"]


def edited(agent: Agent, **changes: Any) -> dict[str, Any]:
    """What the edit page sends."""
    values = entry.values_of(agent)
    people = [str(one.pk) for one in agent.deputies.all()]
    sent = {name: values[name] for name in entry.TEXTS} | {"deputies": people, "frameworks": agent.frameworks}
    lists = {name: "\n".join(getattr(agent, name)) for name in ("data_categories", "jurisdictions")}
    return {**sent, **lists, "seen": entry.digest_of(agent), **changes}


def test_a_deputy_edits_an_approved_entry_and_is_told_what_follows(
    client: Client, active_analyst: Agent, daniel: Person
) -> None:
    client.force_login(daniel)
    where = reverse("admin:agents_agent_edit", args=[active_analyst.pk])
    assert "only reads until the board approves it again" in page(client, where)
    response = client.post(where, edited(active_analyst, purpose="Something else."), follow=True)
    text = response.content.decode()
    active_analyst.refresh_from_db()
    assert active_analyst.edited == ["agent.purpose"]
    for words in (
        "It reads only",
        "Edited since the board approved it:",
        "it may only read",
    ):
        assert words in text


def test_a_stale_edit_loses_nothing_that_was_typed(
    client: Client, analyst: Agent, olivia: Person, daniel: Person
) -> None:
    client.force_login(olivia)
    where = reverse("admin:agents_agent_edit", args=[analyst.pk])
    sent = edited(analyst, purpose="What Olivia typed.")
    register.amend(actor=daniel, agent=analyst, changes={"runbook": "What Daniel wrote."})
    response = client.post(where, sent)
    text = response.content.decode()
    for words in ("Somebody changed the entry", "What Olivia typed.", "What Daniel wrote."):
        assert words in text
    again = {**sent, "seen": response.context["form"]["seen"].value(), "runbook": "What Daniel wrote."}
    assert client.post(where, again).status_code == 302
    analyst.refresh_from_db()
    assert (analyst.purpose, analyst.runbook) == ("What Olivia typed.", "What Daniel wrote.")


def test_an_item_with_a_comma_is_not_torn_apart_by_saving(
    client: Client, analyst: Agent, olivia: Person
) -> None:
    register.amend(actor=olivia, agent=analyst, changes={"data_categories": ["name, address"]})
    client.force_login(olivia)
    where = reverse("admin:agents_agent_edit", args=[analyst.pk])
    assert client.post(where, edited(analyst, purpose="Something else.")).status_code == 302
    analyst.refresh_from_db()
    assert analyst.data_categories == ["name, address"]


def test_others_edit_nothing(client: Client, analyst: Agent, sasha: Person, aude: Person) -> None:
    where = reverse("admin:agents_agent_edit", args=[analyst.pk])
    for person in (sasha, aude):
        client.force_login(person)
        assert client.get(where).status_code == 403
        assert client.post(where, edited(analyst, purpose="Mine.")).status_code == 403
        assert "Edit the entry" not in page(client, address(analyst))


# --- Versions -----------------------------------------------------------------------------------------
def test_a_version_is_added_derived_and_submitted(client: Client, analyst: Agent, olivia: Person) -> None:
    client.force_login(olivia)
    form = client.get(ADD_VERSION, {"agent": str(analyst.pk)}).context["form"]
    assert str(form["agent"].value()) == str(analyst.pk)
    client.post(ADD_VERSION, VERSION | {"agent": str(analyst.pk)})
    version = AgentVersion.objects.get()
    said = b"You read invoices.\nYou answer in one line."
    assert version.prompt_digest == hashlib.sha256(said).hexdigest()
    assert version.tool_manifest[0]["parameters"] == {"type": "object", "properties": {}}
    derived = client.get(ADD_VERSION, {"from": str(version.pk)}).context["form"]
    assert derived["prompt_digest"].value() == version.prompt_digest
    assert "read_invoice" in derived["manifest"].value()
    risk.assess(actor=olivia, agent=analyst, answers=ANSWERS)
    action = reverse("admin:agents_agentversion_submit", args=[version.pk])
    assert client.get(action).status_code == 200
    assert not Approval.objects.exists()
    response = client.post(action, SENT)
    assert response.headers["Location"] == address(Approval.objects.get())


def test_the_prompt_is_digested_on_the_server_and_not_kept(
    client: Client, analyst: Agent, olivia: Person
) -> None:
    client.force_login(olivia)
    client.post(ADD_VERSION, VERSION | {"agent": str(analyst.pk)})
    by_browser = AgentVersion.objects.get()
    other = VERSION | {
        "agent": str(analyst.pk),
        "label": "2",
        "prompt": VERSION["prompt"].replace("\r\n", "\n"),
    }
    client.post(ADD_VERSION, other)
    assert {by_browser.prompt_digest} == set(AgentVersion.objects.values_list("prompt_digest", flat=True))
    assert AgentVersion.objects.count() == 2
    assert "You read invoices" not in page(client, address(by_browser))


@pytest.mark.parametrize(
    ("changed", "field", "words"),
    [
        ({"prompt": ""}, "prompt", "Paste"),
        ({"prompt": "", "prompt_digest": "abc"}, "prompt_digest", "64 hexadecimal"),
        ({"prompt_digest": "a" * 64}, "prompt_digest", "not the digest"),
        ({"manifest": "- name: x\n  access: admin\n  resource: y"}, "manifest", "entry 1 (x), access"),
        ({"manifest": "[{"}, "manifest", "not JSON"),
        ({"code_commit": "HEAD"}, "code_commit", "40 or 64"),
        ({"image_digest": "latest"}, "image_digest", "sha256"),
    ],
)
def test_a_version_that_cannot_be_added_says_where(
    client: Client, analyst: Agent, olivia: Person, *, changed: dict[str, str], field: str, words: str
) -> None:
    client.force_login(olivia)
    response = client.post(ADD_VERSION, VERSION | {"agent": str(analyst.pk)} | changed)
    assert words in " ".join(response.context["form"].errors[field])
    assert not AgentVersion.objects.exists()


def test_a_manifest_comes_as_a_file_too(client: Client, analyst: Agent, olivia: Person) -> None:
    client.force_login(olivia)
    text = json.dumps(catalogue.manifest()).encode()
    sent = VERSION | {"agent": str(analyst.pk), "manifest_file": SimpleUploadedFile("tools.json", text)}
    client.post(ADD_VERSION, sent)
    assert AgentVersion.objects.get().tool_manifest == catalogue.manifest()


def test_nobody_adds_or_submits_a_version_of_others(
    client: Client, analyst: Agent, analyst_version: AgentVersion, olivia: Person, sasha: Person
) -> None:
    stranger = Person.objects.create_user("stranger", is_staff=True)
    stranger.groups.set(olivia.groups.all())
    client.force_login(stranger)
    response = client.post(ADD_VERSION, VERSION | {"agent": str(analyst.pk)})
    assert "agent" in response.context["form"].errors
    assert "read_invoice" not in page(client, f"{ADD_VERSION}?from={analyst_version.pk}")
    action = reverse("admin:agents_agentversion_submit", args=[analyst_version.pk])
    for person in (stranger, sasha):
        client.force_login(person)
        assert client.post(action, SENT).status_code in (302, 403)
        assert "Submit to the board" not in page(client, address(analyst_version))
    assert not Approval.objects.exists()


# --- Discovered -----------------------------------------------------------------------------------------
def test_what_was_found_is_reported_and_claimed(client: Client, olivia: Person, daniel: Person) -> None:
    client.force_login(olivia)
    said = {"slug": "shadow", "name": "Shadow", "found_by": "cloud bill", "evidence": "A key."}
    client.post(reverse("admin:agents_agent_discover"), said)
    found = Agent.objects.get()
    client.force_login(daniel)
    text = page(client, address(found))
    assert "nobody has claimed it yet" in text
    assert "Edit the entry" not in text
    action = reverse("admin:agents_agent_claim", args=[found.pk])
    sent = {
        "owner": str(daniel.pk),
        "purpose": "Sends mail.",
        "business_unit": "Sales",
        "problem_class": "general",
    }
    assert client.post(action, sent | SENT).status_code == 302
    found.refresh_from_db()
    assert (found.state, found.owner) == (AgentState.DRAFT, daniel)
    assert client.post(action, sent | SENT).status_code in (302, 403)


# --- Files ----------------------------------------------------------------------------------------------
def upload(client: Client, text: str, name: str = "register.csv") -> Any:
    return client.post(IMPORT, {"file": SimpleUploadedFile(name, text.encode())})


def test_an_import_is_shown_and_then_done_exactly_so(client: Client, olivia: Person, analyst: Agent) -> None:
    client.force_login(olivia)
    assert client.get(IMPORT).status_code == 200
    shown = upload(client, f"slug,purpose\n{analyst.slug},It reads.\n")
    assert "It reads." in shown.content.decode()
    analyst.refresh_from_db()
    assert analyst.purpose != "It reads."
    sent = shown.context["confirm"].initial
    assert client.post(IMPORT, sent).status_code == 302
    analyst.refresh_from_db()
    assert analyst.purpose == "It reads."


def test_another_file_than_the_one_shown_is_refused(client: Client, olivia: Person, analyst: Agent) -> None:
    client.force_login(olivia)
    sent = dict(upload(client, f"slug,purpose\n{analyst.slug},It reads.\n").context["confirm"].initial)
    swapped = base64.b64encode(f"slug,purpose\n{analyst.slug},It writes.\n".encode()).decode()
    for changed in ({"content": swapped}, {"content": "%%"}, {"expected": "0" * 64}, {"file_name": "x.exe"}):
        assert client.post(IMPORT, sent | changed).status_code == 200
    analyst.refresh_from_db()
    assert analyst.purpose not in ("It reads.", "It writes.")


def test_every_line_that_is_wrong_is_shown(client: Client, olivia: Person) -> None:
    client.force_login(olivia)
    shown = upload(client, "slug,name\na,\nb,<script>alert(1)</script>\n")
    text = shown.content.decode()
    assert "Import exactly this" not in text
    assert text.count("must not be empty") == 5
    assert "<script>alert(1)" not in text
    for name, content in (("x.pdf", "slug"), ("x.csv", "slug\n" + "a" * 1_100_000)):
        assert upload(client, content, name).context["form"].errors["file"]


def test_who_may_not_register_does_not_import(client: Client, aude: Person, sasha: Person) -> None:
    for person in (aude, sasha):
        client.force_login(person)
        assert client.get(IMPORT).status_code == 403
        assert upload(client, "slug\n").status_code == 403


def test_the_register_is_exported_by_those_who_see_it(
    client: Client, aude: Person, oscar: Person, analyst: Agent
) -> None:
    csv, yaml = (reverse("admin:agents_agent_export", args=[form]) for form in ("csv", "yaml"))
    client.force_login(aude)
    assert analyst.slug in client.get(csv).content.decode("utf-8-sig")
    assert analyst.slug in client.get(yaml).content.decode()
    assert f'href="{csv}"' in page(client, listing(Agent))
    assert client.get(reverse("admin:agents_agent_export", args=["exe"])).status_code == 404
    client.force_login(oscar)
    assert client.get(csv).status_code == 403


# --- The list, the page, the policy -----------------------------------------------------------------------
def test_the_list_filters_by_review_and_shows_the_class(
    client: Client, active_analyst: Agent, aude: Person
) -> None:
    client.force_login(aude)
    assert "Medium" in page(client, listing(Agent))
    overdue = {"review": "overdue"}
    assert client.get(listing(Agent), overdue).context["cl"].result_count == 0
    Agent.objects.update(review_date="2020-01-01")
    assert client.get(listing(Agent), overdue).context["cl"].result_count == 1
    assert "overdue" in page(client, listing(Agent))


def test_more_deputies_cost_no_more_queries(
    client: Client, analyst: Agent, aude: Person, olivia: Person
) -> None:
    client.force_login(aude)
    page(client, address(analyst))
    few = queries(client, address(analyst))
    more = [Person.objects.create_user(f"person-{number}") for number in range(20)]
    analyst.deputies.add(*more)
    assert queries(client, address(analyst)) == few


def test_an_administrator_applies_a_policy_by_clicking(client: Client, ada: Person, analyst: Agent) -> None:
    client.force_login(ada)
    where = reverse("admin:agents_agentpolicy_add")
    text = client.get(where).context["form"].initial["text"]
    assert text == policy.shipped().yaml
    wrong = client.post(where, {"text": text.replace("asks", "free", 1), "reason": "x"})
    assert "highest_autonomy" in str(wrong.context["form"].errors["text"])
    narrow = text.replace("business_units: any", "business_units:\n- Sales")
    client.post(where, {"text": narrow, "reason": "Sales alone."})
    applied = AgentPolicy.objects.get()
    shown = page(client, address(applied))
    for words in ("business_units", "Sales alone.", analyst.name, "may not request agents"):
        assert words in shown
    assert "may not request agents" in page(client, address(analyst))


def test_an_old_session_applies_no_policy(client: Client, ada: Person, olivia: Person, aude: Person) -> None:
    where = reverse("admin:agents_agentpolicy_add")
    client.force_login(ada)
    signing_in.prove(client, ada, [signing_in.PASSWORD_RECORD], minutes=60)
    assert client.get(where)["Location"].startswith(reverse("confirm"))
    assert client.post(where, {"text": policy.shipped().yaml, "reason": "x"}).status_code == 302
    for person in (olivia, aude):
        client.force_login(person)
        assert client.post(where, {"text": "x", "reason": "x"}).status_code == 403
        assert "What counts now" in page(client, listing(AgentPolicy))
    assert not AgentPolicy.objects.exists()


def test_a_claim_of_what_is_gone_is_a_sentence(client: Client, olivia: Person) -> None:
    found = discovery.discover(actor=olivia, slug="s", name="S", found_by="bill", evidence="A key.")
    client.force_login(olivia)
    action = reverse("admin:agents_agent_claim", args=[found.pk])
    sent = {"owner": str(olivia.pk), "purpose": " ", "business_unit": "Sales", "problem_class": "general"}
    assert client.post(action, sent | SENT).status_code == 200
    found.refresh_from_db()
    assert found.state == AgentState.DISCOVERED
