"""Policy versions by API: written and tried out; approved by nobody's token."""

from typing import Any

import pytest

from agents.models import Person
from governance.models import Decision, PolicyDifference, PolicyVersion, PolicyVote
from tests.api.calling import caller, problem
from tests.authzen.asking import Asker
from tests.governance import policing
from tests.governance.policing import PERMIT, SCHEMA

pytestmark = pytest.mark.django_db
TEXT: dict[str, Any] = {"policies": {"a.cedar": PERMIT}, "schema": SCHEMA, "title": "Everybody reads"}


def test_a_version_is_written_and_tried_out(ada: Person) -> None:
    admin = caller(ada)
    made = admin.post("policy-versions", TEXT | {"policies": {"a.cedar": "permit"}})
    assert made.status_code == 201, made.content
    where = made["Location"].removeprefix("/api/v1/")
    assert made.json()["state"] == "draft"
    wrong = admin.post(f"{where}/validation", {})
    assert problem(wrong, 422, "invalid")["detail"].startswith(
        "a.cedar cannot be read: a.cedar, line 1, column 1"
    )
    edited = admin.call("PATCH", where, b'{"policies": {"a.cedar": "permit (principal, action, resource);"}}')
    assert edited.status_code == 200, edited.content
    assert edited.json()["schema"] == SCHEMA
    assert admin.post(f"{where}/validation", {}).json()["state"] == "validated"
    replay = admin.post(f"{where}/replays", {"last": 10})
    assert (replay.status_code, replay.json()["replayed"]) == (201, 0)
    assert admin.post(f"{where}/shadow", {}).json()["state"] == "shadow"
    assert admin.post(f"{where}/shadow-end", {}).json()["state"] == "validated"
    assert admin.post(f"{where}/withdrawal", {"reason": "Not now."}).json()["state"] == "withdrawn"
    assert [row["label"] for row in admin.get("policy-versions").json()["results"]] == ["cedar/1"]
    assert len(admin.get("policy-replays").json()["results"]) == 1


def test_nobody_approves_by_token() -> None:
    version = policing.proposed()
    for person in policing.board():
        answered = caller(person).post(f"policy-versions/{version.pk}/votes", {"digest": version.sha256})
        problem(answered, 403, "voting-needs-a-person")
    assert not PolicyVote.objects.exists()
    assert PolicyVersion.objects.get().state == "proposed"


@pytest.mark.parametrize("verb", ["proposal", "rollback", "activation", "approval"])
def test_there_is_no_address_that_activates(ada: Person, verb: str) -> None:
    version = policing.in_shadow()
    assert caller(ada).post(f"policy-versions/{version.pk}/{verb}", {}).status_code == 404


def test_who_may_not_write_policies_is_refused(sasha: Person) -> None:
    """A board member sees them, and writes none."""
    version = policing.valid()
    member = caller(sasha)
    assert member.get(f"policy-versions/{version.pk}").json()["policies"] == {"a.cedar": PERMIT}
    problem(member.post("policy-versions", TEXT), 403, "denied")
    for verb, body in (("replays", {}), ("shadow", {}), ("withdrawal", {"reason": "No."})):
        problem(member.post(f"policy-versions/{version.pk}/{verb}", body), 403, "denied")


def test_what_a_shadow_noticed_is_listed(ada: Person) -> None:
    asker = Asker()
    policing.active()
    asker.decides()
    version = policing.in_shadow("forbid (principal, action, resource);")
    PolicyDifference.objects.create(
        version=version,
        decision=Decision.objects.get(),
        allowed=False,
        reason="forbidden_by_policy",
        message="No.",
    )
    (row,) = caller(ada).get("policy-differences", {"version": str(version.pk)}).json()["results"]
    assert (row["allowed"], row["reason"]) == (False, "forbidden_by_policy")
