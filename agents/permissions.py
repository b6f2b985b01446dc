"""Who may do what in the register. Each predicate returns why not, or None."""

from collections.abc import Collection

from django.conf import settings
from django.utils import timezone

from agents import selectors
from agents.authentication import Authentication
from agents.choices import Access, AgentState, TokenRefusal
from agents.models import Agent, ApiToken, Delegation, Handover, Person, SecretReference, Session
from audits.actor import Actor


def why_not_register(person: Person, *, owner: Person, deputies: Collection[Person]) -> str | None:
    """An agent is registered by those who will answer for it, or by an administrator (S4-1)."""
    if not person.is_active:
        return "Your account is not active."
    if person == owner or person in deputies or person.is_superuser:
        return None
    return "Only the agent's owner, a deputy or an administrator may register it."


def why_not_discover(person: Person) -> str | None:
    """Everybody who works here may say that they have found an agent nobody answers for."""
    return None if person.is_active else "Your account is not active."


def why_not_apply_agent_policy(actor: Actor) -> str | None:
    if actor.kind == "system" or selectors.is_active_administrator(actor):
        return None
    return "Only an administrator applies the agent policy."


def why_not_import(person: Person) -> str | None:
    """Each entry asks again: this only keeps a file away from those who may register nothing."""
    if person.is_active and person.has_perm("agents.add_agent"):
        return None
    return "Only owners and administrators import into the register."


def why_not_change(person: Person, agent: Agent) -> str | None:
    if not person.is_active:
        return "Your account is not active."
    if person.is_superuser or selectors.answers_for(str(person.pk), agent):
        return None
    return f"Only the owner or a deputy of {agent}, or an administrator, may change it."


def why_not_record_test(actor: Actor, agent: Agent) -> str | None:
    """Those who answer for it, administrators, and the product for a pipeline that it let in."""
    if actor.kind == "system" or selectors.is_active_administrator(actor):
        return None
    if selectors.is_active_person(actor) and selectors.answers_for(actor.id, agent):
        return None
    return f"Only the owner or a deputy of {agent}, an administrator or a pipeline may record its tests."


def why_not_act(agent: Agent) -> str | None:
    """Against whatever an agent does besides reading: it must be active and have an owner (promise 3)."""
    if agent.state == AgentState.OWNERLESS:
        return f"{agent} has no active owner: it may not act."
    if agent.state != AgentState.ACTIVE:
        return f"{agent} is not active: it may not act."
    if not agent.owner.is_active:
        return f"{agent} has no active owner: it may not act."
    if agent.reads_until is not None:
        return f"The sponsor of {agent} is gone: it may not act until it has another one."
    return None


def why_not_read(agent: Agent) -> str | None:
    """Against any access at all: where its owner or sponsor is gone, it reads until its time is over."""
    if agent.reads_until is None:
        return why_not_act(agent)
    if agent.state == AgentState.ACTIVE and not agent.owner.is_active:
        return f"{agent} has no active owner: it may not act."
    if agent.state not in {AgentState.ACTIVE, AgentState.OWNERLESS}:
        return f"{agent} is not active: it may not act."
    if agent.reads_until <= timezone.now():
        gone = "owner" if agent.state == AgentState.OWNERLESS else "sponsor"
        return f"The {gone} of {agent} is gone, and it read until {agent.reads_until:%Y-%m-%d %H:%M} UTC."
    return None


def why_not_use(agent: Agent, access: str) -> str | None:
    """Against one access of that kind."""
    return why_not_read(agent) if access == Access.READ else why_not_act(agent)


def why_not_offer(person: Person, agent: Agent) -> str | None:
    """Against offering an agent to somebody: its owner does; where it has none, an administrator
    or a steward."""
    if not person.is_active:
        return "Your account is not active."
    if agent.owner_id == person.pk and agent.ownerless_at is None:
        return None
    is_orphan = agent.ownerless_at is not None or not agent.owner.is_active
    if is_orphan and (person.is_superuser or selectors.is_steward(person)):
        return None
    return f"Only the owner of {agent} offers it; where it has none, an administrator or a steward."


def why_not_take_over(person: Person, handover: Handover) -> str | None:
    """Against accepting or declining an offer."""
    if person.pk != handover.to_id:
        return "This is offered to somebody else."
    return None if person.is_active else "Your account is not active."


def why_not_withdraw(person: Person, handover: Handover) -> str | None:
    """Against taking an offer back: who offered it does, or an administrator."""
    if person.is_active and (person.pk == handover.offered_by_id or person.is_superuser):
        return None
    return "Only who offered it or an administrator withdraws it."


