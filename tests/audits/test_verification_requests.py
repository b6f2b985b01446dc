"""Verifications that are asked for in the portal: one row, from the asking to the verdict."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from celery import current_app
from django.db import DatabaseError, transaction
from django.test import Client

from agents.models import Person
from audits.choices import Action, Outcome, Verdict, VerificationKind
from audits.errors import Conflict, Denied, Invalid, NotFound
from audits.models import Body, Event, Verification
from audits.services import sealing, verification
from audits.services.verification import requests
from audits.tasks import verify_on_request, verify_the_ledger
from portal.tasks import pick_up_waiting_work
from tests.audits.happenings import TESTER, execute, happen, take_triggers_off

pytestmark = pytest.mark.django_db
ADD = "/admin/audits/verification/add/"


@pytest.fixture(autouse=True)
def events() -> list[Event]:
    made = happen(4, stream="agent/one") + happen(3, stream="person/p")
    sealing.seal_heads()
    return made


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The verifications that the broker was handed, which nobody works on."""
    names: list[str] = []
    monkeypatch.setattr(current_app, "send_task", lambda _name, args: names.append(args[0]))
    return names


def ask(kind: VerificationKind = VerificationKind.WHOLE, stream: str = "") -> Verification:
    return verification.request(actor=TESTER, kind=kind, stream=stream)


def test_all_of_it_then_what_is_new_then_a_stream() -> None:
    for kind, stream, first, entries in (
        (VerificationKind.WHOLE, "", 0, 8),
        (VerificationKind.SINCE, "", 8, 2),  # the request, and the verdict before
        (VerificationKind.STREAM, "agent/one", 0, 4),
    ):
        asked = ask(kind, stream)
        assert (asked.verdict, asked.ended_at) == (Verdict.PENDING, None)
        found = verification.run_requested(verification_id=asked.pk)
        assert (found.pk, found.verdict, found.first, found.entries) == (
            asked.pk, Verdict.SOUND, first, entries,
        )  # fmt: skip
        assert found.by == TESTER.ref
        assert found.subject == ("since entry 8" if kind == VerificationKind.SINCE else stream)
        if kind == VerificationKind.WHOLE:
            sealing.seal()
            assert verification.last_sound() == found


def test_both_ends_are_events(aude: Person) -> None:
    asked = verification.request(actor=aude.actor, kind=VerificationKind.WHOLE)
    found = verification.run_requested(verification_id=asked.pk)
    request = Event.objects.get(action=Action.VERIFICATION_REQUESTED)
    assert (request.actor, request.stream) == (f"person/{aude.pk}", f"person/{aude.pk}")
    done = Event.objects.get(action=Action.LEDGER_VERIFIED)
    assert (done.pk, done.actor) == (found.event, "system/verifier")
    assert (done.details["verification"], done.details["requested_by"]) == (
        str(asked.pk), f"person/{aude.pk}",
    )  # fmt: skip


def test_what_is_wrong_is_said(events: list[Event]) -> None:
    take_triggers_off()
    Body.objects.filter(event_id=events[2].pk).update(body_box=b"{}")
    found = verification.run_requested(verification_id=ask().pk)
    assert (found.verdict, found.place) == (Verdict.WRONG, f"entry 2, event {events[2].pk}")


def test_what_could_not_be_said_is_unable() -> None:
    found = verification.run_requested(verification_id=ask(VerificationKind.STREAM, "agent/nobody").pk)
    assert found.verdict == Verdict.UNABLE
    assert "agent/nobody" in found.problem


