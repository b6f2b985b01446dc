"""Promise 5, against the API: no token votes, and none gives what asks for a person at the portal."""

import ast
import json
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from django.test import Client

from agents.choices import TokenScope
from agents.models import Agent, Person
from audits.models import Event
from governance.choices import VoteChoice
from governance.models import Approval, Seat, Vote
from governance.services import approvals
from tests.api.calling import Caller, caller, problem, routes

ROOT = Path(__file__).parents[2]
API = [
    path
    for room in ("audits", "agents", "governance", "portal")
    for path in (ROOT / room / "api").rglob("*.py")
]
# What gives access, rights or ways in, and so asks in the portal for a fresh proof of who it is.
NEVER = {
    "governance.services.approvals", "governance.services.board", "governance.services.enforcement_points",
    "governance.services.policy_votes", "agents.services.second_factors", "audits.services.erasure",
    "agents.services.delegations", "governance.services.unfreezing", "governance.services.kills",
}  # fmt: skip
# Taking a request back decides nothing: of the module of votes this is all that the API has.
WITHDRAWING = ("governance/api/withdrawal.py", "governance.services.approvals")
# The decision point is another interface, with credentials of its own; and tokens are only read here.
ALLOWED = {
    ("governance/api/http.py", "governance.services.enforcement_points"),
    WITHDRAWING,
}
NEVER_CALLED = {
    "invite", "accept_invitation", "change_password", "lift_lockout", "vote", "assign_seat", "sign",
    "promote", "offer", "accept", "attest", "confirm",
}  # fmt: skip


def ballot(approval: Approval) -> dict[str, Any]:
    return {
        "choice": VoteChoice.APPROVE.value,
        "digest": approval.digest,
        "approval": str(approval.pk),
        "comment": "",
        "vote": "approve",
        "state": "approved",
    }


def test_the_address_where_one_would_look_says_no(members: list[Person], submitted: Approval) -> None:
    for member in members:
        answered = caller(member).post(f"approvals/{submitted.pk}/votes", ballot(submitted))
        problem(answered, 403, "voting-needs-a-person")
    assert not Vote.objects.exists()
    submitted.refresh_from_db()
    assert submitted.state == "pending"


def test_no_route_reaches_the_vote(
    ada: Person, sasha: Person, submitted: Approval, active_elsewhere: Agent
) -> None:
    """Every method of every address, as a board member and as an administrator, with a ballot in hand."""
    ids = [str(submitted.pk), str(submitted.subject_id), str(sasha.pk), str(active_elsewhere.pk)]
    asked = 0
    with patch.object(approvals, "vote", side_effect=AssertionError("the API voted")) as vote:
        for person in (sasha, ada):
            voter = caller(person)
            for method, path in routes():
                if path.endswith(("deactivation", "reactivation")):
                    continue  # they would end the voter's own token, and vote for nobody
                for one in ids:
                    there = path.replace("{id}", one).replace("{slug}", submitted.agent.slug)
                    body = json.dumps(ballot(submitted)).encode()
                    voter.call(method.upper(), there.replace("{label}", "1.0.0"), body)
                    asked += 1
    assert asked > 400
    assert not vote.called
    assert not Vote.objects.exists()
    assert not Event.objects.filter(action="approval.voted").exists()


@pytest.fixture
def active_elsewhere(olivia: Person) -> Agent:
    return Agent.objects.create(slug="other", name="Other", purpose="x", business_unit="x", owner=olivia)


@pytest.mark.parametrize("verb", ["PUT", "PATCH", "DELETE", "OPTIONS", "POST"])
@pytest.mark.parametrize("suffix", ["", "/votes", "/vote", "/approval", "/resolution"])
def test_no_other_method_votes_either(sasha: Person, submitted: Approval, verb: str, suffix: str) -> None:
    answered = caller(sasha).call(
        verb, f"approvals/{submitted.pk}{suffix}", json.dumps(ballot(submitted)).encode()
    )
    assert answered.status_code in {403, 404, 405}
    assert not Vote.objects.exists()


def test_a_token_is_no_session(sasha: Person, submitted: Approval, client: Client) -> None:
    """The pages where people vote do not take it."""
    headers = caller(sasha)._headers
    for action in ("approve", "reject", "abstain"):
        page = f"/admin/governance/approval/{submitted.pk}/{action}/"
        answered = client.post(page, {"digest": submitted.digest}, headers=headers)
        assert answered.status_code in {302, 403, 404}
    assert not Vote.objects.exists()


def test_no_token_seats_anybody(ada: Person, oscar: Person) -> None:
    for path in ("seats", "board/seats"):
        answered = caller(ada).post(path, {"person": str(oscar.pk), "discipline": "legal"})
        assert answered.status_code in {404, 405}
    assert not Seat.objects.exists()


def test_no_token_makes_a_token(ada: Person) -> None:
    """A stolen one does not live on in another."""
    mine = caller(ada)
    for path in ("tokens", "api-tokens", "me/tokens", "me"):
        assert mine.post(path, {"name": "more", "scope": "write"}).status_code in {404, 405}


def test_the_api_imports_nothing_that_asks_for_a_person() -> None:
    assert len(API) > 25
    found = {
        (str(path.relative_to(ROOT)), name)
        for path in API
        for name in _imported(path)
        if name in NEVER or name.rpartition(".")[2] in NEVER_CALLED
    }
    assert found <= ALLOWED
    of_votes = {name for name in _imported(ROOT / WITHDRAWING[0]) if name.startswith(WITHDRAWING[1])}
    assert of_votes == {WITHDRAWING[1], f"{WITHDRAWING[1]}.withdraw"}
    called = {(path.name, name) for path in API for name in _called(path) if name in NEVER_CALLED}
    assert called == set()


def _imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
    return names


def _called(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {
        node.func.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    }


def test_a_reader_of_approvals_still_cannot_vote(aude: Person, submitted: Approval) -> None:
    reader: Caller = caller(aude, TokenScope.READ)
    assert reader.get(f"approvals/{submitted.pk}").status_code == 200
    problem(reader.post(f"approvals/{submitted.pk}/votes", ballot(submitted)), 403, "insufficient-scope")