def why_not_attest(person: Person, agent: Agent) -> str | None:
    """Against saying that an entry is still true: its owner answers for that, nobody else."""
    if person.is_active and person.pk == agent.owner_id and agent.ownerless_at is None:
        return None
    return f"Only the owner of {agent} says that its entry is still true."


def why_not_retire(person: Person, agent: Agent) -> str | None:
    if person.is_active and (person.is_superuser or person.pk == agent.owner_id):
        return None
    return f"Only the owner of {agent} or an administrator retires it."


def why_not_run(actor: Actor, agent: Agent) -> str | None:
    """Who triggers a run is on record (S4-1), and answers for the agent."""
    if actor.kind == "system" or selectors.is_active_administrator(actor):
        return None
    if selectors.is_active_person(actor) and selectors.answers_for(actor.id, agent):
        return None
    return f"Only the owner or a deputy of {agent}, or an administrator, may let it run."


def why_not_administer_people(actor: Actor) -> str | None:
    """Adding people, and saying who may sign in."""
    if actor.kind == "system" or selectors.is_active_administrator(actor):
        return None
    return "Only an administrator may add people, deactivate and reactivate them."


def why_not_deactivate(actor: Actor, person: Person) -> str | None:
    """Nobody deactivates themselves: so somebody is left who can undo it."""
    if actor == person.actor:
        return "Nobody deactivates themselves: ask another administrator."
    return why_not_administer_people(actor)


def why_not_manage_scim_clients(actor: Actor) -> str | None:
    """Against adding, rotating and revoking the credentials of those who provision people."""
    if actor.kind == "system" or selectors.is_active_administrator(actor):
        return None
    return "Only an administrator manages provisioning clients."


def why_not_provision(person: Person) -> str | None:
    """Against a directory's changing somebody: who holds its credential must not take the portal over."""
    if person.is_superuser and not settings.SCIM_ADMINISTRATORS:
        return (
            f"{person.username} is an administrator, and SCIM does not manage administrators here. An "
            "administrator does it in the portal, or sets COUNTERSIGN_SCIM_ADMINISTRATORS."
        )
    return None


def why_not_administer_secrets(actor: Actor) -> str | None:
    """Against saying where a secret is: whoever does chooses what the portal reads with its own rights."""
    if actor.kind == "system" or selectors.is_active_administrator(actor):
        return None
    return "Only an administrator adds references to secrets and changes them."


def why_not_keep_secret(actor: Actor, secret: SecretReference) -> str | None:
    """Against saying who may use it, rotating it and ending what was given of it."""
    if why_not_administer_secrets(actor) is None:
        return None
    if selectors.is_active_person(actor) and actor.id == str(secret.owner_id):
        return None
    return f"Only the owner of {secret} or an administrator may do this."


def why_not_reset_second_factors(actor: Actor, person: Person) -> str | None:
    """Nobody takes their own second factors off this way: a stolen session could."""
    if actor == person.actor:
        return "Nobody resets their own second factors: ask another administrator."
    return why_not_administer_people(actor)


def why_not_end_session(actor: Actor, session: Session) -> str | None:
    if actor.kind == "person" and actor.id == str(session.person_id):
        return None
    return why_not_administer_people(actor)


def why_not_confirmed(
    person: Person, authentication: Authentication, *, second_factor: bool = False
) -> str | None:
    """Against what asks for a recent sign-in: too long ago, without the second factor, or not theirs.

    The second factor is asked for where the person has one, and where the caller demands one.
    """
    if authentication.person != str(person.pk):
        return "This sign-in is somebody else's."
    if authentication.session and selectors.open_session(authentication.session, person) is None:
        return "This session has ended. Sign in again."
    if not authentication.is_recent:
        minutes = settings.REAUTHENTICATION_SECONDS / 60
        return f"Your sign-in is older than {minutes:g} minutes. Confirm that it is you, and try again."
    if not authentication.with_second_factor:
        return _why_not_by_one_factor(person, demanded=second_factor)
    return None


def _why_not_by_one_factor(person: Person, *, demanded: bool) -> str | None:
    if selectors.has_second_factor(person):
        return "Confirm that it is you with your second factor, and try again."
    if demanded:
        return "This needs a second factor, and you have none yet. Add one on your sign-in page."
    return None


