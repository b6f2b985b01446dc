"""The revocation feed over HTTP: what it gives, how strictly it reads, who may acknowledge what."""

import json

import pytest
from django.conf import LazySettings
from django.db import DatabaseError, transaction
from django.test import Client

from agents.choices import RevocationLevel
from governance.models import Acknowledgement, EnforcementPoint
from governance.services import revocation_feed
from tests.authzen.asking import SYSTEM
from tests.feed.points import ACK, FEED, Follower, end
from tests.governance.story import events

pytestmark = pytest.mark.django_db


@pytest.fixture
def follower(db: None) -> Follower:
    return Follower()


def test_nothing_has_ended_yet(follower: Follower) -> None:
    assert follower.read() == {
        "revocations": [],
        "next": 0,
        "current": 0,
        "stale_after": 30,
        "ask_again_in": 0.15,
    }


def test_what_ended_comes_in_order_and_once(follower: Follower) -> None:
    numbers = [end("one"), end("two"), end("*", RevocationLevel.EVERYTHING)]
    page = follower.read()
    assert [row["number"] for row in page["revocations"]] == numbers
    assert (page["next"], page["current"]) == (numbers[-1], numbers[-1])
    first = page["revocations"][0]
    assert set(first) == {"number", "level", "subject", "reason", "at"}
    assert (first["level"], first["subject"], first["reason"]) == ("agent", "one", "ended")
    assert follower.read(since=numbers[0])["revocations"] == page["revocations"][1:]
    assert follower.read(since=numbers[-1])["revocations"] == []


def test_a_long_history_comes_in_pages(follower: Follower, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(revocation_feed, "PAGE", 2)
    last = [end(f"agent-{number}") for number in range(5)][-1]
    seen, since = [], 0
    while since < last:
        page = follower.read(since=since)
        assert len(page["revocations"]) <= 2
        assert page["current"] == last
        seen += [row["number"] for row in page["revocations"]]
        since = page["next"]
    assert seen == list(range(1, last + 1))


@pytest.mark.parametrize(
    "query",
    ["?since=-1", "?since=1.5", "?since=", "?since=x", "?since=1&since=1", "?wait=26", "?wait=0.5",
     "?wait=-1", "?since=9999999999999999999", "?later=1", "?since=%D9%A1", "?since=+1"],
)  # fmt: skip
def test_a_malformed_question_is_refused_in_a_sentence(follower: Follower, query: str) -> None:
    answered = follower.get(query)
    assert answered.status_code == 400
    assert isinstance(json.loads(answered.content), str)


@pytest.mark.parametrize(
    "body",
    [{}, {"number": "1"}, {"number": 1.0}, {"number": True}, {"number": None}, {"number": -1},
     {"number": 10**18}, {"number": 1, "more": 1}, [1], b'{"number": 1, "number": 1}', b"", b"\xff"],
)  # fmt: skip
def test_a_malformed_acknowledgement_is_refused(follower: Follower, body: object) -> None:
    end()
    follower.refuses(ACK, body)
    assert not Acknowledgement.objects.exists()


def test_only_with_a_credential_and_the_right_method(follower: Follower) -> None:
    assert Client().get(FEED).status_code == 401
    assert Client().post(ACK, "{}", content_type="application/json").status_code == 401
    assert follower.get(Authorization="Bearer cspep_none").status_code == 401
    assert len(events("enforcement_point.refused", "denied")) == 3
    assert follower.post(FEED, {}).status_code == 405
    assert follower.get(path=ACK).status_code == 405


def test_an_acknowledgement_is_kept_once_and_never_falls(follower: Follower) -> None:
    for name in "abc":
        end(name)
    assert follower.acknowledge(2) == {"acknowledged": 2}
    assert follower.acknowledge(2) == {"acknowledged": 2}
    assert follower.acknowledge(1) == {"acknowledged": 2}
    assert follower.acknowledge(3) == {"acknowledged": 3}
    assert [row.number for row in Acknowledgement.objects.order_by("number")] == [2, 3]
    assert len(events("enforcement_point.acknowledged")) == 2
    with pytest.raises(DatabaseError, match="does not change"), transaction.atomic():
        Acknowledgement.objects.update(number=9)
    with pytest.raises(DatabaseError, match="does not change"), transaction.atomic():
        Acknowledgement.objects.all()._raw_delete("default")


def test_what_has_not_happened_is_not_acknowledged_and_not_asked_after(follower: Follower) -> None:
    number = end()
    assert "no revocation" in follower.refuses(ACK, {"number": number + 1})
    assert "since=0" in json.loads(follower.get(f"?since={number + 1}").content)
    assert len(events("enforcement_point.acknowledged", "failed")) == 1
    assert len(events("enforcement_point.refused", "failed")) == 1
    assert not Acknowledgement.objects.exists()


def test_silence_is_found_told_once_and_over_once_it_asks(follower: Follower, settings: LazySettings) -> None:
    assert revocation_feed.sweep() == 0  # it has never asked: that is shown, and no news
    follower.read()
    assert revocation_feed.sweep() == 0
    settings.FEED_STALE_SECONDS = -1
    assert revocation_feed.sweep() == 1
    assert revocation_feed.sweep() == 0
    assert EnforcementPoint.objects.get().stale_since is not None
    (event,) = events("enforcement_point.stale")
    assert event.actor == "system/expiry-sweeper"
    follower.read()
    assert EnforcementPoint.objects.get().stale_since is None
    assert len(events("enforcement_point.returned")) == 1


def test_a_revoked_point_reads_nothing(follower: Follower) -> None:
    from governance.services import enforcement_points

    enforcement_points.revoke(actor=SYSTEM, point=follower.point)
    assert follower.get().status_code == 401
    follower.refuses(ACK, {"number": 0}, status=401)


def test_the_feed_is_in_the_metadata() -> None:
    found = json.loads(Client().get("/.well-known/authzen-configuration").content)
    assert found["countersign_revocations_endpoint"].endswith(FEED)
    assert found["countersign_revocations_acknowledgement_endpoint"].endswith(ACK)
