"""`manage.py demo`: play the story that the README tells, with the product's own services."""

from typing import Any

from django.core.management import BaseCommand, CommandError

from audits.errors import ServiceError
from portal.demo.people import NotTheDemo, SecondFactorsRequired
from portal.demo.screen import StepFailed
from portal.demo.story import play


class Command(BaseCommand):
    help = "Play the whole story, from registering an agent to verifying its evidence."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            play()
        except (NotTheDemo, SecondFactorsRequired) as error:
            raise CommandError(str(error), returncode=2) from error
        except (StepFailed, ServiceError) as error:
            raise CommandError(f"The story stopped: {error}", returncode=1) from error
