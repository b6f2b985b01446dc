import hmac
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from django.conf import LazySettings
from django.db import transaction

from audits import bodies, canonical, formats, keys
from audits.actor import Actor
from audits.choices import Action, Outcome
from audits.models import Body, Event, Pending
from audits.services.ledger import record
from tests.audits.happenings import TESTER, happen

OLIVIA = Actor(kind="person", id="019a1111-0000-7000-8000-000000000001", name="Olivia Owner")
pytestmark = pytest.mark.django_db


def write(**words: Any) -> Event:
    given: dict[str, Any] = {
        "stream": "agent/one", "action": Action.GRANT_ADDED, "actor": OLIVIA, "object": "grant/1"
    }  # fmt: skip
    return record(**(given | words))


def test_all_that_is_said_is_in_the_header_and_no_name_is() -> None:
    digest = "ab" * 32
    event = write(
        outcome=Outcome.DENIED,
        body={"reason": "no owner"},
        policy={"version": "3", "sha256": digest},
        evaluation="evaluation/1",
        provenance=digest,
        frameworks=["sox", "gdpr", "sox"],
        trace="run/1",
    )
    stored = Event.objects.get(pk=event.pk)
    header = stored.fields
    assert header == {
        "v": 1,
        "id": str(event.pk),
        "time": formats.timestamp(event.time),
        "stream": "agent/one",
        "action": "grant.added",
        "actor": OLIVIA.ref,
        "object": "grant/1",
        "outcome": "denied",
        "policy": {"version": "3", "sha256": digest},
        "evaluation": "evaluation/1",
        "provenance": digest,
        "frameworks": ["gdpr", "sox"],
        "trace": "run/1",
        "body": header["body"],
        "name": header["name"],
    }
    assert b"Olivia" not in bytes(stored.header)
    assert (stored.details, stored.actor_name) == ({"reason": "no owner"}, "Olivia Owner")
    assert stored.frameworks == "gdpr,sox"
    assert datetime.now(UTC) - stored.time < timedelta(minutes=1)


def test_what_is_not_said_is_not_in_the_header() -> None:
    assert set(write().fields) == {
        "v", "id", "time", "stream", "action", "actor", "object", "outcome", "body", "name"
    }  # fmt: skip


def test_the_header_is_canonical_and_its_code_is_made_with_the_key() -> None:
    event = Event.objects.get(pk=write().pk)
    header = bytes(event.header)
    assert canonical.dumps(orjson.loads(header)) == header
    assert bytes(event.mac) == hmac.digest(keys.mac(), b"countersign/mac/v1\0" + header, "sha256")


def test_the_header_commits_to_the_salted_payload_and_name() -> None:
    event = write(body={"a": 1})
    body = Body.objects.get(event_id=event.pk)
    for part, sealed, content in (
        (bodies.PAYLOAD, body.payload, b'{"a":1}'),
        (bodies.NAME, body.name, b"Olivia Owner"),
    ):
        opened = bodies.unseal(part, event.pk.bytes, sealed)
        assert opened is not None
        assert (len(opened.salt), opened.content) == (32, content)
        assert event.fields[part.decode()] == formats.commitment(part, opened.salt, content).hex()


def test_equal_bodies_have_different_commitments() -> None:
    assert write(body={"a": 1}).fields["body"] != write(body={"a": 1}).fields["body"]


def test_the_event_waits_to_be_sealed() -> None:
    event = write()
    assert list(Pending.objects.values_list("event_id", flat=True)) == [event.pk]


def test_ids_sort_in_the_order_of_recording() -> None:
    ids = [event.pk for event in happen(20)]
    assert ids == sorted(ids)


@pytest.mark.parametrize(
    "stream", ["", "agent/", "Agent/1", "agent/1|2", "agent/a b", "heads", "a/b/c", "a\n"]
)
def test_what_is_no_stream_is_refused(stream: str) -> None:
    with pytest.raises(ValueError, match="is not a stream"):
        write(stream=stream)


def test_a_word_outside_the_vocabulary_is_refused() -> None:
    with pytest.raises(ValueError, match=r"something\.invented"):
        write(action="something.invented")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"policy": {"version": "3"}}, "A policy has a version and a sha256"),
        ({"body": {"score": 1.5}}, "is float"),
        ({"body": {"text": "x" * 1024 * 1024}}, "body is .* Record its digest"),
        ({"object": "x" * 9000}, "header is"),
    ],
)
def test_what_does_not_fit_is_refused_and_nothing_is_stored(words: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        write(**words)
    assert not Event.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_outside_a_transaction_it_refuses() -> None:
    with pytest.raises(RuntimeError, match="inside the transaction"):
        write()


@pytest.mark.django_db(transaction=True)
def test_what_is_rolled_back_leaves_nothing() -> None:
    with transaction.atomic():
        write()
        transaction.set_rollback(True)
    assert not Event.objects.exists()
    assert not Body.objects.exists()
    assert not Pending.objects.exists()


def test_it_takes_one_statement_on_postgresql_and_three_on_sqlite(
    django_assert_num_queries: Any, settings: LazySettings
) -> None:
    expected = 1 if "postgresql" in settings.DATABASES["default"]["ENGINE"] else 3
    with django_assert_num_queries(expected):
        record(stream="system", action=Action.KEY_CREATED, actor=TESTER, object="key/1")
