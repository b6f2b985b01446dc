"""Probes: a canary that has ended is shown to an enforcement point, and what it does is kept."""

import base64
import json
from io import StringIO

import httpx2
import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, transaction
from django.test import Client
from django.urls import reverse

from agents import outbound
from agents.models import Notification, Person, Revocation
from audits.errors import Conflict, Denied, Invalid
from governance import tasks
from governance.choices import ProbeOutcome
from governance.models import EnforcementPoint, Probe
from governance.services import enforcement_points, probes
from tests.authzen.asking import EVALUATION, SYSTEM
from tests.feed.points import Follower, following, guarding
from tests.governance.story import events
from tests.oauth.client import claims_of, introspect

pytestmark = pytest.mark.django_db
URL = "https://crm.example.org/customers?limit=1"


@pytest.fixture
def follower(db: None, monkeypatch: pytest.MonkeyPatch) -> Follower:
    monkeypatch.setattr(probes, "PATIENCE_SECONDS", 0.2)
    return Follower()


def answering(status: int, seen: list[httpx2.Request] | None = None) -> httpx2.MockTransport:
    def answer(request: httpx2.Request) -> httpx2.Response:
        if seen is not None:
            seen.append(request)
        return httpx2.Response(status)

    return httpx2.MockTransport(answer)


def probed(follower: Follower, status: int) -> Probe:
    follower.declare(probe_url=URL)
    with outbound.replaced_by(answering(status)):
        return probes.probe(actor=SYSTEM, point=follower.point)


@pytest.mark.parametrize(
    ("status", "outcome"),
    [(401, "refused"), (403, "refused"), (200, "let_through"), (204, "let_through"), (302, "unclear"),
     (400, "unclear"), (404, "unclear"), (429, "unclear"), (500, "unclear")],
)  # fmt: skip
def test_only_a_refusal_is_a_refusal(follower: Follower, status: int, outcome: str) -> None:
    made = probed(follower, status)
    assert (made.outcome, made.status, made.acknowledged) == (outcome, status, False)
    assert len(events("enforcement_point.probed", "failed" if outcome == "let_through" else "success")) == 1


def test_the_canary_is_worth_nothing_anywhere(follower: Follower) -> None:
    seen: list[httpx2.Request] = []
    follower.declare(probe_url=URL)
    with outbound.replaced_by(answering(401, seen)):
        made = probes.probe(actor=SYSTEM, point=follower.point)
    (request,) = seen
    assert str(request.url) == URL
    token = request.headers["Authorization"].removeprefix("Bearer ")
    claims = claims_of(token)
    assert claims["aud"] == "https://crm.example.org"
    assert claims["sub"].startswith("spiffe://countersign.local/canary/")
    revocation = Revocation.objects.get()
    assert (revocation.number, revocation.level, revocation.subject) == (
        made.number,
        "instance",
        claims["sub"],
    )
    assert claims["epoch"] < made.number
    assert introspect(Client(), token, follower.credential).json() == {"active": False}
    asked = {
        "subject": {"type": "agent_instance", "id": claims["sub"]},
        "action": {"name": claims["authorization_details"][0]["actions"][0]},
        "resource": {"type": "countersign", "id": "canary"},
    }
    assert follower.ask(EVALUATION, asked)["decision"] is False
    header = json.loads(base64.urlsafe_b64decode(token.split(".")[0] + "=="))
    assert (header["typ"], header["alg"]) == ("at+jwt", "ES256")


def test_no_two_canaries_are_alike(follower: Follower) -> None:
    for _ in range(3):
        probed(follower, 401)
    assert Revocation.objects.values("subject").distinct().count() == 3


def test_who_cannot_be_reached_has_confirmed_nothing(follower: Follower) -> None:
    def away(_request: httpx2.Request) -> httpx2.Response:
        raise httpx2.ConnectError("no route")

    follower.declare(probe_url=URL)
    with outbound.replaced_by(httpx2.MockTransport(away)):
        made = probes.probe(actor=SYSTEM, point=follower.point)
    assert (made.outcome, made.status, made.error) == ("unreachable", None, "no route")


def test_a_private_address_is_not_called_unless_an_operator_named_it(follower: Follower) -> None:
    with guarding(lambda _token: 200) as url:
        follower.declare(probe_url=url)
    made = probes.probe(actor=SYSTEM, point=follower.point)
    assert made.outcome == "unreachable"
    assert "not a public address" in made.error


def test_administrators_are_told_once_until_it_refuses_again(follower: Follower, ada: Person) -> None:
    told = Notification.objects.filter(person=ada, kind="point_lets_through")
    for _ in range(2):
        probed(follower, 200)
    assert told.count() == 1
    assert "crm-gateway" in told.get().title
    probed(follower, 401)
    assert told.get().read_at is not None
    probed(follower, 200)
    assert told.count() == 2


def test_a_probe_does_not_change(follower: Follower) -> None:
    probed(follower, 200)
    with pytest.raises(DatabaseError, match="does not change"), transaction.atomic():
        Probe.objects.update(outcome=ProbeOutcome.REFUSED)


