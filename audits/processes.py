"""How another process comes to read the ledger. It imports no models: they come with `prepare`."""

from typing import Any

import django
from django.conf import settings
from django.db import connection, connections


def surroundings() -> dict[str, Any]:
    """What a process cannot know from its environment alone: which database, and where the keys are."""
    return {
        "database": connection.settings_dict["NAME"],
        "KEYS_DIR": settings.KEYS_DIR,
        "SUBJECT_KEYS_DIR": settings.SUBJECT_KEYS_DIR,
    }


def prepare(given: dict[str, Any]) -> None:
    """Make Django ready in a process that was just started, with what `surroundings` said elsewhere."""
    django.setup()
    connections["default"].settings_dict["NAME"] = given["database"]
    settings.KEYS_DIR, settings.SUBJECT_KEYS_DIR = given["KEYS_DIR"], given["SUBJECT_KEYS_DIR"]
