"""Rotating the key that signs credentials, with overlap."""

from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from agents import signing
from agents.signing import SigningKey
from audits.actor import Actor
from audits.choices import Action
from audits.services import ledger
from audits.services.attempts import SYSTEM_STREAM

MARGIN = timedelta(minutes=5)


def rotate(*, actor: Actor, directory: Path) -> SigningKey:
    """Sign with a new key from now on. The old one verifies as long as what it signed can live.

    Raises:
        SigningKeyError: there is no key yet, or it cannot be read.
    """
    overlap = timedelta(seconds=max(settings.TOKEN_READ_SECONDS, settings.CREDENTIAL_SECONDS)) + MARGIN
    before = signing.key()
    with transaction.atomic():
        made = signing.rotate(directory, now=timezone.now(), overlap=overlap)
        ledger.record(
            stream=SYSTEM_STREAM,
            action=Action.SIGNING_KEY_ROTATED,
            actor=actor,
            object=f"signing_key/{made.id}",
            body={"before": before.id, "now": made.id, "overlap_seconds": int(overlap.total_seconds())},
        )
    return made
