"""Who decides on a request, who does not, and what nobody could decide."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from agents.models import Agent, Person
from governance import electorate
from governance.choices import Discipline, VoteChoice
from governance.models import Approval, Seat
from governance.services import approvals, board, dossiers
from tests.governance.story import cast, edit, events, version_of

pytestmark = pytest.mark.django_db


def page(client: Client, approval: Approval, person: Person) -> str:
    client.force_login(person)
    response = client.get(reverse("admin:governance_approval_change", args=[approval.pk]))
    assert response.status_code == 200
    return response.content.decode()


def test_vacant_seats_are_named_when_it_is_asked_and_on_the_page(
    submitted: Approval, sasha: Person, leo: Person, client: Client
) -> None:
    """Asked before anybody was seated; since then two seats are held."""
    assert events("approval.requested")[-1].details["vacant"] == sorted(Discipline.values)
    sentence = electorate.unmet(submitted)
    assert "Compliance, Product and Engineering are held by nobody" in sentence
    assert sentence in page(client, submitted, sasha)


def test_a_whole_board_lacks_nothing(submitted: Approval, members: list[Person], client: Client) -> None:
    assert electorate.unmet(submitted) == ""
    assert "held by nobody" not in page(client, submitted, members[0])


def test_a_seat_held_by_somebody_who_may_not_vote_is_as_good_as_vacant(
    submitted: Approval, members: list[Person], ada: Person, daniel: Person
) -> None:
    board.end_seat(actor=ada, seat=Seat.objects.get(person=members[0]))
    board.assign_seat(actor=ada, person=daniel, discipline=Discipline.SECURITY)
    assert "The required seat Security is held by nobody who may vote" in electorate.unmet(submitted)
    [security] = [seat for seat in electorate.seats(submitted) if seat.discipline == Discipline.SECURITY]
    assert (security.holders, security.barred) == ((), (daniel,))


def test_a_seat_to_come_is_not_held(submitted: Approval, ada: Person, oscar: Person) -> None:
    later = timezone.now() + timedelta(days=1)
    board.assign_seat(actor=ada, person=oscar, discipline=Discipline.LEGAL, starts_at=later)
    assert not any(seat.holders for seat in electorate.seats(submitted))


def test_too_few_for_the_quorum(submitted: Approval, sasha: Person) -> None:
    submitted.rule = {"seats": ["security"], "quorum": 3, "veto": True}
    assert "It needs 3 more approvals; only 1 seats" in electorate.unmet(submitted)


def test_who_does_not_vote_and_why(
    submitted: Approval, olivia: Person, daniel: Person, sasha: Person, client: Client
) -> None:
    submitted.agent.deputies.add(sasha)
    Agent.objects.filter(pk=submitted.agent_id).update(sponsor=olivia)
    submitted.agent.refresh_from_db()
    found = {row.person: row.reasons for row in electorate.barred(submitted)}
    assert found == {
        olivia: ("owner", "asked for it", "sponsor now"),
        daniel: ("deputy",),
        sasha: ("deputy now",),
    }
    assert "Olivia Owner: owner, asked for it, sponsor now" in page(client, submitted, sasha)


def test_who_added_the_version_is_named_as_that(submitted: Approval, oscar: Person) -> None:
    submitted.excluded = [*submitted.excluded, str(oscar.pk)]
    assert electorate.Barred(oscar, "", ("added the version",)) in electorate.barred(submitted)


def test_comments_are_a_thread_by_time_and_untrusted(
    submitted: Approval, sasha: Person, leo: Person, client: Client
) -> None:
    cast(sasha, submitted, comment="<b>First</b>.")
    cast(leo, submitted, VoteChoice.REQUEST_CHANGES, comment="Second.")
    text = page(client, submitted, sasha)
    assert text.index("&lt;b&gt;First&lt;/b&gt;.") < text.index("Second.")
    assert "Untrusted text from Sasha Security, who voted" in text
    assert "Changes asked for. The required seat Legal asks for changes" in text
    assert "mends what the comments ask for and submits it again" in text


def test_a_withdrawal_is_told_with_its_reason_as_foreign_words(
    submitted: Approval, olivia: Person, client: Client
) -> None:
    approvals.withdraw(actor=olivia, approval=submitted, reason="<i>Not ready</i>")
    text = page(client, submitted, olivia)
    assert "&lt;i&gt;Not ready&lt;/i&gt;" in text
    assert "taken back before it was decided" in text


@pytest.mark.parametrize(
    ("state", "words"),
    [("expired", "Submit it again to ask anew"), ("voided", "the votes count for nothing")],
)
def test_other_ends_are_told_in_a_sentence(
    state: str, words: str, submitted: Approval, olivia: Person, client: Client
) -> None:
    now = timezone.now()
    Approval.objects.filter(pk=submitted.pk).update(state=state, resolved_at=now, reason="Because.")
    assert words in page(client, submitted, olivia)


def test_differences_are_marked_word_by_word(
    active_analyst: Agent, olivia: Person, sasha: Person, client: Client
) -> None:
    edit(olivia, active_analyst, purpose=active_analyst.purpose.replace("each", "every known"))
    again = dossiers.submit(actor=olivia, version=version_of(active_analyst))
    text = page(client, again, sasha)
    assert '<del class="cs-gone"><span class="sr-only">(removed: </span>each <span' in text
    assert '<ins class="cs-new"><span class="sr-only">(added: </span>every known <span' in text


# --- The buttons ---------------------------------------------------------------------------------------
def press(client: Client, name: str, approval: Approval, **values: str) -> str:
    url = reverse(f"admin:governance_approval_{name}", args=[approval.pk])
    return str(client.post(url, {"_form_submitted": "on", **values}).content.decode())


@pytest.mark.parametrize("name", ["reject", "request_changes"])
def test_the_form_asks_for_the_comment(name: str, submitted: Approval, sasha: Person, client: Client) -> None:
    client.force_login(sasha)
    text = press(client, name, submitted, digest=submitted.digest)
    assert "required" in text
    assert not submitted.votes.exists()
    press(client, name, submitted, digest=submitted.digest, comment="Mend it.")
    assert submitted.votes.get().choice == name


def test_who_may_withdraw_sees_the_button_and_others_do_not(
    submitted: Approval, members: list[Person], ada: Person, client: Client
) -> None:
    url = reverse("admin:governance_approval_withdraw", args=[submitted.pk])
    sasha, _, leo, *_ = members
    board.appoint_chair(actor=ada, seat=Seat.objects.get(person=leo))
    asked = submitted.requested_by
    assert [url in page(client, submitted, person) for person in (asked, leo, sasha)] == [True, True, False]
    assert "or those who asked for it" in press(client, "withdraw", submitted, reason="No.")
    client.force_login(leo)
    press(client, "withdraw", submitted, reason="Twice the same.")
    submitted.refresh_from_db()
    assert submitted.state == "withdrawn"
    assert url not in page(client, submitted, leo)


def test_an_administrator_makes_a_seat_the_chair(sasha: Person, ada: Person, client: Client) -> None:
    client.force_login(ada)
    seat = Seat.objects.get()
    url = reverse("admin:governance_seat_appoint_chair", args=[seat.pk])
    shown = reverse("admin:governance_seat_change", args=[seat.pk])
    assert url in client.get(shown).content.decode()
    client.post(url, {"_form_submitted": "on"})
    seat.refresh_from_db()
    assert seat.is_chair
    assert url not in client.get(shown).content.decode()


def test_a_seat_is_assigned_for_a_time_on_the_page(oscar: Person, ada: Person, client: Client) -> None:
    client.force_login(ada)
    values = {"person": str(oscar.pk), "discipline": "legal", "starts_at": "2090-01-01T00:00"}
    client.post(reverse("admin:governance_seat_add"), values | {"ends_at": "2090-06-01T00:00"})
    seat = Seat.objects.get()
    assert (seat.starts_at.year, seat.ends_at.month if seat.ends_at else 0) == (2090, 6)
    text = client.get(reverse("admin:governance_seat_change", args=[seat.pk])).content.decode()
    assert "To begin" in text
