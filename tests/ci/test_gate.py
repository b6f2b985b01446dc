"""May this build be deployed? Only exactly what was approved, unedited, with all ten gates met (S1-4)."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from agents.analyst import provenance
from agents.models import Agent, Person
from agents.services import people, register
from audits.errors import Denied
from audits.models import Bundle
from governance.choices import Gate
from governance.models import GateSignature
from governance.services import gates
from tests.ci.asking import Asker
from tests.conftest import SETUP
from tests.governance import ready
from tests.governance.story import events, version_of

pytestmark = pytest.mark.django_db


def test_what_was_approved_may_be_deployed(deployable: Agent) -> None:
    version = version_of(deployable)
    asker = Asker(deployable)
    for name in (version.digest, version.label):
        found = asker.ask(deployable, name, commit=version.code_commit)
        assert (found["allowed"], found["reasons"]) == (True, [])
    assert found["version"] == {"label": version.label, "digest": version.digest}
    assert [gate["gate"] for gate in found["gates"]] == Gate.values
    assert {gate["state"] for gate in found["gates"]} == {"met"}
    assert found["approval"]["digest"] == deployable.approved_digest
    assert len(events("gate.asked")) == 2


def test_what_is_not_approved_may_not(olivia: Person, deployable: Agent) -> None:
    newer = register.add_version(
        actor=olivia, agent=deployable, label="2", provenance=replace(provenance.current(), model_version="2")
    )
    found = Asker(deployable).ask(deployable, newer.digest)
    assert not found["allowed"]
    assert found["approval"] is None
    assert "The board has not approved this version." in found["reasons"]
    assert any(reason.startswith("Testing: ") for reason in found["reasons"])
    assert len(events("gate.asked", "denied")) == 1


def test_what_the_register_does_not_know_may_not(deployable: Agent) -> None:
    found = Asker(deployable).ask(deployable, "f" * 64)
    assert (found["allowed"], found["version"], found["gates"]) == (False, None, [])
    assert "no such version" in found["reasons"][0]


def test_another_commit_may_not(deployable: Agent) -> None:
    found = Asker(deployable).ask(deployable, "1.0.0", commit="0" * 40)
    assert "not from 0000" in found["reasons"][0]


def _edited(agent: Agent, owner: Person, _member: Person, _administrator: Person) -> None:
    register.amend(actor=owner, agent=agent, changes={"purpose": "Something else."})


def _failed_since(agent: Agent, owner: Person, _member: Person, _administrator: Person) -> None:
    ready.record(
        owner.actor, version_of(agent), "functional", outcome="failed", failed=1, suite="functional/all"
    )


def _taken_back(agent: Agent, _owner: Person, member: Person, _administrator: Person) -> None:
    signature = GateSignature.objects.get(gate=Gate.MONITORING)
    gates.revoke_signature(actor=member, signature=signature, reason="It is not enough.")


def _owner_left(agent: Agent, owner: Person, _member: Person, administrator: Person) -> None:
    people.deactivate(actor=administrator.actor, person=owner)


def _frozen(agent: Agent, *_people: Person) -> None:
    Agent.objects.filter(pk=agent.pk).update(state="frozen")


def _tampered(agent: Agent, *_people: Person) -> None:
    Agent.objects.filter(pk=agent.pk).update(data_categories=["everything"])


@pytest.mark.parametrize(
    ("happens", "words"),
    [
        (_edited, "edited since"),
        (_failed_since, "the newest run failed"),
        (_taken_back, "Monitoring: It is not signed"),
        (_owner_left, "no active owner"),
        (_frozen, "frozen, not active"),
        (_tampered, "edited since"),
    ],
)
def test_what_changed_since_may_not(
    *,
    deployable: Agent,
    olivia: Person,
    sasha: Person,
    ada: Person,
    happens: Callable[[Agent, Person, Person, Person], None],
    words: str,
) -> None:
    happens(deployable, olivia, sasha, ada)
    found = Asker(deployable).ask(deployable, "1.0.0")
    assert not found["allowed"]
    assert any(words in reason for reason in found["reasons"]), found["reasons"]


def test_the_evidence_bundle_counts_after_the_approval(deployable: Agent, olivia: Person) -> None:
    Bundle.objects.all().delete()
    found = Asker(deployable).ask(deployable, "1.0.0")
    (reason,) = found["reasons"]
    assert reason.startswith("Compliance evidence: No evidence bundle")


def test_strangers_do_not_ask(deployable: Agent, oscar: Person, olivia: Person, ada: Person) -> None:
    with pytest.raises(Denied):
        gates.ask(actor=oscar.actor, agent=deployable, version="1.0.0")
    for actor in (olivia.actor, ada.actor, SETUP):
        assert gates.ask(actor=actor, agent=deployable, version="1.0.0").allowed


def ask_by_command(*arguments: str) -> tuple[int, str]:
    said = StringIO()
    try:
        call_command("gate", *arguments, stdout=said)
    except SystemExit as left:
        return int(str(left.code)), said.getvalue()
    return 0, said.getvalue()


def test_the_command_answers_by_its_exit_status(deployable: Agent) -> None:
    version = version_of(deployable)
    assert ask_by_command(deployable.slug, "--version", version.digest) == (
        0,
        "vulnerability-analyst 1.0.0: allowed\n",
    )
    status, said = ask_by_command(deployable.slug, "--version", "9.9")
    assert status == 1
    assert re.fullmatch(
        r"vulnerability-analyst 9\.9: not allowed\n- The register has no such version .*\n", said
    )
    status, said = ask_by_command(deployable.slug, "--version", "1.0.0", "--commit", "0" * 40, "--json")
    assert status == 1
    assert json.loads(said)["allowed"] is False
    with pytest.raises(CommandError) as caught:
        call_command("gate", "nobody", "--version", "1")
    assert caught.value.returncode == 2
