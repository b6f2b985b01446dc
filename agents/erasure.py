"""What this room holds about a person besides the ledger: the account (promise 13)."""

from collections.abc import Mapping
from uuid import UUID

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.contrib.sessions.models import Session as Cookie
from django.db.models import Model, Q
from django.utils import timezone

from agents.choices import SessionEnd
from agents.models import Agent, Lockout, Person, Session
from audits.actor import Actor
from audits.canonical import JSON
from audits.choices import Action
from audits.formats import timestamp
from audits.services import history

SHORT = 12
ERASURE = Actor.system("erasure")
WAYS_IN: tuple[type[Model], ...] = (Authenticator, SocialAccount, EmailAddress)


class PersonErasure:
    """Makes an account nobody's. The row stays, for votes and seats point at it."""

    def objection(self, subject: str) -> str | None:
        person = _person(subject)
        if person is None:
            return None
        agents = Agent.objects.filter(Q(owner=person) | Q(deputies=person)).distinct()
        if slugs := sorted(agents.values_list("slug", flat=True)):
            return (
                f"This person answers for {', '.join(slugs)}, and what the board approved names them: they "
                "are erased once somebody else does."
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
        person.username = f"erased-{person.pk.hex[-SHORT:]}"
        person.first_name = person.last_name = person.email = ""
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
        for model in WAYS_IN:
            model._default_manager.filter(user=person).delete()  # noqa: SLF001 - Django's documented name

    def names(self, subject: str) -> set[str]:
        person = _person(subject)
        if person is None or person.username == f"erased-{person.pk.hex[-SHORT:]}":
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
                "second_factors": sorted(
                    Authenticator.objects.filter(user=person).values_list("type", flat=True)
                ),
            }
        }


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
