"""Promise 13: what is erased is gone, everywhere, and the proof of all else holds."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.conf import LazySettings
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.models import Session
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from agents.choices import DelegationEnd, TokenEnd, TokenScope
from agents.errors import TokenError
from agents.models import Agent, ApiToken, Delegation, Lockout, Person
from agents.models import Session as SignIn
from agents.services import api_tokens, people
from audits import erased_log, explaining, guard, subject_keys
from audits.actor import Actor
from audits.choices import Action, BundleKind, HoldScope, Outcome
from audits.errors import Conflict, Denied, Invalid, NotFound
from audits.models import Body, Bundle, DestroyedKey, Erasure, Event, Pending, Redaction
from audits.services import bundle_files, bundles, erasure, holds, recovery, sealing, subjects, verification
from portal import doctor
from tests.audits.happenings import TESTER, execute, happen, take_triggers_off
from tests.oauth.client import let

pytestmark = pytest.mark.django_db(transaction=True)
QUOTED = "zyzzyva-what-oscar-said"
REASON = "request under Article 17"


@pytest.fixture(autouse=True)
def _own_keys(settings: LazySettings, tmp_path: Path) -> None:
    settings.LEDGER_SEAL_INLINE = False
    settings.SUBJECT_KEYS_DIR = tmp_path / "subjects"


@pytest.fixture
def subject(oscar: Person) -> str:
    """Somebody who did things, and about whom things are told."""
    happen(2, stream=f"person/{oscar.pk}", body={"said": QUOTED}, actor=oscar.actor)
    happen(2, stream="agent/one", actor=oscar.actor)
    happen(1, stream="agent/one", body={"note": f"Oscar Outsider called, {QUOTED}"})
    sealing.seal()
    return f"person/{oscar.pk}"


def test_the_tokens_of_an_erased_person_are_nobodys(dora: Person, oscar: Person, subject: str) -> None:
    name = "Oscar's laptop in the kitchen"
    token, secret = api_tokens.add(actor=TESTER, person=oscar, name=name, scope=TokenScope.READ)
    sealing.seal()
    assert name in str(subjects.export(actor=dora.actor, subject=subject))
    erase(dora, subject)
    token.refresh_from_db()
    assert (token.name, token.end_reason) == ("", TokenEnd.DEACTIVATED)
    with pytest.raises(TokenError):
        api_tokens.authenticate(secret=secret)
    assert not [event for event in Event.objects.all() if name in str(event.details)]
    assert not ApiToken.history.filter(name=name).exists()
    sound()


def test_what_an_erased_person_let_agents_do_is_nobodys(
    dora: Person, oscar: Person, active_analyst: Agent, subject: str
) -> None:
    delegation = let(oscar, active_analyst, purpose="Answer the letters of my aunt.")
    sealing.seal()
    assert "my aunt" in str(subjects.export(actor=dora.actor, subject=subject))
    erase(dora, subject)
    delegation.refresh_from_db()
    assert (delegation.purpose, delegation.end_reason) == ("", DelegationEnd.DEACTIVATED)
    assert not [event for event in Event.objects.all() if "my aunt" in str(event.details)]
    assert not Delegation.history.filter(purpose__contains="my aunt").exists()
    sound()


def erase(actor: Person, subject: str) -> Event:
    return erasure.erase(actor=actor.actor, subject=subject, reason=REASON)


def sound() -> None:
    sealing.seal()
    report = verification.verify()
    assert report.is_sound, report


# --- A person ------------------------------------------------------------------------------------------
def test_what_is_erased_can_be_read_nowhere(dora: Person, subject: str, oscar: Person) -> None:
    theirs = list(Event.objects.filter(stream=subject))
    event = erase(dora, subject)
    assert all(Event.objects.get(pk=each.pk).details == {} for each in theirs)
    assert not {each.actor_name for each in Event.objects.filter(actor=subject)} - {""}
    assert subject_keys.of(subject) == []
    assert event.details["subject"] == subject
    assert set(event.details["keys"]) == {
        bytes(key).hex() for key in DestroyedKey.objects.values_list("key_id", flat=True)
    }
    oscar.refresh_from_db()
    assert not oscar.is_active
    assert not oscar.has_usable_password()
    assert str(oscar) == f"erased-{oscar.pk.hex[-12:]}"
    sound()


def test_nothing_of_it_is_left_on_the_disk(dora: Person, subject: str, settings: LazySettings) -> None:
    """PostgreSQL's own files are its own: there it is asked by its rows."""
    secrets = [path.read_bytes() for path in _files_of(subject)]
    assert secrets
    erase(dora, subject)
    kept = b"".join(path.read_bytes() for path in Path(settings.SUBJECT_KEYS_DIR).iterdir())
    assert not [secret for secret in secrets if secret in kept]
    words = (b"oscar@example.org", b"Outsider", QUOTED.encode())
    for content in _stored():
        assert not [word for word in words if word in content]


