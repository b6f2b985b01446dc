"""One's own notifications: the bell, the list, opening and reading; and what of them is mailed."""

from typing import Any

import pytest
from django.test import Client, override_settings
from django.urls import reverse

from agents.models import Agent, MailChoice, Notification, Person
from governance.models import Approval
from tests.portal import work
from tests.portal.pages import page, queries

LIST = "admin:notifications"


def show(client: Client, person: Person, **query: str) -> Any:
    client.force_login(person)
    response = client.get(reverse(LIST), query)
    assert response.status_code == 200
    return response


def shown(response: Any) -> list[Notification]:
    return [row[0] for row in response.context["rows"]]


def test_the_bell_is_on_every_page_and_says_how_many(
    client: Client, sasha: Person, submitted: Approval
) -> None:
    client.force_login(sasha)
    for name in ("index", "waiting", "notifications", "my_sign_in", "agents_agent_changelist"):
        text = page(client, reverse(f"admin:{name}"))
        assert '<span class="sr-only">1 unread notification</span>' in text, name
    work.notification(sasha)
    assert "2 unread notifications</span>" in page(client, reverse("admin:index"))


def test_without_any_the_page_says_what_will_be_there(client: Client, oscar: Person) -> None:
    text = show(client, oscar).content.decode()
    assert "No notification here." in text
    assert "0 unread notifications" in text
    assert "Mark all as read" not in text


def test_opening_one_reads_it_and_leads_to_what_it_is_about(
    client: Client, sasha: Person, submitted: Approval
) -> None:
    [row] = shown(show(client, sasha))
    response = client.post(reverse(LIST), {"open": row.pk})
    assert response["Location"] == reverse("admin:governance_approval_change", args=[submitted.pk])
    assert client.get(response["Location"]).status_code == 200
    assert not Notification.objects.filter(person=sasha, read_at=None).exists()


def test_looking_at_the_list_reads_nothing(client: Client, sasha: Person, submitted: Approval) -> None:
    for query in ({}, {"open": str(Notification.objects.get(person=sasha).pk)}, {"all": "1"}):
        show(client, sasha, **query)
    assert Notification.objects.filter(person=sasha, read_at=None).exists()


def test_one_or_all_are_marked_as_read(client: Client, olivia: Person) -> None:
    first = work.notification(olivia)
    work.notification(olivia)
    work.notification(olivia)
    client.force_login(olivia)
    response = client.post(reverse(LIST), {"read": first.pk, "query": "show=unread"})
    assert response["Location"] == f"{reverse(LIST)}?show=unread"
    assert len(shown(show(client, olivia, show="unread"))) == 2
    assert "2 marked as read." in client.post(reverse(LIST), {"all": "1"}, follow=True).content.decode()
    assert shown(show(client, olivia, show="unread")) == []


def test_unread_ones_come_first_then_the_newest(client: Client, olivia: Person) -> None:
    rows = [work.notification(olivia) for _ in range(3)]
    client.force_login(olivia)
    client.post(reverse(LIST), {"read": rows[2].pk})
    assert shown(show(client, olivia)) == [rows[1], rows[0], rows[2]]


@pytest.mark.parametrize(
    ("query", "kinds"),
    [
        ({}, {"run_failed", "approval_requested"}),
        ({"group": "votes"}, {"approval_requested"}),
        ({"group": "agents"}, {"run_failed"}),
        ({"group": "account"}, set()),
        ({"group": "nonsense", "page": "nonsense"}, {"run_failed", "approval_requested"}),
    ],
)
def test_they_are_filtered(client: Client, olivia: Person, query: dict[str, str], kinds: set[str]) -> None:
    work.notification(olivia)
    work.notification(olivia, kind="approval_requested")
    assert {row.kind for row in shown(show(client, olivia, **query))} == kinds


def test_nobody_sees_or_reads_somebody_elses(client: Client, ada: Person, olivia: Person) -> None:
    """Not even an administrator."""
    row = work.notification(olivia)
    assert shown(show(client, ada)) == []
    assert client.post(reverse(LIST), {"open": row.pk}).status_code == 404
    assert client.post(reverse(LIST), {"read": row.pk}).status_code == 404
    client.post(reverse(LIST), {"all": "1"})
    row.refresh_from_db()
    assert row.read_at is None


@pytest.mark.parametrize("value", ["", "nonsense", "00000000-0000-0000-0000-000000000000"])
def test_what_is_not_there_is_not_read(client: Client, olivia: Person, value: str) -> None:
    client.force_login(olivia)
    assert client.post(reverse(LIST), {"open": value}).status_code == 404


def test_the_way_back_stays_here(client: Client, olivia: Person) -> None:
    client.force_login(olivia)
    for query in ("//evil.example.org", "https://evil.example.org", "\r\nX: y"):
        response = client.post(reverse(LIST), {"all": "1", "query": query})
        assert response["Location"].startswith(f"{reverse(LIST)}?")


def test_more_of_them_cost_no_more_queries(client: Client, olivia: Person, analyst: Agent) -> None:
    def more(number: int) -> None:
        for _ in range(number):
            work.notification(olivia, agent=analyst, asked_by=olivia)

    client.force_login(olivia)
    more(3)
    few = queries(client, reverse(LIST))
    more(77)
    assert queries(client, reverse(LIST)) == few
    assert queries(client, reverse(LIST) + "?page=2") == few
    assert "of 80</span>" in page(client, reverse(LIST) + "?page=2")


def test_what_was_told_is_nobodys_but_the_persons_on_the_list_of_deliveries(
    client: Client, ada: Person, olivia: Person
) -> None:
    row = work.delivery(olivia)
    client.force_login(ada)
    text = page(client, reverse("admin:agents_delivery_change", args=[row.pk]))
    assert "1 notification" in text
    assert "Untrusted text from the mail server" in text
    assert row.notifications.get().title not in text


# --- What is mailed ----------------------------------------------------------------------------------------
MAIL = "admin:notification_mail"


def test_a_person_chooses_what_is_mailed(client: Client, olivia: Person, daniel: Person) -> None:
    client.force_login(olivia)
    chosen = {"votes": "at_once", "agents": "daily", "reminders": "never"}
    response = client.post(reverse(MAIL), chosen, follow=True)
    assert "Kept." in response.content.decode()
    assert dict(MailChoice.objects.filter(person=olivia).values_list("group", "timing")) == {
        "agents": "daily",
        "reminders": "never",
    }
    assert not MailChoice.objects.filter(person=daniel).exists()
    form = client.get(reverse(MAIL)).context["form"]
    assert {field.name: field.value() for field in form} == chosen


def test_only_the_times_there_are_can_be_chosen(client: Client, olivia: Person) -> None:
    client.force_login(olivia)
    response = client.post(reverse(MAIL), {"votes": "sometimes", "agents": "daily", "account": "never"})
    assert response.status_code == 200
    assert not MailChoice.objects.exists()


def test_it_says_where_mail_goes_or_why_none_does(client: Client, olivia: Person) -> None:
    client.force_login(olivia)
    assert "This installation sends no mail" in page(client, reverse(MAIL))
    with override_settings(EMAIL_HOST="mail.example.org"):
        assert f"Mail goes to {olivia.email}." in page(client, reverse(MAIL))
        Person.objects.filter(pk=olivia.pk).update(email="")
        assert "You have no address" in page(client, reverse(MAIL))