@pytest.mark.parametrize(
    "url",
    ["http://crm.example.org/", "ftp://crm.example.org/", "https://user:secret@crm.example.org/", "crm",
     "https://crm.example.org/#part", "https://" + "a" * 500, "javascript:alert(1)", "https://"],
)  # fmt: skip
def test_a_probe_goes_to_no_other_address(follower: Follower, url: str) -> None:
    with pytest.raises(Invalid) as refused:
        follower.declare(probe_url=url)
    assert set(refused.value.fields) == {"probe_url"}


def test_what_may_not_be_declared_or_probed(follower: Follower, oscar: Person) -> None:
    with pytest.raises(Invalid):
        follower.declare(mode="trusts")
    with pytest.raises(Denied):
        enforcement_points.declare(actor=oscar.actor, point=follower.point, mode="asks", probe_url="")
    with pytest.raises(Denied):
        probes.probe(actor=oscar.actor, point=follower.point)
    with pytest.raises(Conflict):
        probes.probe(actor=SYSTEM, point=follower.point)  # nobody said where
    enforcement_points.revoke(actor=SYSTEM, point=follower.point)
    with pytest.raises(Conflict):
        probes.probe(actor=SYSTEM, point=follower.point)
    with pytest.raises(Conflict):
        follower.declare()
    assert len(events("enforcement_point.probe_started", "denied")) == 1
    assert len(events("enforcement_point.declared", "denied")) == 1
    assert not Revocation.objects.exists()


def test_what_was_declared_is_recorded_with_who_did(follower: Follower, ada: Person) -> None:
    point = enforcement_points.declare(actor=ada.actor, point=follower.point, mode="asks", probe_url=URL)
    assert (point.mode, point.probe_url, point.declared_by) == ("asks", URL, ada.actor.ref)
    (event,) = events("enforcement_point.declared")
    assert event.actor == ada.actor.ref
    assert point.history.count() == 2


def test_the_task_probes_those_of_which_somebody_said_where(follower: Follower) -> None:
    other = Follower("other")
    follower.declare(probe_url=URL)
    assert probes.due() == [follower.point]
    with outbound.replaced_by(answering(403)):
        for point in (follower.point, other.point):
            tasks.probe_enforcement_point(str(point.pk))
    assert Probe.objects.get().by == "system/canary-probe"


def test_the_command_declares_and_probes(follower: Follower) -> None:
    said = StringIO()
    call_command(
        "enforcement_point", "declare", "crm-gateway", "--mode", "asks", "--probe-url", URL, stdout=said
    )
    with outbound.replaced_by(answering(401)):
        call_command("enforcement_point", "probe", "crm-gateway", stdout=said)
    assert said.getvalue().splitlines() == ["crm-gateway: declared.", "crm-gateway: refused it (401)."]
    with outbound.replaced_by(answering(200)), pytest.raises(CommandError, match="let it through"):
        call_command("enforcement_point", "probe", "crm-gateway", stdout=said)


def test_the_page_declares_and_probes(client: Client, ada: Person, follower: Follower) -> None:
    client.force_login(ada)
    there = {name: reverse(f"admin:governance_enforcementpoint_{name}", args=[follower.point.pk])
             for name in ("declare", "probe", "change")}  # fmt: skip
    given = {"_form_submitted": "on", "mode": "follows", "probe_url": "http://crm.example.org"}
    assert "Use https" in client.post(there["declare"], given).content.decode()
    client.post(there["declare"], given | {"probe_url": URL})
    assert URL in client.get(there["declare"]).content.decode()
    with outbound.replaced_by(answering(200)):
        client.post(there["probe"], {"_form_submitted": "on"})
    assert "Let it through" in client.get(there["change"]).content.decode()
    assert EnforcementPoint.objects.get().declared_by == ada.actor.ref


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("heed", "outcome"), [(True, "refused"), (False, "let_through")])
def test_a_point_on_the_network_that_heeds_the_feed_and_one_that_lies(heed: bool, outcome: str) -> None:  # noqa: FBT001
    """Both acknowledge every number; only what they do with the canary tells them apart."""
    follower = Follower()
    with following(follower, heed=heed) as answer, guarding(answer) as url:
        follower.declare(probe_url=url)
        made = probes.probe(actor=SYSTEM, point=follower.point)
    assert (made.outcome, made.acknowledged) == (outcome, True)


@pytest.mark.django_db(transaction=True)
def test_a_point_on_the_network_that_asks_each_time() -> None:
    follower = Follower()

    def answer(token: str) -> int:
        from django.db import connections

        try:
            active = introspect(Client(), token, follower.credential).json()["active"]
        finally:
            connections.close_all()
        return 200 if active else 401

    with guarding(answer) as url:
        follower.declare(mode="asks", probe_url=url)
        made = probes.probe(actor=SYSTEM, point=follower.point)
    assert made.outcome == "refused"
