"""Who gets in, and what each role sees and is refused."""

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from agents.models import Agent, Person
from audits.admin.base import ReadOnlyAdmin
from tests.conftest import PASSWORD

ROOMS = ("audits", "agents", "governance")
PAGES = {
    f"{model._meta.app_label}.{model._meta.model_name}": page
    for model, page in admin.site._registry.items()
    if model._meta.app_label in ROOMS
}
VIEWED_ONLY = [
    name for name, page in PAGES.items() if type(page).has_add_permission is ReadOnlyAdmin.has_add_permission
]
# The board reads the ledger by pseudonym: what is about people by name is withheld.
WITHHELD = {
    "agents.apitoken", "agents.credential", "agents.session", "agents.lockout", "agents.delivery",
    "agents.delegation",
    "audits.bundle",
    "audits.case", "audits.erasure", "audits.hold",
}  # fmt: skip
OWNERS_ARE_REFUSED = {
    "agents.apitoken",
    "agents.credential",
    "agents.delegation",
    "agents.delivery",
    "agents.lockout",
    "agents.person",
    "agents.session",
    "audits.event",
    "audits.checkpoint",
    "audits.bundle",
    "audits.sinkcursor",
}


def listing(model: str) -> str:
    return reverse(f"admin:{model.replace('.', '_')}_changelist")


def test_every_page_of_the_rooms_is_covered() -> None:
    assert {"agents.agent", "agents.run", "audits.event", "audits.bundle", "agents.person"} <= set(PAGES)


@pytest.mark.parametrize("model", PAGES)
@pytest.mark.django_db
def test_nobody_sees_anything_without_signing_in(client: Client, model: str) -> None:
    for url in (listing(model), listing(model) + "add/", listing(model) + "1/change/"):
        response = client.get(url)
        assert response.status_code == 302
        assert response["Location"].startswith(reverse("admin:login"))


@pytest.mark.django_db
def test_the_overview_asks_to_sign_in_and_returns_to_where_one_was_going(
    client: Client, olivia: Person
) -> None:
    response = client.get(reverse("admin:waiting"), follow=True)
    assert response.redirect_chain[-1][0].startswith(reverse("account_login"))
    assert f'name="next" value="{reverse("admin:waiting")}"' in response.content.decode()
    signed_in = client.post(
        reverse("account_login"), {"login": "olivia", "password": PASSWORD, "next": reverse("admin:waiting")}
    )
    assert signed_in["Location"] == reverse("admin:waiting")


@pytest.mark.parametrize("model", PAGES)
def test_an_outsider_is_refused_every_list(client: Client, oscar: Person, model: str) -> None:
    client.force_login(oscar)
    assert client.get(listing(model)).status_code == 403


def test_an_outsiders_sidebar_names_no_page(client: Client, oscar: Person) -> None:
    client.force_login(oscar)
    page = client.get(reverse("admin:index")).content.decode()
    assert "Waiting for me" in page
    assert not [model for model in PAGES if f'href="{listing(model)}"' in page]


@pytest.mark.parametrize("model", PAGES)
def test_an_auditor_sees_every_list(client: Client, aude: Person, model: str) -> None:
    client.force_login(aude)
    assert client.get(listing(model)).status_code == 200


@pytest.mark.parametrize("model", PAGES)
def test_the_board_sees_every_list_but_what_is_withheld(client: Client, sasha: Person, model: str) -> None:
    client.force_login(sasha)
    assert client.get(listing(model)).status_code == (403 if model in WITHHELD else 200)


@pytest.mark.parametrize("model", sorted(OWNERS_ARE_REFUSED))
def test_owners_are_refused_what_is_not_their_work(client: Client, olivia: Person, model: str) -> None:
    client.force_login(olivia)
    assert client.get(listing(model)).status_code == 403


@pytest.mark.parametrize(
    "model",
    [
        "agents.agent", "agents.run", "agents.report", "agents.finding", "agents.proposedaction",
        "agents.ticket", "governance.approval", "governance.elevation",
    ],
)  # fmt: skip
def test_owners_see_their_work(client: Client, olivia: Person, model: str) -> None:
    client.force_login(olivia)
    assert client.get(listing(model)).status_code == 200


def test_the_sidebar_lists_exactly_what_may_be_opened(
    client: Client, ada: Person, aude: Person, sasha: Person, olivia: Person
) -> None:
    for person in (ada, aude, sasha, olivia):
        client.force_login(person)
        for group in client.get(reverse("admin:index")).context["sidebar_navigation"]:
            for item in group["items"]:
                assert client.get(item["link"]).status_code == 200, (person, item["title"])


@pytest.mark.parametrize("model", PAGES)
def test_not_even_an_administrator_changes_or_deletes_a_row(client: Client, ada: Person, model: str) -> None:
    client.force_login(ada)
    page = PAGES[model]
    request = client.get(reverse("admin:index")).wsgi_request
    assert not page.has_delete_permission(request)
    assert not page.has_change_permission(request)
    assert not page.get_actions(request)


@pytest.mark.parametrize("model", VIEWED_ONLY)
def test_rows_without_a_service_cannot_be_added(client: Client, ada: Person, model: str) -> None:
    client.force_login(ada)
    assert client.get(listing(model) + "add/").status_code == 403
    assert client.post(listing(model) + "add/", {}).status_code == 403


def test_posting_to_a_row_changes_nothing(client: Client, ada: Person, analyst: Agent) -> None:
    client.force_login(ada)
    address = reverse("admin:agents_agent_change", args=[analyst.pk])
    assert client.post(address, {"name": "Another"}).status_code == 403
    assert (
        client.post(reverse("admin:agents_agent_delete", args=[analyst.pk]), {"post": "yes"}).status_code
        == 403
    )
    analyst.refresh_from_db()
    assert analyst.name == "Vulnerability analyst"


def test_groups_are_not_edited_by_hand(client: Client, ada: Person) -> None:
    client.force_login(ada)
    assert client.get("/admin/auth/group/").status_code == 404