def test_how_far_it_is_stands_in_the_row(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[str, int, int, bool]] = []
    real = verification.verify

    def watched(*, progress: verification.Progress, **options: Any) -> verification.Report:
        def told(done: int, total: int) -> None:
            progress(done, total)
            row = Verification.objects.get(pk=asked.pk)
            seen.append((row.verdict, row.entries, row.size, row.heard_at is not None))

        return real(progress=told, **options)

    monkeypatch.setattr(requests, "verify", watched)
    monkeypatch.setattr(requests, "SAYS_SO_EVERY", 0.0)
    asked = ask()
    verification.run_requested(verification_id=asked.pk)
    assert seen[-1] == (Verdict.PENDING, 8, 8, True)


@pytest.mark.parametrize(
    ("kind", "stream", "error"),
    [
        (VerificationKind.EVENT, "", Invalid),
        (VerificationKind.STREAM, "", Invalid),
        (VerificationKind.STREAM, "no reference!", Invalid),
        (VerificationKind.WHOLE, "agent/one", Invalid),
        (VerificationKind.SINCE, "", Conflict),
    ],
)
def test_what_cannot_be_asked(kind: VerificationKind, stream: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        ask(kind, stream)
    assert not Verification.objects.exists()


def test_the_same_is_not_asked_twice() -> None:
    first = ask()
    with pytest.raises(Conflict, match="being verified"):
        ask()
    refused = Event.objects.filter(action=Action.VERIFICATION_REQUESTED).latest("id")
    assert refused.outcome == Outcome.FAILED
    verification.run_requested(verification_id=first.pk)
    ask()


def test_who_may_not_read_may_not_ask(oscar: Person, sasha: Person) -> None:
    with pytest.raises(Denied):
        verification.request(actor=oscar.actor, kind=VerificationKind.WHOLE)
    verification.request(actor=sasha.actor, kind=VerificationKind.WHOLE)
    # The page of the verification would say whose pseudonym the reference is.
    with pytest.raises(Denied, match="stream of a person"):
        verification.request(actor=sasha.actor, kind=VerificationKind.STREAM, stream="person/p")
    assert Event.objects.filter(action=Action.VERIFICATION_REQUESTED, outcome=Outcome.DENIED).count() == 2


def test_it_is_done_once() -> None:
    asked = ask()
    verification.run_requested(verification_id=asked.pk)
    with pytest.raises(Conflict):
        verification.run_requested(verification_id=asked.pk)
    with pytest.raises(NotFound):
        verification.run_requested(verification_id="00000000-0000-0000-0000-000000000000")
    assert Event.objects.filter(action=Action.LEDGER_VERIFIED).count() == 1


def test_two_who_took_it_up_give_one_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first was slow and was taken for dead: what it found comes too late."""
    asked = ask()
    real = verification.verify

    def slow(**options: Any) -> verification.Report:
        Verification.objects.filter(pk=asked.pk).update(heard_at=datetime.now(UTC) - timedelta(hours=1))
        monkeypatch.setattr(requests, "verify", real)
        verification.run_requested(verification_id=asked.pk)
        return real(**options)

    monkeypatch.setattr(requests, "verify", slow)
    found = verification.run_requested(verification_id=asked.pk)
    assert found.verdict == Verdict.SOUND
    assert Event.objects.filter(action=Action.LEDGER_VERIFIED).count() == 1


def test_a_verdict_cannot_be_changed_nor_who_asked() -> None:
    asked = ask()
    for column, value in (("by", "system/other"), ("kind", "since")):
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            Verification.objects.filter(pk=asked.pk).update(**{column: value})
    verification.run_requested(verification_id=asked.pk)
    for statement in (
        "UPDATE audits_verification SET verdict = 'pending', ended_at = NULL",
        "UPDATE audits_verification SET problem = ''",
        "DELETE FROM audits_verification",
    ):
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            execute(statement)


def test_one_under_way_is_no_verdict_for_the_schedule_and_the_overview(client: Client, ada: Person) -> None:
    verification.run_requested(verification_id=ask().pk)
    ask()
    last = verification.of_everything().first()
    assert last is not None
    assert last.verdict == Verdict.SOUND
    client.force_login(ada)
    assert "could not be verified" not in client.get("/admin/").content.decode()


# --- The tasks --------------------------------------------------------------------------------------------
def test_the_task_does_it(caplog: pytest.LogCaptureFixture, events: list[Event]) -> None:
    asked = ask()
    verify_on_request(str(asked.pk))
    asked.refresh_from_db()
    assert asked.verdict == Verdict.SOUND
    verify_on_request(str(asked.pk))  # late, and a second time: nothing happens
    assert Event.objects.filter(action=Action.LEDGER_VERIFIED).count() == 1
    take_triggers_off()
    Body.objects.filter(event_id=events[0].pk).update(body_box=b"{}")
    verify_on_request(str(ask().pk))
    assert f"does not verify, at entry 0, event {events[0].pk}" in caplog.text


def test_the_scheduled_task(caplog: pytest.LogCaptureFixture, events: list[Event]) -> None:
    verify_the_ledger()
    assert not Verification.objects.exists(), "a young ledger is not due"
    take_triggers_off()
    execute("UPDATE audits_checkpoint SET sealed_at = %s", datetime.now(UTC) - timedelta(hours=2))
    Body.objects.filter(event_id=events[1].pk).update(body_box=b"{}")
    verify_the_ledger()
    assert Verification.objects.get().verdict == Verdict.WRONG
    assert f"does not verify, at entry 1, event {events[1].pk}" in caplog.text


@pytest.mark.django_db(transaction=True)
def test_a_lost_request_is_handed_out_again(sent: list[str]) -> None:
    asked = ask()
    pick_up_waiting_work()
    assert sent == [], "it was only just asked for"
    take_triggers_off()
    ago = datetime.now(UTC) - timedelta(hours=1)
    Verification.objects.update(started_at=ago)
    pick_up_waiting_work()
    assert sent == [str(asked.pk)]
    Verification.objects.update(heard_at=datetime.now(UTC))
    pick_up_waiting_work()
    assert sent == [str(asked.pk)], "somebody is at it"
    Verification.objects.update(heard_at=ago)
    pick_up_waiting_work()
    assert sent == [str(asked.pk)] * 2, "whoever was at it died"


# --- The page ---------------------------------------------------------------------------------------------
@pytest.mark.django_db(transaction=True)
def test_verify_now_by_clicking(client: Client, aude: Person, sent: list[str]) -> None:
    client.force_login(aude)
    assert "Verify now" in client.get("/admin/audits/verification/").content.decode()
    assert "since the last sound verification" in client.get(ADD).content.decode()
    refused = client.post(ADD, {"kind": "stream"}).content.decode()
    assert "Name the stream" in refused
    page = client.post(ADD, {"kind": "stream", "stream": " agent/one "}, follow=True)
    [asked] = Verification.objects.all()
    assert sent == [str(asked.pk)]
    text = page.content.decode()
    assert "Nobody has begun yet." in text
    assert re.search(r'hx-get="[^"]*" hx-trigger="every 2s"', text)
    Verification.objects.filter(pk=asked.pk).update(entries=3, size=4)
    address = f"/admin/audits/verification/{asked.pk}/change/"
    follow = {"HX-Request": "true"}
    going_on = client.get(address, headers=follow)
    assert '<progress max="4" value="3"' in going_on.content.decode()
    assert "HX-Refresh" not in going_on.headers
    verify_on_request(sent[0])
    done = client.get(address, headers=follow)
    assert done.headers["HX-Refresh"] == "true"
    assert "Everything that was verified is what was sealed." in client.get(address).content.decode()


def test_who_may_not_read_the_ledger_has_no_button(client: Client, oscar: Person, olivia: Person) -> None:
    for person in (oscar, olivia):
        client.force_login(person)
        assert client.get(ADD).status_code in {302, 403}
        assert client.post(ADD, {"kind": "whole"}).status_code in {302, 403}
    assert not Verification.objects.exists()
