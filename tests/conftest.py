"""Named people and the one agent, the same in every test."""

import os
from collections.abc import Callable, Generator
from pathlib import Path

import hypothesis
import pytest
from django.conf import settings
from django.test import Client

import agents.signing
import audits.keys
from agents.analyst import provenance
from agents.models import Agent, AgentVersion, Person
from agents.services import people, register
from audits.actor import Actor
from governance import defaults
from governance.choices import Discipline, VoteChoice
from governance.models import Approval
from governance.services import approvals, board, dossiers, risk
from tests import signing_in

# Most tests are not about the deployment checklist (S1-27): here no risk class demands a gate before the
# board is asked, or each of them would first have to gather the evidence for ten. Tests that are about it
# put the demands back (`tests.governance.ready.demand_gates`), and the demo plays with them.
for figures in defaults.RISK_CLASSES.values():
    figures["gates"] = []

# How long an example takes says something about the machine, not about the product.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")

pytest_plugins = ["tests.audits.ledger"]
SETUP = Actor.system("test-setup")
PASSWORD = "correct-horse-battery-staple"
PEOPLE = {
    "ada": ("Ada", "Administrator", ()),
    "olivia": ("Olivia", "Owner", ("Owners",)),
    "daniel": ("Daniel", "Deputy", ("Owners",)),
    "sasha": ("Sasha", "Security", ("Board",)),
    "carla": ("Carla", "Compliance", ("Board",)),
    "leo": ("Leo", "Legal", ("Board",)),
    "petra": ("Petra", "Product", ("Board",)),
    "enzo": ("Enzo", "Engineering", ("Board",)),
    "aude": ("Aude", "Auditor", ("Auditors",)),
    "oscar": ("Oscar", "Outsider", ()),
    "stella": ("Stella", "Steward", ("Stewards",)),
    "dora": ("Dora", "Data Protection", ("Data protection",)),
    "dirk": ("Dirk", "Data Protection", ("Data protection",)),
}
SEATS = {
    "sasha": Discipline.SECURITY,
    "carla": Discipline.COMPLIANCE,
    "leo": Discipline.LEGAL,
    "petra": Discipline.PRODUCT,
    "enzo": Discipline.ENGINEERING,
}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Under CI a test that was skipped did not do its work: it fails."""
    report = yield
    if os.environ.get("CI") == "true" and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped under CI: {report.longrepr}"
    return report


@pytest.fixture(scope="session", autouse=True)
def keys() -> Path:
    """Keys of this test session, in the data folder of its own."""
    directory = Path(settings.KEYS_DIR)
    audits.keys.create(directory)
    agents.signing.create(directory)
    return directory


@pytest.fixture(autouse=True)
def signed_in_clients(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whom a test signs in has just proved who they are; tests of old sessions say otherwise."""
    monkeypatch.setattr(Client, "force_login", signing_in.force_login)


def add(username: str) -> Person:
    first, last, groups = PEOPLE[username]
    return people.add_person(
        actor=SETUP,
        username=username,
        first_name=first,
        last_name=last,
        email=f"{username}@example.org",
        password=PASSWORD,
        groups=groups,
        is_administrator=username == "ada",
    )


def _person_fixture(username: str) -> Callable[..., Person]:
    @pytest.fixture(name=username)
    def person(db: None) -> Person:
        return add(username)

    return person


ada, olivia, daniel, aude, oscar = map(_person_fixture, ("ada", "olivia", "daniel", "aude", "oscar"))
dora, dirk, stella = map(_person_fixture, ("dora", "dirk", "stella"))


def _seated_fixture(username: str) -> Callable[..., Person]:
    @pytest.fixture(name=username)
    def person(ada: Person) -> Person:
        member = add(username)
        board.assign_seat(actor=ada, person=member, discipline=SEATS[username])
        return member

    return person


sasha, carla, leo, petra, enzo = map(_seated_fixture, SEATS)


@pytest.fixture
def members(sasha: Person, carla: Person, leo: Person, petra: Person, enzo: Person) -> list[Person]:
    """The whole board, in the order of its seats."""
    return [sasha, carla, leo, petra, enzo]


@pytest.fixture
def analyst(olivia: Person, daniel: Person) -> Agent:
    return register.register_agent(
        actor=olivia,
        slug="vulnerability-analyst",
        name="Vulnerability analyst",
        purpose="Works through scanner reports and says what each vulnerability means.",
        business_unit="Security operations",
        owner=olivia,
        deputies=[daniel],
        data_categories=["vulnerability reports"],
    )


@pytest.fixture
def analyst_version(olivia: Person, analyst: Agent) -> AgentVersion:
    return register.add_version(actor=olivia, agent=analyst, label="1.0.0", provenance=provenance.current())


ANSWERS = {question.id: question.options[1].id for question in risk.QUESTIONS}


@pytest.fixture
def submitted(olivia: Person, analyst: Agent, analyst_version: AgentVersion) -> Approval:
    """The analyst's dossier, waiting for the board."""
    risk.assess(actor=olivia, agent=analyst, answers=ANSWERS)
    return dossiers.submit(actor=olivia, version=analyst_version)


@pytest.fixture
def active_analyst(submitted: Approval, members: list[Person]) -> Agent:
    """The analyst, approved by the whole board and active."""
    for member in members:
        submitted.refresh_from_db()
        if submitted.state != "pending":
            break
        approvals.vote(
            actor=member,
            approval=submitted,
            choice=VoteChoice.APPROVE,
            digest=submitted.digest,
            authentication=signing_in.proof(member),
        )
    agent = submitted.agent
    agent.refresh_from_db()
    return agent
