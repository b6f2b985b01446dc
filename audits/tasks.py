"""The audits' background work. Every task may run twice, late or not at all: the database knows."""

import logging

from celery import shared_task
from django.core.cache import cache

from audits.errors import ServiceError
from audits.queue import enqueue
from audits.services import anchoring, api_answers, bundles, erasure, pruning, sealing, siem, verification

logger = logging.getLogger(__name__)

VERIFYING = "verifying-the-ledger"
LONGEST_VERIFICATION = 6 * 3600


@shared_task
def seal() -> None:
    """Seal what waits, and once a day the heads of all streams."""
    try:
        sealing.seal()
        sealing.seal_heads_if_due()
    except ServiceError as error:
        logger.error("The ledger is not sealed: %s", error)  # noqa: TRY400 - its sentence says it all


@shared_task
def anchor() -> None:
    """Publish the newest checkpoint to the sinks that do not have it yet."""
    try:
        anchoring.publish()
    except ServiceError as error:
        logger.error("Nothing is anchored: %s", error)  # noqa: TRY400 - its sentence says it all


@shared_task
def build_bundle(bundle_id: str) -> None:
    try:
        bundles.build(bundle_id=bundle_id)
    except ServiceError as error:
        logger.info("Bundle %s: %s", bundle_id, error)


@shared_task
def forget_api_answers() -> None:
    api_answers.sweep()


@shared_task
def send_to_siem() -> None:
    """Hand out each sink by itself: one that is slow or dead delays no other."""
    for name in siem.due():
        enqueue(deliver_to_sink, name)


@shared_task
def deliver_to_sink(name: str) -> None:
    try:
        siem.deliver(name=name)
    except ServiceError as error:
        logger.info("Sink %s: %s", name, error)


@shared_task
def verify_the_ledger() -> None:
    """What is due: all of it daily, what is new hourly. One at a time: a long one is not overtaken."""
    if not cache.add(VERIFYING, True, timeout=LONGEST_VERIFICATION):  # noqa: FBT003 - the cache's own
        return
    try:
        done = verification.check_if_due()
    finally:
        cache.delete(VERIFYING)
    if done and done.problem:
        logger.error("The ledger does not verify, at %s: %s", done.place, done.problem)


@shared_task
def verify_on_request(verification_id: str) -> None:
    try:
        done = verification.run_requested(verification_id=verification_id)
    except ServiceError as error:
        logger.info("Verification %s: %s", verification_id, error)
    else:
        if done.problem:
            logger.error("The ledger does not verify, at %s: %s", done.place, done.problem)


@shared_task
def finish_erasures() -> None:
    """Destroy what should be gone and is there: after a crash, or a restored backup of the keys."""
    erasure.sweep()


@shared_task
def prune_the_ledger() -> None:
    """Let go of what is kept no longer; planned only where the settings say so."""
    try:
        pruned = pruning.prune(actor=pruning.PRUNER)
    except ServiceError as error:
        logger.error("The ledger is not pruned: %s", error)  # noqa: TRY400 - its sentence says it all
    else:
        if pruned:
            logger.info("%d segments of the ledger were pruned.", len(pruned))
