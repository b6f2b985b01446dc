"""The Celery application. Rooms define tasks with `shared_task`; beat's plan is in the settings."""

import os
import sys

from celery import Celery, signals
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

UNABLE = 2

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")


@signals.celeryd_init.connect
def refuse_to_wait_for_nothing(**_: object) -> None:
    """A worker process needs a broker; the worker inside the web process does not pass through here."""
    if not settings.REDIS_URL:
        refuse(
            "Settings: REDIS_URL is not set, so no work can reach this worker. Set it for the portal, the "
            "worker and beat alike, or leave the worker out: without REDIS_URL it runs in the web process."
        )


def refuse(sentence: str) -> None:
    sys.stderr.write(sentence + "\n")
    sys.exit(UNABLE)


def refuse_wrong_settings(**_: object) -> None:
    """As `manage.py` does: in one sentence."""
    try:
        settings.INSTALLED_APPS  # noqa: B018 - loads the settings
    except ImproperlyConfigured as error:
        refuse(f"Settings: {error}")


app = Celery("countersign")
app.on_configure.connect(refuse_wrong_settings)
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
