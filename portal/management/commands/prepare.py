"""`manage.py prepare`: make this installation ready to serve; safe to run again."""

from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, call_command

from agents import signing


class Command(BaseCommand):
    help = "Create the data folder and the keys, migrate the database, collect static files."

    def handle(self, *args: Any, **options: Any) -> None:
        for directory in (settings.DATA_DIR, settings.BUNDLES_DIR):
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        call_command("keys", "create", verbosity=0)
        signing.create(settings.KEYS_DIR)
        call_command("migrate", verbosity=0, interactive=False)
        call_command("collectstatic", verbosity=0, interactive=False)
        self.stdout.write(f"Ready: {settings.DATA_DIR}")
