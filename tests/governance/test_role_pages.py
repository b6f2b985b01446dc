"""The pages of roles, assignments, resources and exceptions: looking changes nothing, refusals are shown."""

from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from agents.models import Agent, Person
from audits.models import Event
from governance.models import AgentRole, Grant, Resource, RoleAssignment, ScopeException
from governance.services import resource_importing, role_importing, scope_exceptions
from tests.governance.roles import ASKS, READS, assign, catalogue, conditional, resource, role
from tests.governance.test_admin import html, page, sign_in, submit
from tests.portal import work
from tests.portal.pages import queries

pytestmark = pytest.mark.django_db
ADD = {
    "name": "sales_database",
    "type": "table",
    "identifier": "sales/{table}",
    "title": work.HOSTILE,
    "kind": "database",
    "operations": ["read", "write"],
    "sensitivity": "confidential",
    "personal_data": "on",
    "data_categories": "sales, customers",
}


@pytest.fixture
def steward(stella: Person) -> Client:
    catalogue(stella)
    return sign_in(stella)


def test_a_steward_keeps_the_catalogue(steward: Client, stella: Person, aude: Person) -> None:
    response = steward.post(page("resource_add"), ADD | {"owner": str(stella.pk)})
    made = Resource.objects.get(name="sales_database")
    assert response.headers["Location"] == page("resource_change", made.pk)
    text = html(sign_in(aude), page("resource_change", made.pk))
    assert "<script>alert(1)" not in text
    assert "table/sales/{table}" in text
    given: dict[str, Any] = ADD | {"owner": str(stella.pk), "sensitivity": "restricted"}
    submit(steward, page("resource_change_facts", made.pk), **given)
    made.refresh_from_db()
    assert made.sensitivity == "restricted"
    submit(steward, page("resource_end_resource", made.pk), reason="It is gone.")
    made.refresh_from_db()
    assert made.ended_at is not None


def test_a_resource_that_does_not_hold_is_said_at_its_field(steward: Client, stella: Person) -> None:
    wrong = ADD | {"owner": str(stella.pk), "identifier": "*", "name": "Sales DB"}
    text = steward.post(page("resource_add"), wrong).content.decode()
    assert "must begin with a small letter" in text
    assert "an administrator has to grant an exception" in text
    assert not Resource.objects.filter(type="table").exists()


@pytest.mark.parametrize("name", ["olivia", "sasha", "aude"])
@pytest.mark.parametrize("where", ["resource", "agentrole", "roleassignment", "scopeexception"])
def test_others_look_and_do_not_add(
    steward: Client, request: pytest.FixtureRequest, name: str, where: str
) -> None:
    client = sign_in(request.getfixturevalue(name))
    assert client.get(page(f"{where}_changelist")).status_code == 200
    assert client.get(page(f"{where}_add")).status_code == 403


def test_only_administrators_grant_exceptions(steward: Client, ada: Person) -> None:
    assert steward.get(page("scopeexception_add")).status_code == 403
    client = sign_in(ada)
    until = (timezone.now() + timedelta(days=3)).strftime("%Y-%m-%dT%H:%M")
    client.post(page("scopeexception_add"), {"reference": "table/*", "reason": work.HOSTILE, "until": until})
    leave = ScopeException.objects.get()
    text = html(client, page("scopeexception_change", leave.pk))
    assert "<script>alert(1)" not in text
    submit(client, page("scopeexception_end_exception", leave.pk), reason="Done.")
    leave.refresh_from_db()
    assert leave.ended_at is not None
    assert page("scopeexception_change", leave.pk) in html(
        client, f"{page('scopeexception_changelist')}?now=over"
    )


