"""Built bundles that quote an erased person: their files go, and with them the last readable copy here."""

import logging
from collections.abc import Iterable
from pathlib import Path

from django.db.models import Q

from audits.choices import BundleState
from audits.models import Bundle, Event

logger = logging.getLogger(__name__)


def forget(*, subject: str) -> list[str]:
    """Blank the person's name on bundles; returns the paths of the files to `remove` after the commit.

    These are all that hold a stream in which the person appears, or that could hold any. Whoever needs one
    requests it again.
    """
    Bundle.objects.filter(requested_by=subject).update(requested_by_name="")
    Bundle.objects.filter(Q(party=subject) | Q(streams=[subject])).update(subject=subject)
    streams = {subject, *Event.objects.filter(actor=subject).values_list("stream", flat=True).distinct()}
    return [
        str(bundle.path)
        for bundle in Bundle.objects.filter(state=BundleState.READY)
        if bundle.party or not bundle.streams or not streams.isdisjoint(bundle.streams)
    ]


def remove(paths: Iterable[str]) -> None:
    for path in paths:
        try:
            Path(path).unlink(missing_ok=True)
        except OSError as error:
            logger.error("The bundle %s quotes somebody who was erased. Remove it: %s", path, error)  # noqa: TRY400 - its sentence says it all