def _files_of(subject: str) -> list[Path]:
    folder = Path(subject_keys._directory())
    return [folder / f"{key.hex()}.key" for key in subject_keys.of(subject)]


def _stored() -> Iterator[bytes]:
    """The files of SQLite, its log too; on PostgreSQL every row of every table."""
    if connection.vendor == "sqlite":
        name = str(connection.settings_dict["NAME"])
        for path in (Path(name), Path(f"{name}-wal")):
            yield path.read_bytes() if path.exists() else b""
        return
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT t.*::text FROM {table} AS t")  # noqa: S608 - our own names
            for row in cursor.fetchall():
                yield str(row).encode()


def test_what_is_recorded_later_has_a_key_of_its_own(dora: Person, subject: str) -> None:
    erase(dora, subject)
    [later] = happen(1, stream=subject, body={"said": "later"})
    assert Event.objects.get(pk=later.pk).details == {"said": "later"}
    erase(dora, subject)
    assert Event.objects.get(pk=later.pk).details == {}
    assert Erasure.objects.count() == 2
    sound()


def test_sessions_and_history_end_with_the_person(
    dora: Person, subject: str, oscar: Person, client: Client
) -> None:
    client.force_login(oscar)
    assert oscar.history.get().username == "oscar"
    Authenticator.objects.create(user=oscar, type=Authenticator.Type.TOTP, data={"secret": "x"})
    SocialAccount.objects.create(user=oscar, provider="oidc", uid="oscar@idp.example.org")
    Lockout.objects.create(username="oscar", ip_address="192.0.2.9", path_info="/", failures_since_start=1)
    sign_in = SignIn.objects.create(
        person=oscar,
        address="192.0.2.9",
        user_agent="Oscar's",
        started_at=timezone.now(),
        seen_at=timezone.now(),
    )
    erase(dora, subject)
    assert not Session.objects.exists()
    assert not any(model.objects.exists() for model in (Authenticator, SocialAccount, Lockout))
    sign_in.refresh_from_db()
    assert (sign_in.address, sign_in.user_agent) == (None, "")
    assert sign_in.ended_at is not None
    left = oscar.history.get()
    assert (left.username, left.first_name, left.email) == (f"erased-{oscar.pk.hex[-12:]}", "", "")
    sound()


def test_bundles_that_quote_the_person_go(
    dora: Person, subject: str, settings: LazySettings, tmp_path: Path
) -> None:
    settings.BUNDLES_DIR = tmp_path
    for stream, name in (("agent/one", "one"), ("agent/two", "two"), (subject, "three")):
        (tmp_path / name).write_text("a bundle")
        Bundle.objects.create(
            kind="person", streams=[stream], subject="Oscar", requested_by=subject,
            requested_by_name="Oscar Outsider", requested_at="2026-01-01T00:00:00Z", state="ready",
            file_name=name, sha256="0" * 64, completeness="stream",
        )  # fmt: skip
    erase(dora, subject)
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == ["two"]
    assert set(Bundle.objects.values_list("requested_by_name", flat=True)) == {""}
    assert Bundle.objects.get(streams=[subject]).subject == subject


@pytest.mark.parametrize("who", ["aude", "olivia", "oscar", "agent"])
def test_only_data_protection_erases(request: pytest.FixtureRequest, subject: str, who: str) -> None:
    actor = Actor("agent", "1", "bot") if who == "agent" else request.getfixturevalue(who).actor
    with pytest.raises(Denied):
        erasure.erase(actor=actor, subject=subject, reason=REASON)
    refused = Event.objects.get(action=Action.SUBJECT_ERASED)
    assert (refused.outcome, refused.object) == (Outcome.DENIED, subject)
    assert Event.objects.filter(stream=subject).first().details  # type: ignore[union-attr]


def test_nobody_erases_themselves(dora: Person) -> None:
    with pytest.raises(Denied, match="themselves"):
        erase(dora, f"person/{dora.pk}")


def test_who_answers_for_an_agent_or_sits_on_the_board_is_not_erased(
    dora: Person, analyst: Agent, sasha: Person, ada: Person
) -> None:
    for person, why in (
        (analyst.owner, "answers for vulnerability-analyst"),
        (analyst.deputies.get(), "answers for vulnerability-analyst"),
        (sasha, "seat on the board"),
        (ada, "last administrator"),
    ):
        with pytest.raises(Conflict, match=why):
            erase(dora, f"person/{person.pk}")
        person.refresh_from_db()
        assert person.email
    assert not DestroyedKey.objects.exists()


