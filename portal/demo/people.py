"""The people of the demo. They exist only in the demo's own database."""

import secrets
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from agents.authentication import Authentication
from agents.models import Agent, Person
from agents.services import people
from audits.actor import Actor
from governance.choices import Discipline
from governance.models import Seat
from governance.services import board

DEMO = Actor.system("demo")
ADMINISTRATOR, OWNER, DEPUTY, AUDITOR, STEWARD = "ada", "olivia", "daniel", "aude", "stella"
SECURITY = "sasha"
PEOPLE = {
    ADMINISTRATOR: ("Ada", "Lindqvist", "administrator", ()),
    OWNER: ("Olivia", "Marsh", "owner of the analyst", ("Owners",)),
    DEPUTY: ("Daniel", "Hoang", "deputy of the owner", ("Owners",)),
    SECURITY: ("Sasha", "Petrov", "board: security", ("Board",)),
    "carla": ("Carla", "Reyes", "board: compliance", ("Board",)),
    "leo": ("Leo", "Okafor", "board: legal", ("Board",)),
    "petra": ("Petra", "Novak", "board: product", ("Board",)),
    "enzo": ("Enzo", "Bianchi", "board: engineering", ("Board",)),
    AUDITOR: ("Aude", "Laurent", "auditor", ("Auditors",)),
    STEWARD: ("Stella", "Kaur", "steward of tools and third parties", ("Stewards",)),
}
SEATS = {
    "sasha": Discipline.SECURITY,
    "carla": Discipline.COMPLIANCE,
    "leo": Discipline.LEGAL,
    "petra": Discipline.PRODUCT,
    "enzo": Discipline.ENGINEERING,
}


class SecondFactorsRequired(Exception):
    """The demo's people have no second factors, and this installation asks for them."""


class NotTheDemo(Exception):
    """The database holds somebody or something that the demo did not make."""


def gather() -> dict[str, Person]:
    """The demo's people with their seats, added where they are missing.

    Raises:
        NotTheDemo: the database is somebody's own; nothing was written.
        SecondFactorsRequired: nothing was written.
    """
    refuse_a_real_database()
    if settings.MFA == "required":
        raise SecondFactorsRequired(
            "The demo's people sign in with a password alone: set COUNTERSIGN_MFA=optional for it."
        )
    password = sign_in_password()
    found = {person.username: person for person in Person.objects.filter(username__in=PEOPLE)}
    for username, (first, last, _role, groups) in PEOPLE.items():
        if username not in found:
            found[username] = people.add_person(
                actor=DEMO,
                username=username,
                first_name=first,
                last_name=last,
                email=f"{username}@example.org",
                password=password,
                groups=groups,
                is_administrator=username == ADMINISTRATOR,
            )
    seated = set(Seat.objects.filter(ends_at__isnull=True).values_list("person__username", flat=True))
    for username, discipline in SEATS.items():
        if username not in seated:
            board.assign_seat(actor=found[ADMINISTRATOR], person=found[username], discipline=discipline)
    return found


def played(person: Person) -> Authentication:
    """What stands for a sign-in where the story plays a person: `demo`, which is no method of signing in."""
    return Authentication(person=str(person.pk), at=timezone.now(), methods=("demo",))


def refuse_a_real_database() -> None:
    strangers = Person.objects.exclude(username__in=PEOPLE)
    others = Agent.objects.exclude(owner__username__in=PEOPLE)
    made_here = sign_in_file().exists() or not Person.objects.exists()
    if strangers.exists() or others.exists() or not made_here:
        raise NotTheDemo(
            "This database already holds people or agents of your own. The demo needs one for itself: "
            "unset DATABASE_URL, or point it at an empty database."
        )


def sign_in_file() -> Path:
    return Path(settings.DATA_DIR) / "demo-sign-in.txt"


def sign_in_password() -> str:
    """One password for all of the demo's people, drawn at random once for this installation."""
    path = sign_in_file()
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(f"demo-{secrets.token_hex(6)}", encoding="ascii")
    return path.read_text(encoding="ascii")
