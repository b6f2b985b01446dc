"""A protected function runs only where it was allowed, and what came of it is reported."""

import pytest

from countersign_client import (
    Ambiguous,
    CountersignError,
    Denied,
    Feed,
    Guard,
    NeverRan,
    Refused,
    Stale,
    Unreachable,
)
from tests.client.scripted import DENIED, Scripted, page


def guarded(portal: Scripted, ran: list[str], *, writes: bool = True, feed: Feed | None = None):  # type: ignore[no-untyped-def]
    guard = Guard(portal.point, subject="agent/stock-agent", feed=feed)

    @guard.protects("add_note", "item/{number}", writes=writes, intent="Restock.")
    def add_note(number: str, text: str = "") -> str:
        """Adds a note."""
        ran.append(number)
        if text == "never":
            raise NeverRan("The shelf is locked.")
        if text == "ambiguous":
            raise Ambiguous("No answer after it was sent.")
        if text == "fails":
            raise KeyError(number)
        return "done"

    return add_note


def test_it_asks_for_exactly_this_call() -> None:
    portal, ran = Scripted(), list[str]()
    assert guarded(portal, ran)(number="4711") == "done"
    path, asked = portal.asked[0]
    assert path == "/access/v1/evaluation"
    assert asked == {
        "subject": {"type": "agent", "id": "stock-agent"},
        "action": {"name": "add_note"},
        "resource": {"type": "item", "id": "4711"},
        "context": {"intent": "Restock."},
    }
    assert portal.outcomes == [{"evaluation_id": "e-1", "outcome": "executed"}]


def test_what_is_denied_does_not_run() -> None:
    portal, ran = Scripted(decision=DENIED), list[str]()
    with pytest.raises(Denied, match="write elevation") as denied:
        guarded(portal, ran)("4711")
    assert (ran, portal.outcomes) == ([], [])
    assert (denied.value.reason, denied.value.requestable) == ("no_elevation", True)
    assert denied.value.access_request["binding_token"] == "b"


@pytest.mark.parametrize(
    ("text", "error", "outcome"),
    [
        ("never", NeverRan, {"outcome": "never_ran", "detail": "The shelf is locked."}),
        ("ambiguous", Ambiguous, {"outcome": "ambiguous", "detail": "No answer after it was sent."}),
        ("fails", KeyError, {"outcome": "failed", "detail": "KeyError"}),
    ],
)
def test_what_went_wrong_is_reported_and_raised(
    text: str, error: type[Exception], outcome: dict[str, str]
) -> None:
    portal, ran = Scripted(), list[str]()
    with pytest.raises(error):
        guarded(portal, ran)("4711", text)
    assert portal.outcomes == [{"evaluation_id": "e-1"} | outcome]


@pytest.mark.parametrize("writes", [True, False])
def test_without_an_answer_nothing_runs(*, writes: bool) -> None:
    portal, ran = Scripted(down=True), list[str]()
    with pytest.raises(Unreachable):
        guarded(portal, ran, writes=writes)("4711")
    assert ran == []


@pytest.mark.parametrize(
    "decision", [{}, [], "yes", {"decision": "true"}, {"decision": 1}, {"decision": None}, {"allowed": True}]
)
def test_what_is_no_plain_true_allows_nothing(decision: object) -> None:
    portal, ran = Scripted(decision=decision), list[str]()
    with pytest.raises(CountersignError):
        guarded(portal, ran)("4711")
    assert ran == []


def test_a_report_that_fails_does_not_undo_what_was_done(caplog: pytest.LogCaptureFixture) -> None:
    portal, ran = Scripted(outcome_status=503), list[str]()
    assert guarded(portal, ran)("4711") == "done"
    assert "e-1 was not reported" in caplog.text


def test_a_write_waits_for_the_feed() -> None:
    portal, ran = Scripted(feed=[page(next=0)]), list[str]()
    feed = Feed(portal.point)
    write, read = guarded(portal, ran, feed=feed), guarded(portal, ran, writes=False, feed=feed)
    with pytest.raises(Stale):
        write("4711")
    assert read("4711") == "done"
    feed.read_once()
    assert write("4711") == "done"


def test_a_wrong_call_is_wrong_before_anybody_is_asked() -> None:
    portal, ran = Scripted(), list[str]()
    with pytest.raises(TypeError):
        guarded(portal, ran)("4711", "x", "y")
    assert portal.asked == []


def test_refusals_in_both_forms_are_read() -> None:
    import httpx2

    from countersign_client import EnforcementPoint, Portal, Question
    from tests.client.carrying import answered

    for status, body, said in [
        (401, "No live credential.", "No live credential."),
        (
            400,
            {"type": "https://x/malformed", "title": "Malformed", "detail": "subject is missing"},
            "subject",
        ),
    ]:
        transport = httpx2.MockTransport(lambda _request, s=status, b=body: answered(s, b))
        point = EnforcementPoint(Portal("https://p.example.org", transport=transport), credential="c")
        with pytest.raises(Refused, match=said):
            point.ask(Question("agent/x", "read", "item/1"))
