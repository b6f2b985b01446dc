"""What this room holds about a person besides the ledger: the account (promise 13)."""

from collections.abc import Mapping
from uuid import UUID

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.contrib.sessions.models import Session as Cookie
from django.db.models import Model, Q
from django.utils import timezone

from agents import selectors
from agents.choices import AgentState, DelegationEnd, SessionEnd, TokenEnd
from agents.models import (
    Agent,
    ApiToken,
    Delegation,
    Delivery,
    Lockout,
    MailChoice,
    Notification,
    Person,
    Session,
)
from audits.actor import Actor
from audits.canonical import JSON
from audits.choices import Action
from audits.formats import timestamp
from audits.services import api_answers, history

SHORT = 12
ERASURE = Actor.system("erasure")
WAYS_IN: tuple[type[Model], ...] = (Authenticator, SocialAccount, EmailAddress)


class PersonErasure:
    """Makes an account nobody's. The row stays, for votes and seats point at it."""

    def objection(self, subject: str) -> str | None:
        person = _person(subject)
        if person is None:
            return None
        theirs = Agent.objects.filter(Q(owner=person) | Q(deputies=person) | Q(sponsor=person))
        living = theirs.exclude(state=AgentState.RETIRED).distinct()
        if slugs := sorted(living.values_list("slug", flat=True)):
            return (
                f"This person answers for {', '.join(slugs)} or sponsors it, and what the board approved "
                "names them: they are erased once somebody else does, or it is retired."
            )
        others = Person.objects.filter(is_active=True, is_superuser=True).exclude(pk=person.pk)
        if person.is_active and person.is_superuser and not others.exists():
            return "This person is the last administrator. Add another one first."
        return None

    def erase(self, subject: str) -> None:
        person = _person(subject)
        if person is None:
            return
        Lockout.objects.filter(username__iexact=person.username).delete()
        person.username = _nobodys_username(person)
        person.first_name = person.last_name = person.email = person.external_id = ""
        person.is_active = person.is_staff = person.is_superuser = False
        person.last_login = None
        person.set_unusable_password()
        person.save()
        person.groups.clear()
        person.user_permissions.clear()
        # The history went with its payloads; it goes on from here, under a key that is not the person's.
        history.record(
            changed=[person],
            stream="system",
            action=Action.HISTORY_ADOPTED,
            actor=ERASURE,
            object=subject,
            body={"model": "agents.person", "reason": "The person was erased; the account is nobody's."},
        )
        _end_sessions(person)
        for told in (Notification, Delivery, MailChoice):
            told._default_manager.filter(person=person).delete()  # noqa: SLF001 - Django's documented name
        _end_tokens(person)
        _end_delegations(person)
        api_answers.forget()
        for model in WAYS_IN:
            model._default_manager.filter(user=person).delete()  # noqa: SLF001 - Django's documented name

    def names(self, subject: str) -> set[str]:
        person = _person(subject)
        if person is None or person.username == _nobodys_username(person):
            return set()
        return {person.username, person.get_full_name(), person.email} - {""}

    def export(self, subject: str) -> Mapping[str, JSON]:
        person = _person(subject)
        if person is None:
            return {}
        return {
            "account": {
                "id": str(person.pk),
                "username": person.username,
                "first_name": person.first_name,
                "last_name": person.last_name,
                "email": person.email,
                "external_id": person.external_id,
                "active": person.is_active,
                "administrator": person.is_superuser,
                "groups": sorted(person.groups.values_list("name", flat=True)),
                "joined": timestamp(person.date_joined),
                "last_sign_in": timestamp(person.last_login) if person.last_login else None,
                "agents": sorted(person.owned_agents.values_list("slug", flat=True)),
                "sign_ins": [
                    {
                        "started": timestamp(session.started_at),
                        "address": session.address,
                        "user_agent": session.user_agent,
                        "methods": session.methods,
                    }
                    for session in Session.objects.filter(person=person)
                ],
                "api_tokens": [
                    {"name": token.name, "scope": token.scope, "created": timestamp(token.created_at)}
                    for token in ApiToken.objects.filter(person=person).order_by("pk")
                ],
                "agents_acting": [
                    {
                        "agent": each.agent.slug,
                        "actions": each.actions,
                        "resources": each.resources,
                        "purpose": each.purpose,
                        "since": timestamp(each.starts_at),
                        "until": timestamp(each.ended_at or each.ends_at),
                    }
                    for each in Delegation.objects.filter(person=person).select_related("agent")
                ],
                "second_factors": sorted(
                    Authenticator.objects.filter(user=person).values_list("type", flat=True)
                ),
                "mail": dict(MailChoice.objects.filter(person=person).values_list("group", "timing")),
            },
            "notifications": [
                {"told": timestamp(each.created_at), "kind": each.kind, "title": each.title}
                for each in Notification.objects.filter(person=person)
            ],
        }


def _nobodys_username(person: Person) -> str:
    return f"{selectors.ERASED}{person.pk.hex[-SHORT:]}"


def _person(subject: str) -> Person | None:
    kind, _, name = subject.partition("/")
    try:
        return Person.objects.filter(pk=UUID(name)).first() if kind == "person" else None
    except ValueError:
        return None


def _end_sessions(person: Person) -> None:
    """The sign-ins stay as rows without address and program; a cookie says whose it is only inside."""
    signed_in = Session.objects.filter(person=person)
    signed_in.filter(ended_at=None).update(ended_at=timezone.now(), end_reason=SessionEnd.DEACTIVATED)
    signed_in.update(address=None, user_agent="")
    mine = [
        cookie.pk
        for cookie in Cookie.objects.iterator()
        if cookie.get_decoded().get("_auth_user_id") == str(person.pk)
    ]
    Cookie.objects.filter(pk__in=mine).delete()


def _end_tokens(person: Person) -> None:
    """The tokens stay as rows that say nothing; their history went on as the account's did."""
    for token in ApiToken.objects.filter(person=person).order_by("pk"):
        token.name = ""
        if token.revoked_at is None:
            token.revoked_at, token.revoked_by = timezone.now(), ERASURE.ref
            token.end_reason = TokenEnd.DEACTIVATED
        token.save()
        history.record(
            changed=[token],
            stream="system",
            action=Action.HISTORY_ADOPTED,
            actor=ERASURE,
            object=f"api_token/{token.pk}",
            body={"model": "agents.apitoken", "reason": "Its person was erased; the token is nobody's."},
        )


def _end_delegations(person: Person) -> None:
    """What the person let agents do stays as rows without their words."""
    for delegation in Delegation.objects.filter(person=person).order_by("pk"):
        delegation.purpose = ""
        if delegation.ended_at is None:
            delegation.ended_at, delegation.ended_by = timezone.now(), ERASURE.ref
            delegation.end_reason = DelegationEnd.DEACTIVATED
        delegation.save()
        history.record(
            changed=[delegation],
            stream="system",
            action=Action.HISTORY_ADOPTED,
            actor=ERASURE,
            object=f"delegation/{delegation.pk}",
            body={"model": "agents.delegation", "reason": "Its person was erased; it is nobody's."},
        )
