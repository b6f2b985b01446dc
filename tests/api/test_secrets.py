"""Secrets by API: where they are and what became of them; never what they are."""

from pathlib import Path

import pytest
from django.conf import LazySettings

from agents.models import Agent, Person
from agents.services import secrets
from tests.agents.secret_story import CALL, CANARY, allowed, file_secret
from tests.api.calling import Caller, caller, problem
from tests.api.test_resources import made, read
from tests.governance.story import start_instance

GIVEN = {"slug": "crm", "purpose": "Reads customers.", "owner": "olivia", "rotate_on": ["person_left"]}


@pytest.fixture
def owner(olivia: Person) -> Caller:
    return caller(olivia)


@pytest.fixture
def administrator(ada: Person) -> Caller:
    return caller(ada)


def test_an_administrator_adds_one_and_says_where_it_is(
    administrator: Caller, owner: Caller, settings: LazySettings, tmp_path: Path
) -> None:
    settings.SECRETS_DIR = str(tmp_path)
    given = GIVEN | {"uri": f"file://{tmp_path}/crm"}
    problem(owner.post("secret-references", given), 403, "denied")
    one = made(administrator.post("secret-references", given))
    assert (one["owner"]["username"], one["rotator"], one["allowed"]) == ("olivia", "person", [])
    told = problem(administrator.post("secret-references", given | {"uri": CANARY}), 422, "invalid")
    assert [error["pointer"] for error in told["errors"]] == ["/uri"]
    assert "Use one of: vault://" in str(told)
    assert CANARY not in str(told)
    told = problem(administrator.post("secret-references", given | {"value": CANARY}), 422, "invalid")
    assert CANARY not in str(told)
    problem(administrator.post("secret-references", given), 409, "conflict")


def test_its_owner_rotates_it_declares_it_breached_and_ends_what_was_given(
    owner: Caller, oscar: Person, active_analyst: Agent, settings: LazySettings, tmp_path: Path
) -> None:
    allowed(file_secret(active_analyst.owner, settings, tmp_path), active_analyst)
    with secrets.get_secret(reference="nvd-key", instance=start_instance(active_analyst), task=CALL):
        pass
    one = read(owner.get("secret-references/nvd-key"))
    assert [use["agent"]["slug"] for use in one["allowed"]] == [active_analyst.slug]
    (lease,) = read(owner.get("secret-leases?secret=nvd-key"))["results"]
    assert (lease["action"], lease["ended_at"]) == (CALL.action, None)
    problem(caller(oscar).post("secret-references/nvd-key/rotation", {}), 404, "not-found")
    assert read(owner.post("secret-references/nvd-key/lease-end", {})) == {"ended": 1}
    assert read(owner.post("secret-references/nvd-key/rotation", {}))["state"] == "waiting"
    breached = read(owner.post("secret-references/nvd-key/breach", {"what": "In a log."}))
    assert breached["reason"] == "breach"
    assert len(read(owner.get("secret-rotations?secret=nvd-key"))["results"]) == 1
    assert read(owner.get("secret-references/nvd-key"))["breached_at"]
    ended = read(owner.post("secret-references/nvd-key/end", {"reason": "It moved."}))
    assert (bool(ended["ended_at"]), ended["allowed"]) == (True, [])
    assert CANARY not in str(read(owner.get("secret-references")))
