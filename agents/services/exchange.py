"""Token exchange (RFC 8693): an agent acts for a person, or for another agent that let it.

Every exchange begins with a subject token, which names who may act. A person's session hands one out, or an
agent for its own credential, which that uses up: so a chain has one credential that is still good, the
latest. What comes out is decided like every token, bound to a key, and never more than what went in.
"""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.utils import timezone

from agents import access_token, on_behalf, permissions, subject_token
from agents.authentication import Authentication
from agents.errors import CredentialError
from agents.models import Agent, AgentInstance, Credential, Delegation, Person
from agents.oauth import dpop
from agents.oauth.details import Task
from agents.oauth.errors import OAuthError, invalid_request, invalid_target
from agents.on_behalf import OnBehalf
from agents.selectors import open_session
from agents.services import clients, tokens
from agents.services.clients import Client, Shown
from audits.actor import Actor
from audits.choices import Action
from audits.errors import Conflict
from audits.models.base import new_id
from audits.services import ledger
from audits.services.attempts import attempt, refuse
from audits.turn import transaction_in_turn

GRANT = "urn:ietf:params:oauth:grant-type:token-exchange"
JWT = "urn:ietf:params:oauth:token-type:jwt"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105 - a name of the standard


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request as it came: the texts of its parameters; empty where one was not sent."""

    asked: tokens.Asked
    subject_token: str
    actor_token: str = ""
    audience: str = ""
    resource: str = ""


@dataclass(frozen=True, slots=True)
class HandedOut:
    """A subject token, and for how many seconds it counts."""

    token: str
    seconds: int


def hand_out(*, actor: Person, delegation: Delegation, authentication: Authentication | None) -> HandedOut:
    """The person lets the agent act for them now: a subject token, which is shown this once.

    Raises:
        Denied: it is somebody else's delegation, or the proof of who it is is missing or too old; recorded.
        Conflict: the delegation is over, or the agent may not act.
    """
    identifier, now = new_id(), timezone.now()
    expires = min(now + timedelta(seconds=settings.SUBJECT_TOKEN_SECONDS), delegation.ends_at)
    with attempt(
        action=Action.SUBJECT_TOKEN_ISSUED,
        actor=actor.actor,
        stream=f"person/{actor.pk}",
        object=f"delegation/{delegation.pk}",
    ):
        refuse(permissions.why_not_hand_out(actor, delegation, authentication))
        current = Delegation.objects.select_related("person", "agent__owner").get(pk=delegation.pk)
        if not on_behalf.is_live(current, now):
            raise Conflict("This is over. Let the agent act for you anew first.")
        if reason := permissions.why_not_act(current.agent):
            raise Conflict(reason)
        session = authentication.session if authentication else ""
        token = subject_token.sign(
            subject=str(actor.pk),
            may_act=current.agent.slug,
            id=identifier,
            now=now,
            expires=expires,
            delegation=str(current.pk),
            sid=session,
        )
        _record(actor.actor, f"person/{actor.pk}", identifier, current.agent.slug, f"delegation/{current.pk}")
    return HandedOut(token, int((expires - now).total_seconds()))


def hand_on(*, exchange: Exchange) -> HandedOut:
    """An agent lets another one act under its own credential, which that uses up.

    Raises:
        OAuthError: the client or its proof is not what it must be, the credential is not its own or is over,
            or it may not be handed on to that agent; recorded.
    """
    instance, client = clients.authenticated(exchange.asked.shown)
    try:
        _check_actor(exchange, instance)
        return _hand_on(exchange, instance, client)
    except OAuthError as error:
        clients.refused(error, instance, client.key)


def issue(*, exchange: Exchange) -> tokens.Issued:
    """An access token for an agent that acts for somebody else.

    Raises:
        AccessDenied: the decision point said no; the decision is recorded.
        OAuthError: the client, its proof or the subject token is not what it must be; recorded.
    """

    def under(instance: AgentInstance, task: Task) -> OnBehalf:
        _check_actor(exchange, instance)
        if exchange.audience not in {"", task.location} or exchange.resource not in {"", task.location}:
            raise invalid_target("resource and audience are the one location of the task, or left out.")
        return _behalf(exchange.subject_token, instance, task)

    return tokens.issue(asked=exchange.asked, under=under)


def _check_actor(exchange: Exchange, instance: AgentInstance) -> None:
    """Who acts is who asks. An actor token may say so again: another assertion of the same copy."""
    if exchange.actor_token:
        actor, _ = clients.authenticated(Shown(assertion=exchange.actor_token))
        if actor.pk != instance.pk:
            raise invalid_request("Who acts is who asks: the actor_token is another's.")


def _hand_on(exchange: Exchange, instance: AgentInstance, client: Client) -> HandedOut:
    credential = _own(exchange, instance, client)
    to = Agent.objects.filter(slug=exchange.audience).first()
    if to is None or not on_behalf.hands_on(instance.agent, to):
        raise invalid_target("The audience is the client_id of an agent that this one calls or creates.")
    behalf = OnBehalf(
        person=credential.delegation.person_id if credential.delegation else None,
        delegation=credential.delegation_id,
        parent=credential,
    )
    if len(on_behalf.actors(instance, behalf)) > on_behalf.MAX_DEPTH:
        raise invalid_request(f"At most {on_behalf.MAX_DEPTH} act in one chain.")
    if broken := on_behalf.why_broken(to, behalf):
        raise invalid_request(broken)
    identifier, now = new_id(), timezone.now()
    expires = min(now + timedelta(seconds=settings.SUBJECT_TOKEN_SECONDS), credential.expires_at)
    with transaction_in_turn():
        unused = Credential.objects.filter(pk=credential.pk, used_at__isnull=True, revoked_at__isnull=True)
        if not unused.update(used_at=now):
            raise invalid_request("The subject_token was used already.")
        token = subject_token.sign(
            subject=on_behalf.subject(behalf),
            may_act=to.slug,
            id=identifier,
            now=now,
            expires=expires,
            parent=str(credential.pk),
        )
        _record(instance.actor, instance.agent.stream, identifier, to.slug, f"credential/{credential.pk}")
    return HandedOut(token, int((expires - now).total_seconds()))


def _own(exchange: Exchange, instance: AgentInstance, client: Client) -> Credential:
    """The live credential that the client shows as its own, with the proof of what it is bound to."""
    try:
        claims = access_token.read(exchange.subject_token, audience=None)
    except CredentialError as error:
        raise invalid_request("The subject_token is no live access token of this portal.") from error
    credential = tokens.live_credential(claims)
    if credential is None or credential.instance_id != instance.pk:
        raise invalid_request("The subject_token is no live access token of this client.")
    if credential.certificate and credential.certificate != client.certificate:
        raise invalid_request("The subject_token is bound to another certificate (RFC 8705).")
    if credential.thumbprint:
        asked = exchange.asked
        if not asked.proof:
            raise invalid_request("The subject_token is bound to a key. Send a DPoP proof (RFC 9449).")
        proof = dpop.verify(asked.proof, method="POST", url=asked.url, now=timezone.now())
        if proof.thumbprint != credential.thumbprint:
            raise invalid_request("The subject_token is bound to another key.")
        clients.spend_proof(proof)
    return credential


def _behalf(text: str, instance: AgentInstance, task: Task) -> OnBehalf:
    """For whom: what a subject token says, once, for this agent alone."""
    now = timezone.now()
    try:
        subject = subject_token.read(text, now=now)
    except subject_token.NotOneError as error:
        raise invalid_request(f"The subject_token is not taken. {error}") from error
    if subject.may_act != instance.agent.slug:
        raise invalid_request("The subject_token lets another agent act.")
    link = subject.delegation
    behalf = _by_agent(subject, task) if link is None else _by_person(link, subject.session)
    clients.spend_subject(subject.id, subject.expires)
    if broken := on_behalf.why_broken(instance.agent, behalf):
        raise invalid_request(broken)
    return behalf


def _by_person(link: UUID, session: str) -> OnBehalf:
    delegation = Delegation.objects.select_related("person").filter(pk=link).first()
    if delegation is None or _has_signed_out(delegation.person, session):
        raise invalid_request("The session that handed the subject_token out has ended.")
    return OnBehalf(person=delegation.person_id, delegation=delegation.pk)


def _by_agent(subject: subject_token.Subject, task: Task) -> OnBehalf:
    """What was handed on is for one action on one resource at one place, and stays so."""
    known = Credential.objects.select_related("agent", "delegation")
    credential = known.filter(pk=subject.parent).first() if subject.parent else None
    if credential is None:
        raise invalid_request("What the subject_token was handed out for is not known.")
    handed = (credential.action, credential.resource, credential.audience)
    if (task.action, task.identifier, task.location) != handed:
        raise invalid_request("Ask for exactly the task that was handed on.")
    person = credential.delegation.person_id if credential.delegation else None
    return OnBehalf(person=person, delegation=credential.delegation_id, parent=credential)


def _has_signed_out(person: Person, session: str) -> bool:
    return bool(session) and open_session(session, person) is None


def _record(actor: Actor, stream: str, identifier: UUID, to: str, by: str) -> None:
    ledger.record(
        stream=stream,
        action=Action.SUBJECT_TOKEN_ISSUED,
        actor=actor,
        object=by,
        body={"jti": str(identifier), "may_act": to},
    )
