"""The audits' background work. Every task may run twice, late or not at all: the database knows."""

import logging

from celery import shared_task

from audits.errors import ServiceError
from audits.services import bundles, sealing

logger = logging.getLogger(__name__)


@shared_task
def seal() -> None:
    """Seal what waits, and once a day the heads of all streams."""
    try:
        sealing.seal()
        sealing.seal_heads_if_due()
    except ServiceError as error:
        logger.error("The ledger is not sealed: %s", error)  # noqa: TRY400 - its sentence says it all


@shared_task
def build_bundle(bundle_id: str) -> None:
    try:
        bundles.build(bundle_id=bundle_id)
    except ServiceError as error:
        logger.info("Bundle %s: %s", bundle_id, error)
