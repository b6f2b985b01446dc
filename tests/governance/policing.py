"""The life of a policy version in tests: written, tried out, proposed and approved by two people."""

from collections.abc import Sequence

from agents.models import Person
from governance import selectors
from governance.models import PolicyVersion
from governance.services import policies, policy_trials, policy_votes
from governance.services.board import assign_seat
from tests.conftest import SEATS, add
from tests.signing_in import proof

PERMIT = "permit (principal, action, resource);"
SCHEMA = (
    "entity user { role?: String }; entity record; "
    'action "read" appliesTo { principal: user, resource: record };'
)
AGENT_SCHEMA = """
entity Agent;
entity AgentInstance in [Agent];
entity endpoint, finding;
type Grant = { id: String, resource: String, elevated: Bool };
type About = {
    access: String, intent: String, time: { epoch: Long, hour: Long, weekday: Long }, environment: String,
    autonomy: String, business_unit: String, data_categories: Set<String>, owner: String,
    risk_class?: String, sensitivity?: String, grant?: Grant
};
action "get_vulnerability_info", "open_ticket" appliesTo {
    principal: AgentInstance, resource: [endpoint, finding], context: About
};
"""
BOTH_SCHEMA = f"{AGENT_SCHEMA} {SCHEMA}"


def _person(username: str) -> Person:
    return Person.objects.filter(username=username).first() or add(username)


def author() -> Person:
    return _person("ada")


def board() -> list[Person]:
    """Two people with a seat: those who have one now, else seated."""
    found = [seat.person for seat in selectors.current_seats().select_related("person").order_by("pk")]
    for name in ("sasha", "carla"):
        if len(found) < policy_votes.APPROVERS:
            person = _person(name)
            assign_seat(actor=author(), person=person, discipline=SEATS[name])
            found.append(person)
    return found[: policy_votes.APPROVERS]


def draft(
    text: str = PERMIT, schema: str = SCHEMA, entities: str = "[]", by: Person | None = None
) -> PolicyVersion:
    return policies.draft(
        actor=(by or author()).actor, policies={"a.cedar": text}, schema=schema, entities=entities
    )


def valid(text: str = PERMIT, schema: str = SCHEMA, by: Person | None = None) -> PolicyVersion:
    written = draft(text, schema, by=by)
    return policies.validate(actor=(by or author()).actor, version=written)


def in_shadow(text: str = PERMIT, schema: str = SCHEMA) -> PolicyVersion:
    return policy_trials.start_shadow(actor=author().actor, version=valid(text, schema))


def proposed(text: str = PERMIT, schema: str = SCHEMA) -> PolicyVersion:
    return propose(valid(text, schema))


def propose(version: PolicyVersion) -> PolicyVersion:
    """A validated version, tried out and proposed by its administrator."""
    policy_trials.replay(actor=author().actor, version=version)
    policy_trials.start_shadow(actor=author().actor, version=version)
    return policy_votes.propose(actor=author(), version=version)


def vote(person: Person, version: PolicyVersion, choice: str = "approve", digest: str = "") -> PolicyVersion:
    return policy_votes.vote(
        actor=person,
        version=version,
        choice=choice,
        digest=digest or version.sha256,
        authentication=proof(person),
        comment="Read it.",
    )


def approve(version: PolicyVersion, approvers: Sequence[Person] = ()) -> PolicyVersion:
    """A validated version on its whole way to active."""
    propose(version)
    for person in approvers or board():
        version = vote(person, version)
    return version


def active(text: str = PERMIT, schema: str = SCHEMA) -> PolicyVersion:
    """Decides from now on, whatever did before."""
    return approve(valid(text, schema))