def why_not_keep(person: Person, permission: str, what: str) -> str | None:
    """What all agents share, third parties and tools, is kept by stewards and administrators (S1-22)."""
    if not person.is_active:
        return "Your account is not active."
    if person.has_perm(permission):
        return None
    return f"Only a steward or an administrator may keep {what}. Ask one of them."


def why_not_set_egress(person: Person, agent: Agent) -> str | None:
    """Against saying what an agent may reach: nobody widens the reach of their own (promise 5)."""
    if not person.is_active:
        return "Your account is not active."
    if not person.has_perm("agents.change_egresspolicy"):
        return "Only a steward or an administrator says what an agent may reach. Ask one of them."
    if selectors.answers_for(str(person.pk), agent):
        return "Nobody widens the reach of their own: ask a steward or an administrator who is not its owner."
    return None


def why_not_except(person: Person) -> str | None:
    """Against letting anything reach addresses that are not public."""
    if person.is_active and person.is_superuser:
        return None
    return "Only an administrator lets agents reach addresses that are not public."


def why_not_set_endpoint(person: Person) -> str | None:
    """Against saying where an endpoint is: it moves what every agent reaches that names it."""
    if person.is_active and person.is_superuser:
        return None
    return "Only an administrator says where an endpoint is, and when its breaker opens."


def why_not_switch_breaker(person: Person) -> str | None:
    """Against opening and closing a circuit breaker by hand."""
    if person.is_active and (person.is_superuser or selectors.is_steward(person)):
        return None
    return "Only a steward or an administrator opens and closes a circuit breaker."


def why_not_close_anomaly(person: Person, agent: Agent) -> str | None:
    """Against saying what something unusual was."""
    if not person.is_active:
        return "Your account is not active."
    if person.is_superuser or selectors.is_steward(person) or selectors.answers_for(str(person.pk), agent):
        return None
    return f"Only the owner or a deputy of {agent}, a steward or an administrator says what it was."


def why_not_set_anomaly_rule(person: Person) -> str | None:
    if person.is_active and person.is_superuser:
        return None
    return "Only an administrator says what is unusual."


def why_not_add_api_token(actor: Actor, person: Person, authentication: Authentication | None) -> str | None:
    """People give tokens to themselves alone, and prove first who they are; the command line may too."""
    if not person.is_active:
        return f"The account of {person} is not active."
    if actor.kind == "system":
        return None
    if actor != person.actor:
        return "Nobody makes API tokens for somebody else: a token acts as its person."
    if authentication is None:
        return "Confirm that it is you, and try again."
    return why_not_confirmed(person, authentication)


def why_not_delegate(person: Person, authentication: Authentication | None) -> str | None:
    """Against letting an agent act for oneself: in one's own session, with a fresh proof of who it is."""
    if not person.is_active:
        return "Your account is not active."
    if authentication is None:
        return "Confirm that it is you, and try again."
    return why_not_confirmed(person, authentication)


def why_not_hand_out(
    person: Person, delegation: Delegation, authentication: Authentication | None
) -> str | None:
    """Against letting an agent act for somebody now: nobody but the person themselves does that."""
    if delegation.person_id != person.pk:
        return "Nobody lets an agent act for somebody else."
    return why_not_delegate(person, authentication)


def why_not_end_delegation(actor: Actor, delegation: Delegation) -> str | None:
    if actor.kind == "person" and actor.id == str(delegation.person_id):
        return None
    if actor.kind == "system" or selectors.is_active_administrator(actor):
        return None
    return "Only its person or an administrator ends this."


def why_not_revoke_api_token(actor: Actor, token: ApiToken) -> str | None:
    if actor.kind == "person" and actor.id == str(token.person_id):
        return None
    if actor.kind == "system" or selectors.is_active_administrator(actor):
        return None
    return "Only its person or an administrator may revoke an API token."


def why_not_use_api_token(token: ApiToken) -> TokenRefusal | None:
    if token.revoked_at is not None:
        return TokenRefusal.REVOKED
    if token.expires_at <= timezone.now():
        return TokenRefusal.EXPIRED
    return None if token.person.is_active else TokenRefusal.INACTIVE


def why_not_ingest(actor: Actor) -> str | None:
    """Anybody who may sign in brings reports, and so does the system; an agent only reads them."""
    if actor.kind == "system" or selectors.is_active_person(actor):
        return None
    return "Only people with an active account bring reports."


def why_not_load_vulnerabilities(actor: Actor) -> str | None:
    if actor.kind == "system" or selectors.is_active_administrator(actor):
        return None
    return "Only an administrator may load vulnerability records."