# --- Roles --------------------------------------------------------------------------------------------------
def test_a_role_is_written_as_yaml(steward: Client) -> None:
    typed = "- {resource: nvd, actions: [read], conditions: [no_pii_access]}\n"
    response = steward.post(
        page("agentrole_add"), {"name": "analyst", "permissions": typed, "reason": "It reads."}
    )
    made = AgentRole.objects.get()
    assert response.headers["Location"] == page("agentrole_change", made.pk)
    assert "nvd [read] no_pii_access" in html(steward, page("agentrole_change", made.pk))


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("- {resource: nvd, actions: [read], conditions: [sometimes]}", "line 1, conditions"),
        ("- {resource: nvd}", "line 1, actions"),
        ("- resource: nvd\n  actions: ['*']", "line 2, actions: names everything"),
        ("nothing", "Give a list"),
        ("- [", "It is not YAML"),
        ("- {resource: nowhere, actions: [read]}", "nowhere does not exist in the resource catalogue"),
    ],
)
def test_what_does_not_hold_in_it_is_said(steward: Client, typed: str, said: str) -> None:
    given = {"name": "analyst", "permissions": typed, "reason": "It reads."}
    assert said in steward.post(page("agentrole_add"), given).content.decode()
    assert not AgentRole.objects.exists()


def test_a_change_is_shown_with_whom_it_affects_before_it_is_saved(
    steward: Client, stella: Person, active_analyst: Agent
) -> None:
    made = role(stella)
    assign(stella, active_analyst, made)
    url, before = page("agentrole_edit", made.pk), Event.objects.count()
    given = {"permissions": "- {resource: nvd, actions: [read], conditions: [within_task]}", "reason": "Why."}
    text = steward.post(url, given).content.decode()
    assert active_analyst.name in text
    assert "within_task" in text
    assert "Save exactly this" in text
    assert Event.objects.count() == before
    digest = text.split('name="expected" value="')[1].split('"')[0]
    made.refresh_from_db()
    assert made.current is not None
    assert made.current.number == 1
    response = steward.post(url, given | {"expected": digest})
    assert response.headers["Location"] == page("agentrole_change", made.pk)
    made.refresh_from_db()
    assert made.current.number == 2
    assert Grant.objects.get(assignment__isnull=False, ends_at=None).conditions == ["within_task"]


def test_what_was_not_shown_is_not_saved(steward: Client, stella: Person) -> None:
    made = role(stella)
    given = {"permissions": "- {resource: nvd, actions: [read], conditions: [within_task]}", "reason": "Why."}
    text = steward.post(page("agentrole_edit", made.pk), given | {"expected": "0" * 64}).content.decode()
    assert "No agent holds this role" in text
    assert made.versions.count() == 1


def test_a_role_is_assigned_and_taken_away(
    steward: Client, stella: Person, olivia: Person, active_analyst: Agent
) -> None:
    made = role(stella)
    given: dict[str, Any] = {
        "agent": active_analyst.slug,
        "role": str(made.pk),
        "kind": "dynamic",
        "conditions": "within_task\nintent_is(Incident)",
        "reason": work.HOSTILE,
    }
    text = steward.post(page("roleassignment_add"), given).content.decode()
    assert not RoleAssignment.objects.exists()
    digest = text.split('name="expected" value="')[1].split('"')[0]
    response = steward.post(page("roleassignment_add"), given | {"expected": digest})
    held = RoleAssignment.objects.get()
    assert response.headers["Location"] == page("roleassignment_change", held.pk)
    owner = sign_in(olivia)
    text = html(owner, page("roleassignment_change", held.pk))
    assert "<script>alert(1)" not in text
    assert "intent_is(Incident)" in text
    assert "analyst" in html(owner, f"/admin/agents/agent/{active_analyst.pk}/change/")
    submit(owner, page("roleassignment_end_assignment", held.pk), reason="No.")
    held.refresh_from_db()
    assert held.ended_at is not None


def test_a_refused_assignment_says_why(steward: Client, stella: Person, active_analyst: Agent) -> None:
    made = role(stella)
    active_analyst.deputies.add(stella)
    given = {"agent": active_analyst.slug, "role": str(made.pk), "kind": "static", "reason": "Please."}
    text = steward.post(page("roleassignment_add"), given).content.decode()
    assert "Nobody gives a role to their own" in text
    given |= {"kind": "dynamic", "conditions": "whenever"}
    active_analyst.deputies.remove(stella)
    assert "is not a condition; there are" in steward.post(page("roleassignment_add"), given).content.decode()


# --- Files --------------------------------------------------------------------------------------------------
def upload(client: Client, where: str, name: str, text: str) -> str:
    file = SimpleUploadedFile(name, text.encode())
    return client.post(page(f"{where}_import"), {"file": file}).content.decode()


