"""`manage.py prepare`: make this installation ready to serve; safe to run again."""

from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError, call_command

from agents import signing
from agents.errors import SigningKeyError
from audits import keys
from audits.actor import Actor
from audits.errors import ServiceError
from audits.services import key_rotation

UNABLE = 2


class Command(BaseCommand):
    help = "Create the data folder and the keys, migrate the database, collect static files."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            created = _folders_and_keys()
        except OSError as error:
            raise CommandError(
                f"{error.filename}: {error.strerror}. Make the folder writable, or set COUNTERSIGN_DATA_DIR "
                "to one that is.",
                returncode=UNABLE,
            ) from error
        except (ServiceError, SigningKeyError) as error:
            raise CommandError(str(error), returncode=UNABLE) from error
        call_command("migrate", verbosity=0, interactive=False)
        try:
            key_rotation.enroll(actor=Actor.system("command-line"))
        except ServiceError as error:
            raise CommandError(str(error), returncode=UNABLE) from error
        call_command("collectstatic", verbosity=0, interactive=False)
        self.stdout.write(f"Ready: {settings.DATA_DIR}")
        if created:
            public = settings.KEYS_DIR / keys.LEDGER_VKEY
            self.stdout.write(f"Give auditors {public} by another way than a bundle.")


def _folders_and_keys() -> list[str]:
    """The names of the keys that were missing, and are there now."""
    for directory in (settings.DATA_DIR, settings.BUNDLES_DIR):
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    created = keys.create(settings.KEYS_DIR)
    signing.create(settings.KEYS_DIR)
    return list(created)
