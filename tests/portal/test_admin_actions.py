"""Acting through the admin: always a dialog or a form, never by GET, always through a service."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.db.models import Model
from django.test import Client
from django.urls import reverse

from agents.models import Agent, Person, Run
from agents.services import runs
from audits.models import Bundle, Event
from tests.conftest import PASSWORD
from tests.portal import work

ROOMS = ("audits", "agents", "governance")


def actions() -> Iterator[tuple[str, Any, Any]]:
    pages: dict[type[Model], Any] = dict(admin.site._registry)
    for model, page in pages.items():
        if model._meta.app_label in ROOMS:
            for action in (
                *page._get_base_actions_detail(),
                *page._get_base_actions_list(),
                *page._get_base_actions_row(),
                *page._get_base_actions_submit_line(),
            ):
                yield action.action_name, page, action


ACTIONS = {name: (page, action) for name, page, action in actions()}


def counts() -> dict[str, int]:
    """How many rows every table of the rooms has."""
    models = [model for room in ROOMS for model in apps.get_app_config(room).get_models()]
    return {model._meta.label: model._default_manager.count() for model in models}


@pytest.mark.parametrize("name", ACTIONS)
def test_every_action_is_a_dialog_that_asks_for_a_permission(name: str) -> None:
    _page, action = ACTIONS[name]
    assert action.dialog, f"{name} would run on GET"
    assert action.method.allowed_permissions


def test_there_are_actions_to_check() -> None:
    assert {"agents_run_run_again", "agents_report_run_analyst"} <= set(ACTIONS)


@pytest.mark.parametrize("name", ACTIONS)
def test_opening_an_action_changes_nothing(
    client: Client, ada: Person, active_analyst: Agent, name: str
) -> None:
    """With GET, HEAD, and GET that carries what the form would send."""
    client.force_login(ada)
    made = work.run(active_analyst, work.report())
    page, _action = ACTIONS[name]
    rows = {Run: made.pk, type(made.report): made.report_id}
    target = rows.get(page.model) or page.model.objects.values_list("pk", flat=True).first()
    if target is None:
        target = made.pk  # A page without rows yet: the address alone must do no harm either.
    before = counts()
    url = reverse(f"admin:{name}", args=[target])
    for response in (client.get(url), client.head(url), client.get(url, {"_form_submitted": "on"})):
        assert response.status_code in {200, 302, 403, 404}
    assert counts() == before


@pytest.mark.parametrize("page", ["agents_person_add", "audits_bundle_add"])
def test_opening_a_form_changes_nothing(client: Client, ada: Person, page: str) -> None:
    client.force_login(ada)
    before = counts()
    assert client.get(reverse(f"admin:{page}"), {"username": "eve", "agent": "x"}).status_code == 200
    assert counts() == before


@pytest.fixture
def careful(ada: Person) -> Client:
    """A browser whose requests carry no CSRF token."""
    client = Client(enforce_csrf_checks=True)
    client.force_login(ada)
    return client


def test_a_post_from_elsewhere_is_refused(careful: Client, active_analyst: Agent) -> None:
    made = work.run(active_analyst, work.report())
    for url in (
        reverse("admin:agents_run_run_again", args=[made.pk]),
        reverse("admin:agents_person_add"),
        reverse("admin:audits_bundle_add"),
        reverse("admin:audits_bundle_download", args=[work.bundle(active_analyst).pk]),
    ):
        assert careful.post(url, {"_form_submitted": "on"}).status_code == 403


# --- Run again --------------------------------------------------------------------------------------


def test_the_owner_runs_the_analyst_again(client: Client, olivia: Person, active_analyst: Agent) -> None:
    made = work.run(active_analyst, work.report())
    client.force_login(olivia)
    url = reverse("admin:agents_run_run_again", args=[made.pk])
    assert "Queue the run" in client.get(url).content.decode()
    response = client.post(url, {"_form_submitted": "on"}, headers={"HX-Request": "true"})
    again = Run.objects.exclude(pk=made.pk).get()
    assert response["HX-Redirect"] == reverse("admin:agents_run_change", args=[again.pk])
    assert again.state == "queued"
    assert again.requested_by == olivia.actor.ref


def test_without_htmx_a_dialog_redirects(client: Client, olivia: Person, active_analyst: Agent) -> None:
    over = work.report()
    client.force_login(olivia)
    response = client.post(
        reverse("admin:agents_report_run_analyst", args=[over.pk]), {"_form_submitted": "on"}
    )
    assert response["Location"] == reverse("admin:agents_run_change", args=[Run.objects.get().pk])


def test_what_a_service_refuses_is_said_in_the_dialog(
    client: Client, olivia: Person, active_analyst: Agent
) -> None:
    over = work.report()
    runs.queue(actor=olivia.actor, report=over)
    client.force_login(olivia)
    url = reverse("admin:agents_report_run_analyst", args=[over.pk])
    response = client.post(url, {"_form_submitted": "on"}, headers={"HX-Request": "true"})
    assert "under way already" in response.content.decode()
    assert Run.objects.count() == 1


@pytest.mark.parametrize("who", ["sasha", "aude", "oscar"])
def test_others_cannot_let_it_run(
    client: Client, active_analyst: Agent, request: pytest.FixtureRequest, who: str
) -> None:
    person = request.getfixturevalue(who)
    made = work.run(active_analyst, work.report())
    client.force_login(person)
    url = reverse("admin:agents_run_run_again", args=[made.pk])
    assert client.post(url, {"_form_submitted": "on"}).status_code == 403
    assert Run.objects.count() == 1


# --- Ask for write elevation ---------------------------------------------------------------------------


def page_of_a_proposal(client: Client, reader: Person, agent: Agent, *, state: str) -> tuple[str, str]:
    """The page as `reader` sees it, and the address where elevation is asked for."""
    proposal = work.run(agent, work.report()).proposals.get()
    proposal.state = state
    proposal.save()
    client.force_login(reader)
    page = client.get(reverse("admin:agents_proposedaction_change", args=[proposal.pk])).content.decode()
    return page, f"{reverse('admin:governance_elevation_add')}?proposal={proposal.pk}"


@pytest.mark.parametrize("state", ["waiting", "refused"])
def test_owners_are_offered_to_ask_while_it_would_help(
    client: Client, olivia: Person, active_analyst: Agent, state: str
) -> None:
    page, address = page_of_a_proposal(client, olivia, active_analyst, state=state)
    assert address in page


@pytest.mark.parametrize("state", ["queued", "executed", "failed"])
def test_nothing_is_offered_once_it_is_decided(
    client: Client, olivia: Person, active_analyst: Agent, state: str
) -> None:
    page, address = page_of_a_proposal(client, olivia, active_analyst, state=state)
    assert address not in page


@pytest.mark.parametrize("who", ["sasha", "aude", "ada"])
def test_nothing_is_offered_to_who_may_not_ask(
    client: Client, active_analyst: Agent, request: pytest.FixtureRequest, who: str
) -> None:
    page, address = page_of_a_proposal(client, request.getfixturevalue(who), active_analyst, state="waiting")
    assert address not in page


# --- People ---------------------------------------------------------------------------------------------


def new_person(**changes: object) -> dict[str, object]:
    return {
        "username": "nora",
        "first_name": "Nora",
        "last_name": "New",
        "email": "nora@example.org",
        "password": PASSWORD,
        **changes,
    }


def test_an_administrator_adds_a_person(client: Client, ada: Person) -> None:
    client.force_login(ada)
    owners = (
        client.get(reverse("admin:agents_person_add"))
        .context["form"]
        .fields["groups"]
        .queryset.get(name="Owners")
    )
    response = client.post(reverse("admin:agents_person_add"), new_person(groups=[owners.pk]))
    nora = Person.objects.get(username="nora")
    assert response["Location"] == reverse("admin:agents_person_change", args=[nora.pk])
    assert nora.is_staff
    assert not nora.is_superuser
    assert [group.name for group in nora.groups.all()] == ["Owners"]
    assert Event.objects.filter(
        action="person.added", object=f"person/{nora.pk}", actor=ada.actor.ref
    ).exists()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"password": "short"}, "too short"),
        ({"username": "ada"}, "is taken"),
        ({"email": "no address"}, "valid email address"),
    ],
)
def test_what_is_wrong_with_a_new_person_is_said(
    client: Client, ada: Person, changes: dict[str, object], said: str
) -> None:
    client.force_login(ada)
    response = client.post(reverse("admin:agents_person_add"), new_person(**changes))
    assert response.status_code == 200
    assert said in response.content.decode()
    assert Person.objects.count() == 1


@pytest.mark.parametrize("who", ["olivia", "sasha", "aude"])
def test_only_administrators_add_people(client: Client, request: pytest.FixtureRequest, who: str) -> None:
    client.force_login(request.getfixturevalue(who))
    assert client.get(reverse("admin:agents_person_add")).status_code == 403
    assert client.post(reverse("admin:agents_person_add"), new_person()).status_code == 403
    assert not Person.objects.filter(username="nora").exists()


def test_a_password_is_shown_nowhere(client: Client, ada: Person) -> None:
    client.force_login(ada)
    page = client.get(reverse("admin:agents_person_change", args=[ada.pk])).content.decode()
    assert ada.password not in page
    assert ada.password.split("$")[-1] not in page


# --- Bundles ----------------------------------------------------------------------------------------------


def test_an_auditor_asks_for_a_bundle(client: Client, aude: Person, analyst: Agent) -> None:
    client.force_login(aude)
    response = client.post(reverse("admin:audits_bundle_add"), {"kind": "agent", "agent": analyst.pk})
    bundle = Bundle.objects.get()
    assert response["Location"] == reverse("admin:audits_bundle_change", args=[bundle.pk])
    assert (bundle.streams, bundle.subject) == ([analyst.stream], "Vulnerability analyst")
    assert Event.objects.filter(action="bundle.requested", actor=aude.actor.ref).exists()


def test_an_empty_period_is_refused(client: Client, aude: Person, analyst: Agent) -> None:
    client.force_login(aude)
    period = {"since": "2026-02-02T00:00", "until": "2026-02-01T00:00"}
    response = client.post(
        reverse("admin:audits_bundle_add"), {"kind": "agent", "agent": analyst.pk, **period}
    )
    assert "The period is empty" in response.content.decode()
    assert not Bundle.objects.exists()


@pytest.mark.parametrize("who", ["olivia", "sasha", "oscar"])
def test_others_do_not_ask_for_bundles(
    client: Client, analyst: Agent, request: pytest.FixtureRequest, who: str
) -> None:
    client.force_login(request.getfixturevalue(who))
    asked = client.post(reverse("admin:audits_bundle_add"), {"kind": "agent", "agent": analyst.pk})
    assert asked.status_code == 403
    assert not Bundle.objects.exists()


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        ("agent", "Choose the agent"),
        ("person", "Choose the person"),
        ("case", "Choose the case"),
        ("framework", "Name the framework"),
    ],
)
def test_what_belongs_to_the_kind_is_asked_for(
    client: Client, aude: Person, kind: str, sentence: str
) -> None:
    client.force_login(aude)
    answer = client.post(reverse("admin:audits_bundle_add"), {"kind": kind}).content.decode()
    assert sentence in answer
    assert not Bundle.objects.exists()


def test_what_belongs_to_another_kind_does_not_count(client: Client, aude: Person, analyst: Agent) -> None:
    client.force_login(aude)
    given = {"kind": "person", "person": aude.pk, "agent": analyst.pk, "framework": "sox"}
    client.post(reverse("admin:audits_bundle_add"), given)
    client.post(reverse("admin:audits_bundle_add"), {"kind": "period", "agent": analyst.pk})
    period, person = Bundle.objects.order_by("-id")
    assert (person.streams, person.party, person.framework) == ([aude.actor.ref], aude.actor.ref, "")
    assert (period.kind, period.streams, period.subject) == ("period", [], "The whole ledger")


def test_a_bundle_that_is_built_shows_how_far_it_is(client: Client, aude: Person, analyst: Agent) -> None:
    client.force_login(aude)
    bundle = work.bundle(analyst)
    Bundle.objects.update(state="building", phase="writing", done=1000, total=4321)
    page = client.get(reverse("admin:audits_bundle_change", args=[bundle.pk])).content.decode()
    assert "Writing the events" in page
    assert "1,000 of 4,321" in page
    Bundle.objects.update(state="queued", phase="")
    Bundle.objects.update(
        state="ready", incomplete=["No map."], file_name="x.zip", sha256="0" * 64, completeness="stream"
    )
    page = client.get(reverse("admin:audits_bundle_change", args=[bundle.pk])).content.decode()
    assert "Incomplete." in page
    assert "No map." in page


def test_a_download_is_a_post_and_says_what_is_missing(client: Client, aude: Person, analyst: Agent) -> None:
    client.force_login(aude)
    bundle = work.bundle(analyst)
    url = reverse("admin:audits_bundle_download", args=[bundle.pk])
    assert client.get(url).status_code == 405
    page = client.post(url, follow=True).content.decode()
    assert "Wait until it is ready" in page
    assert not Event.objects.filter(action="bundle.downloaded").exists()