def confirm(client: Client, where: str, shown: str) -> Any:
    values = {
        name: shown.split(f'name="{name}" value="')[1].split('"', maxsplit=1)[0]
        for name in ("content", "file_name", "expected")
    }
    return client.post(page(f"{where}_import"), values)


@pytest.mark.parametrize("form", ["csv", "yaml"])
def test_the_catalogue_goes_out_and_in(steward: Client, form: str) -> None:
    exported = steward.get(page("resource_export", form)).content.decode("utf-8-sig")
    changed = exported.replace("internal", "restricted", 1)
    before = Event.objects.count()
    shown = upload(steward, "resource", f"catalogue.{form}", changed)
    assert "1 amended, 1 unchanged" in shown
    assert Event.objects.count() == before
    assert confirm(steward, "resource", shown).status_code == 302
    assert Resource.objects.filter(sensitivity="restricted").count() == 1


def test_roles_go_out_and_in_and_show_whom_they_affect(
    steward: Client, stella: Person, active_analyst: Agent
) -> None:
    assign(stella, active_analyst, role(stella))
    role(stella, "opener", ASKS)
    exported = steward.get(page("agentrole_export", "yaml")).content.decode()
    changed = exported.replace(
        "      actions: [read]", "      actions: [read]\n      conditions: [within_task]"
    )
    shown = upload(steward, "agentrole", "roles.yaml", changed)
    assert f"reads of {active_analyst.slug}" in shown
    assert "1 amended, 1 unchanged" in shown
    assert confirm(steward, "agentrole", shown).status_code == 302
    assert Grant.objects.get(assignment__isnull=False, ends_at=None).conditions == ["within_task"]


def test_a_file_that_does_not_hold_changes_nothing(steward: Client, stella: Person) -> None:
    exported = role_importing.export() or ""
    lost = "agent_roles:\n  a:\n    permissions:\n    - resource: none\n      actions: [read]\n"
    shown = upload(steward, "agentrole", "roles.yaml", lost)
    assert "none does not exist in the resource catalogue" in shown
    assert role_importing.export() == exported
    assert "must say that it is yaml" in upload(steward, "agentrole", "roles.csv", "x")


# --- Lists --------------------------------------------------------------------------------------------------
def test_more_rows_cost_no_more_queries(
    client: Client, ada: Person, stella: Person, olivia: Person, active_analyst: Agent
) -> None:
    client.force_login(ada)
    catalogue(stella)

    def fill(first: int, last: int) -> None:
        for number in range(first, last):
            resource(stella, f"extra_{number}", f"table/{number}")
            made = role(stella, f"role_{number}", conditional(READS, [f"max_records({number + 1})"]))
            agent = work.agent(olivia)
            assign(stella, agent, made)
            scope_exceptions.grant(
                actor=ada, reference=f"t{number}/*", reason="x", until=timezone.now() + timedelta(days=1)
            )

    pages = [
        page(f"{name}_changelist") for name in ("resource", "agentrole", "roleassignment", "scopeexception")
    ]
    fill(0, 3)
    few = [queries(client, where) for where in pages]
    fill(3, 12)
    assert [queries(client, where) for where in pages] == few
    for where, words in zip(pages, ("extra_7", "role_7", "role_7", "t7/*"), strict=True):
        assert words in html(client, f"{where}?q={quote(words)}")


# --- By the services ----------------------------------------------------------------------------------------
def test_an_import_of_resources_says_every_line_and_field(stella: Person) -> None:
    content = (
        "name,title,kind,type,identifier,operations,sensitivity,personal_data,data_categories,owner\r\n"
        "one,One,database,table,one,read,internal,no,,stella\r\n"
        "two,Two,spoon,table,two,read,internal,no,,stella\r\n"
        "three,Three,api,endpoint,*,read,internal,no,,nobody\r\n"
        "four,Four,api,endpoint,four,read,internal,perhaps,,stella\r\n"
    )
    plan = resource_importing.plan(actor=stella, content=content.encode(), format="csv")
    assert [(problem.line, problem.field) for problem in plan.problems] == [
        (3, "kind"),
        (4, "owner"),
        (5, "personal_data"),
    ]
    assert not Resource.objects.exists()