@pytest.mark.parametrize("subject", ["agent/one", "system", "person", "person/../x", ""])
def test_only_people_are_erased(dora: Person, subject: str) -> None:
    with pytest.raises(Invalid):
        erase(dora, subject)


def test_nobody_unknown_is_erased(dora: Person) -> None:
    with pytest.raises(NotFound):
        erase(dora, "person/0197c1d2-0000-7000-8000-000000000000")


def test_a_plan_changes_nothing(dora: Person, subject: str) -> None:
    before = Event.objects.count()
    plan = erasure.plan(subject=subject)
    assert (plan.keys, plan.payloads, plan.names, plan.against) == (1, 3, 4, ())
    assert Event.objects.count() == before


# --- Finishing what was committed -----------------------------------------------------------------------
def test_the_sweep_finishes_what_a_crash_cut_off(
    dora: Person, subject: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as crash:
        crash.setattr(erasure, "_carry_out", lambda *_: None)
        erase(dora, subject)
    assert subject_keys.of(subject)
    assert list(erased_log.lines()) == []
    assert erasure.sweep() == 1
    assert subject_keys.of(subject) == []
    assert [line.subject for line in erased_log.lines()] == [subject]
    assert erasure.sweep() == 0
    assert len(list(erased_log.lines())) == 1


def test_an_erasure_that_was_rolled_back_destroys_nothing(
    dora: Person, subject: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError

    monkeypatch.setattr(bundle_files, "forget", fail)
    with pytest.raises(RuntimeError):
        erase(dora, subject)
    assert erasure.sweep() == 0
    assert subject_keys.of(subject)
    assert Person.objects.get(username="oscar").email
    assert list(erased_log.lines()) == []


def test_a_forged_row_destroys_no_key(subject: str) -> None:
    """Whoever has the database, but not the keys, cannot have them destroyed."""
    victim = subject_keys.of("system")[0]
    [event] = happen(1, stream="system", action=Action.SUBJECT_ERASED, body={"subject": "system", "keys": []})
    forged = Event.objects.filter(pk__in=[event.pk]).values_list("pk", flat=True)[0]
    for key, of in ((victim, "system"), (subject_keys.of(subject)[0], subject)):
        DestroyedKey.objects.create(key_id=key, subject=of, by=forged, destroyed_at="2026-01-01T00:00:00Z")
    assert erasure.sweep() == 0
    assert subject_keys.is_there(victim)
    assert subject_keys.of(subject)


def test_a_key_that_is_gone_without_erasure_is_found(subject: str) -> None:
    for key in subject_keys.of(subject):
        subject_keys.destroy(key)
    report = verification.verify()
    assert not report.is_sound
    assert "no erasure explains it" in report.problem


def test_a_torn_line_of_the_log_is_written_again(dora: Person, subject: str) -> None:
    erase(dora, subject)
    whole = erased_log.path().read_bytes()
    erased_log.path().write_bytes(whole[:-9])
    assert list(erased_log.lines()) == []
    erasure.sweep()
    assert [line.subject for line in erased_log.lines()] == [subject]
    erased_log.path().write_bytes(b"nonsense}\n")
    with pytest.raises(erased_log.ErasedLogUnreadable, match="Line 1"):
        list(erased_log.lines())


# --- A restored backup -------------------------------------------------------------------------------------
@pytest.fixture
def restored(dora: Person, subject: str, oscar: Person, tmp_path: Path, settings: LazySettings) -> str:
    """The database, and the keys, as they were before the erasure; the machine remembers more."""
    backup = tmp_path / "backup"
    shutil.copytree(settings.SUBJECT_KEYS_DIR, backup)
    sealing.seal()
    before = set(Event.objects.values_list("pk", flat=True))
    row = Person.objects.get(pk=oscar.pk)
    erase(dora, subject)
    [quoting] = [event for event in Event.objects.filter(stream="agent/one") if "note" in event.details]
    boxes = Body.objects.get(pk=quoting.pk)
    erasure.redact(actor=dora.actor, events=[quoting.pk], reason=REASON)
    take_triggers_off()
    later = Event.objects.exclude(pk__in=before)
    gone = list(later.values_list("pk", flat=True))
    for model in (Pending, Body):
        rows = model.objects.filter(event_id__in=gone)
        rows._raw_delete(rows.db)
    later._raw_delete(later.db)
    oscar.history.filter(event_id__in=gone)._raw_delete(later.db)
    for table in ("audits_destroyedkey", "audits_redaction"):
        execute(f"DELETE FROM {table}")  # noqa: S608 - our own names
    boxes.save(force_insert=True)
    row.save()
    shutil.copytree(backup, settings.SUBJECT_KEYS_DIR, dirs_exist_ok=True)
    remembered = guard.remembered()
    assert remembered
    guard.remember(guard.Head(remembered.size + 2, b"\1" * 32))
    explaining.payload_of.cache_clear()
    return subject


def test_a_restored_backup_brings_nothing_back(restored: str) -> None:
    assert Event.objects.filter(stream=restored)[0].details
    assert erasure.sweep() == 1
    assert not Event.objects.filter(stream=restored)[0].details
    assert len(erasure.undeclared()) == 2


def test_a_restored_backup_is_an_alarm(restored: str, client: Client, aude: Person) -> None:
    [found] = doctor.check_erasures()
    assert (found.status, "ledger declare" in found.mend) == ("failure", True)
    assert found.message.startswith("2 erasures that this machine remembers are not in the database")
    client.force_login(aude)
    alarm = "The database was restored from before 2 erasures"
    assert alarm in client.get("/admin/").content.decode()
    recovery.declare(actor=TESTER, reason="restored the backup of Tuesday")
    assert [finding.status for finding in doctor.check_erasures()] == ["ok"]
    assert alarm not in client.get("/admin/").content.decode()


@pytest.mark.parametrize("line", [b'{"event": 7}', b'{"event": "x"}', b"[{}", b"7}"])
def test_a_memory_of_erasures_that_cannot_be_read_is_an_alarm(
    client: Client, aude: Person, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: bytes
) -> None:
    monkeypatch.setattr(erased_log, "path", lambda: tmp_path / "erased.log")
    erased_log.path().write_bytes(line + b"\n")
    assert [finding.status for finding in doctor.check_erasures()] == ["failure"]
    client.force_login(aude)
    assert "is not one that this product wrote" in client.get("/admin/").content.decode()


def test_a_declared_backup_says_again_what_was_erased(restored: str, oscar: Person) -> None:
    recovery.declare(actor=TESTER, reason="restored the backup of Tuesday")
    assert subject_keys.of(restored) == []
    oscar.refresh_from_db()
    assert not oscar.email
    again = Erasure.objects.get()
    assert "backup was restored" in again.details["reason"]
    assert Redaction.objects.count() == 1
    assert not [event for event in Event.objects.filter(stream="agent/one") if "note" in event.details]
    assert erasure.undeclared() == []
    sound()


# --- Redaction ---------------------------------------------------------------------------------------------
def test_redacted_events_lose_their_bodies_and_keep_their_proof(dora: Person, subject: str) -> None:
    chosen = list(Event.objects.filter(stream="agent/one").values_list("pk", flat=True))
    event = erasure.redact(actor=dora.actor, events=chosen, reason=REASON)
    assert event.object == "agent/one"
    assert not Body.objects.filter(pk__in=chosen).exists()
    assert Event.objects.get(pk=chosen[0]).details == {}
    assert {row.by for row in Redaction.objects.all()} == {event.pk}
    with pytest.raises(NotFound):
        erasure.redact(actor=dora.actor, events=chosen, reason=REASON)
    sound()


def test_what_waits_to_be_sealed_can_be_redacted(dora: Person) -> None:
    [event] = happen(1)
    assert erasure.redact(actor=dora.actor, events=[event.pk], reason=REASON).object == f"event/{event.pk}"
    sound()


def test_the_history_that_an_event_commits_to_goes_with_it(dora: Person, oscar: Person) -> None:
    added = Event.objects.get(action=Action.PERSON_ADDED, object=f"person/{oscar.pk}")
    erasure.redact(actor=dora.actor, events=[added.pk], reason=REASON)
    assert not oscar.history.exists()
    sound()


def test_what_the_proof_needs_is_not_redacted(dora: Person, subject: str) -> None:
    event = erase(dora, subject)
    with pytest.raises(Conflict, match="part of the ledger's own proof"):
        erasure.redact(actor=dora.actor, events=[event.pk], reason=REASON)


def test_who_may_not_redact_is_refused_and_recorded(aude: Person) -> None:
    [event] = happen(1)
    with pytest.raises(Denied):
        erasure.redact(actor=aude.actor, events=[event.pk], reason=REASON)
    assert Event.objects.get(action=Action.BODY_REDACTED).outcome == Outcome.DENIED


@pytest.mark.parametrize("reason", ["", "  "])
def test_nothing_is_redacted_without_event_and_reason(dora: Person, reason: str) -> None:
    with pytest.raises(Invalid):
        erasure.redact(actor=dora.actor, events=[], reason=REASON)
    [event] = happen(1)
    with pytest.raises(Invalid):
        erasure.redact(actor=dora.actor, events=[event.pk], reason=reason)


def test_the_database_refuses_a_body_that_goes_without_redaction() -> None:
    [event] = happen(1)
    sealing.seal()
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        execute("DELETE FROM audits_body")
    take_triggers_off()
    execute("DELETE FROM audits_body")
    report = verification.verify()
    assert not report.is_sound
    assert "no redaction explains it" in report.problem
    Redaction.objects.create(event_id=event.pk, by=event.pk, redacted_at="2026-01-01T00:00:00Z")
    assert "no redaction explains it" in verification.verify().problem


# --- Quotations and export -------------------------------------------------------------------------------
def test_quotations_are_found_as_whole_words(dora: Person, subject: str) -> None:
    happen(1, stream="agent/two", body={"text": "An oscarlike film"})
    happen(1, stream="agent/two", body={"text": "MAIL TO OSCAR@EXAMPLE.ORG"})
    found = subjects.mentions(actor=dora.actor, subject=subject, also=["zyzzyva-what-oscar-said"])
    assert [(mention.stream, mention.words) for mention in found] == [
        ("agent/one", ("Oscar Outsider", "oscar", QUOTED)),
        ("agent/two", ("oscar", "oscar@example.org")),
    ]
    searched = Event.objects.get(action=Action.SUBJECT_SEARCHED)
    assert searched.stream == subject
    assert searched.details == {"found": 2}


def test_of_an_erased_person_the_words_must_be_given(dora: Person, subject: str) -> None:
    erase(dora, subject)
    with pytest.raises(Invalid, match="no name any more"):
        subjects.mentions(actor=dora.actor, subject=subject)
    assert len(subjects.mentions(actor=dora.actor, subject=subject, also=["Oscar Outsider"])) == 1


def test_an_export_holds_what_is_held(dora: Person, subject: str, aude: Person) -> None:
    found: Any = subjects.export(actor=dora.actor, subject=subject)
    assert found["records"]["account"]["email"] == "oscar@example.org"
    assert found["records"]["seats"] == []
    assert {"said": QUOTED} in [event["payload"] for event in found["events"]]
    others = [event for event in found["events"] if event["header"]["stream"] == "agent/one"]
    assert {(event["actor_name"], str(event["payload"])) for event in others} == {("Oscar Outsider", "{}")}
    assert Event.objects.filter(action=Action.SUBJECT_EXPORTED, stream=subject).exists()
    with pytest.raises(Denied):
        subjects.export(actor=aude.actor, subject=subject)
    with pytest.raises(Denied):
        subjects.mentions(actor=aude.actor, subject=subject)


def test_a_hold_forbids_both(dora: Person, dirk: Person, subject: str) -> None:
    hold = holds.place(
        actor=dora.actor, title="Dispute", scope=HoldScope.PERSON, subject=subject, reason="inquiry"
    )
    mine = Event.objects.filter(stream=subject)[0]
    with pytest.raises(Conflict, match="legal hold 'Dispute'"):
        erase(dora, subject)
    with pytest.raises(Conflict, match="legal hold 'Dispute'"):
        erasure.redact(actor=dora.actor, events=[mine.pk], reason=REASON)
    assert Event.objects.filter(action=Action.SUBJECT_ERASED, outcome=Outcome.FAILED).count() == 1
    holds.release(actor=dirk.actor, hold=hold, reason="settled")
    erase(dora, subject)
    sound()


def test_reactivating_an_erased_person_opens_nothing(
    dora: Person, ada: Person, subject: str, oscar: Person, client: Client
) -> None:
    erase(dora, subject)
    people.reactivate(actor=ada.actor, person=oscar)
    oscar.refresh_from_db()
    client.post(reverse("account_login"), {"login": oscar.username, "password": "x"})
    assert SESSION_KEY not in client.session
    assert not oscar.has_usable_password()


def test_bundles_still_build_after_an_erasure(
    dora: Person, subject: str, settings: LazySettings, tmp_path: Path
) -> None:
    settings.BUNDLES_DIR = tmp_path / "bundles"
    erase(dora, subject)
    bundle = bundles.request(actor=TESTER, kind=BundleKind.AGENT, subject="One", streams=["agent/one"])
    built = bundles.build(bundle_id=bundle.pk)
    assert built.state == "ready", built.error
    assert b"Outsider" not in built.path.read_bytes()
