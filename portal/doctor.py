"""Is this installation fit to run? Each check says what it found and, where it is wrong, how to mend it."""

import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import redis
from django.conf import settings
from django.contrib.staticfiles.storage import staticfiles_storage
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.db.models.functions import Now
from django.utils import timezone

from agents import signing
from agents.analyst import SLUG, provenance
from agents.errors import SigningKeyError
from agents.models import Agent, Vulnerability
from agents.services import deliveries
from audits import keys, triggers
from audits.erased_log import ErasedLogUnreadable
from audits.errors import ServiceError
from audits.models import Checkpoint
from audits.operator_http import is_here
from audits.services import anchoring, erasure, key_rotation, siem

PUBLIC = (".vkey", ".keys")
CLOCK_TOLERANCE = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found. `mend` is empty where nothing is wrong."""

    check: str
    status: Literal["ok", "warning", "failure"]
    message: str
    mend: str = ""


def examine() -> list[Finding]:
    """Run every check; where the database fails, those that need it are left out."""
    findings = [finding for check in WITHOUT_DATABASE for finding in check()]
    database = list(check_database())
    findings += database
    if all(finding.status != "failure" for finding in database):
        findings += [finding for check in WITH_DATABASE for finding in check()]
    return findings


def why_not_serve() -> Iterator[Finding]:
    """What `manage.py prepare` mends, and without which no page would work."""
    for check in (check_folders, check_keys, check_static_files, check_database):
        yield from (finding for finding in check() if finding.status == "failure")


def check_settings() -> Iterator[Finding]:
    if settings.DEBUG:
        yield Finding("settings", "warning", "Debug pages are on.", "Unset COUNTERSIGN_DEBUG.")
    if settings.MFA == "optional":
        yield Finding(
            "settings",
            "warning",
            "Second factors are optional: a stolen password can vote.",
            "Unset COUNTERSIGN_MFA, except for a trial.",
        )
    local = {"127.0.0.1", "localhost", "[::1]"}
    if not settings.HTTPS and set(settings.ALLOWED_HOSTS) - local:
        yield Finding(
            "settings",
            "failure",
            "The portal answers to other hosts without HTTPS: sign-ins would travel in the clear.",
            "Put it behind TLS and set COUNTERSIGN_HTTPS=true.",
        )
    else:
        yield Finding("settings", "ok", f"Answers to {', '.join(settings.ALLOWED_HOSTS)}.")


def check_client_certificates() -> Iterator[Finding]:
    """Would a certificate that a proxy hands on be believed, and only from that proxy? (RFC 8705)"""
    name = "client certificates"
    if settings.CLIENT_CERTIFICATE and not settings.TRUSTED_PROXIES:
        yield Finding(
            name,
            "warning",
            "A proxy is to hand on certificates, and none is trusted: no client gets in with one.",
            "Set COUNTERSIGN_TRUSTED_PROXIES to the addresses from which the proxy connects.",
        )
    elif settings.TRUSTED_PROXIES and not settings.CLIENT_CERTIFICATE:
        yield Finding(
            name,
            "warning",
            "Proxies are trusted, and no form of certificates is named: whatever they hand on is ignored.",
            "Set COUNTERSIGN_CLIENT_CERTIFICATE to xfcc or rfc9440, or unset COUNTERSIGN_TRUSTED_PROXIES.",
        )
    elif settings.CLIENT_CERTIFICATE:
        proxies = ", ".join(map(str, settings.TRUSTED_PROXIES))
        yield Finding(name, "ok", f"Believed from {proxies}, as {settings.CLIENT_CERTIFICATE}.")
    else:
        yield Finding(name, "ok", "None is believed, whoever sends one.")


def check_folders() -> Iterator[Finding]:
    for folder in (settings.DATA_DIR, settings.BUNDLES_DIR):
        if not folder.is_dir() or not os.access(folder, os.W_OK):
            yield Finding(
                "folders", "failure", f"{folder} is missing or cannot be written.", "Run `manage.py prepare`."
            )
        else:
            yield Finding("folders", "ok", f"{folder} can be written.")


def check_keys() -> Iterator[Finding]:
    folder = Path(settings.KEYS_DIR)
    if not folder.is_dir():
        yield Finding("keys", "failure", f"{folder} does not exist.", "Run `manage.py keys create`.")
        return
    loose = [
        path.name
        for path in sorted(folder.iterdir())
        if path.suffix not in PUBLIC and stat.S_IMODE(path.stat().st_mode) & 0o077
    ]
    if loose:
        yield Finding(
            "keys",
            "failure",
            f"Others can read {', '.join(loose)} in {folder}.",
            f"chmod 600 {' '.join(str(folder / name) for name in loose)}; then rotate these keys.",
        )
        return
    try:
        verifier = keys.ledger_verifier()
        signing.key()
    except (keys.KeysUnusable, SigningKeyError) as error:
        yield Finding("keys", "failure", str(error), "Run `manage.py prepare`.")
        return
    yield Finding("keys", "ok", f"The ledger's key is {verifier}.")


def check_broker() -> Iterator[Finding]:
    if not settings.REDIS_URL:
        yield Finding("broker", "ok", "None: the worker runs inside the web process (one machine).")
        return
    try:
        redis.Redis.from_url(settings.REDIS_URL, socket_connect_timeout=2, socket_timeout=2).ping()
    except (redis.RedisError, OSError) as error:
        where = urlsplit(settings.REDIS_URL)
        yield Finding(
            "broker",
            "failure",
            f"Redis at {where.hostname}:{where.port or 6379} does not answer: {error}.",
            "Start it, or correct REDIS_URL. Work that was queued waits in the database.",
        )
        return
    yield Finding("broker", "ok", "Redis answers.")


def check_model() -> Iterator[Finding]:
    if not settings.OPENAI_BASE_URL:
        yield Finding("model", "ok", "The embedded planner: rules, not a language model.")
    elif not settings.OPENAI_API_KEY:
        yield Finding(
            "model",
            "warning",
            f"{settings.OPENAI_MODEL} at {settings.OPENAI_BASE_URL}, without a key.",
            "Set OPENAI_API_KEY if the server asks for one.",
        )
    else:
        yield Finding("model", "ok", f"{settings.OPENAI_MODEL} at {settings.OPENAI_BASE_URL}.")


def check_static_files() -> Iterator[Finding]:
    if staticfiles_storage.exists("countersign.css"):
        yield Finding("static files", "ok", f"Collected in {settings.STATIC_ROOT}; none come from elsewhere.")
    else:
        yield Finding(
            "static files", "failure", "Not collected: pages have no styles.", "Run `manage.py prepare`."
        )


def check_database() -> Iterator[Finding]:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        executor = MigrationExecutor(connection)
        missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError as error:
        yield Finding(
            "database",
            "failure",
            f"It does not answer: {error}".strip(),
            "Start it, or correct DATABASE_URL.",
        )
        return
    if missing:
        yield Finding(
            "database",
            "failure",
            f"{len(missing)} migrations are missing, the first is {missing[0][0]}.",
            "Run `manage.py prepare`.",
        )
        return
    yield Finding("database", "ok", f"{connection.display_name} answers and is up to date.")


def check_triggers() -> Iterator[Finding]:
    """Does the database itself still refuse what must not change?"""
    missing = triggers.missing(connection)
    if missing:
        yield Finding(
            "triggers",
            "failure",
            f"The database does not guard what must not change: {', '.join(missing)}.",
            "Find out who took them off; `manage.py ledger verify`; then `manage.py prepare` puts them back.",
        )
    else:
        yield Finding("triggers", "ok", "The database refuses to change the ledger and what was approved.")


def check_clock() -> Iterator[Finding]:
    here = timezone.now()
    newest = Checkpoint.objects.order_by("-size").annotate(database_time=Now()).first()
    if newest is None:
        yield Finding("clock", "ok", "The ledger is empty; nothing to compare with.")
    elif abs(newest.database_time - here) > CLOCK_TOLERANCE:
        yield Finding(
            "clock",
            "failure",
            f"The database's clock differs by {abs(newest.database_time - here).total_seconds():.0f} s.",
            "Synchronise both machines' clocks (NTP): credentials live for seconds.",
        )
    elif newest.sealed_at > here + CLOCK_TOLERANCE:
        yield Finding(
            "clock",
            "failure",
            f"The ledger was last sealed at {newest.sealed_at:%Y-%m-%d %H:%M:%S}, in the future.",
            "Correct this machine's clock.",
        )
    else:
        yield Finding("clock", "ok", "It agrees with the database and with the ledger.")


def check_nvd() -> Iterator[Finding]:
    held = Vulnerability.objects.count()
    if settings.NVD_ONLINE:
        yield Finding("nvd", "ok", f"Online at {settings.NVD_URL}; {held} records are held here.")
    elif held:
        yield Finding("nvd", "ok", f"Offline: answers come from {held} mirrored records.")
    else:
        yield Finding(
            "nvd",
            "warning",
            "Offline, and the mirror is empty: no lookup can be made.",
            "Load NVD JSON with `manage.py nvd load FILE…`.",
        )


def check_anchors() -> Iterator[Finding]:
    """Do the checkpoints get out, to where no administrator of the database has a hand?"""
    try:
        found = anchoring.standing()
    except ServiceError as error:
        yield Finding("anchors", "failure", str(error), "Correct COUNTERSIGN_ANCHORS (docs/anchors.md).")
        return
    for standing in found:
        name = f"{standing.level.value} {standing.sink}"
        if standing.wrong:
            mend = "Find out who rewrote what: `manage.py ledger anchors --check`."
            yield Finding("anchors", "failure", f"{name} contradicts the ledger: {standing.wrong}", mend)
        elif standing.is_late:
            mend = "`manage.py ledger anchor` tries again and says why it fails."
            yield Finding("anchors", "warning", f"{name} is late. {standing.error}".strip(), mend)
        else:
            yield Finding("anchors", "ok", f"{name} has {standing.size} entries.")
    if not found:
        yield Finding(
            "anchors",
            "warning",
            "None: a ledger that somebody rewrites with all keys would not be found.",
            "Name a place outside in COUNTERSIGN_ANCHORS (docs/anchors.md).",
        )


def check_key_changes() -> Iterator[Finding]:
    """Was a change of the seal key left half done?"""
    try:
        halfway = key_rotation.unfinished()
    except keys.KeysUnusable:
        return  # said by `check_keys`
    for sentence in halfway:
        yield Finding("keys", "failure", sentence, "Run that command again.")


def check_erasures() -> Iterator[Finding]:
    """Did a restored backup bring back what was erased? (promise 13)"""
    try:
        forgotten = len(erasure.undeclared())
    except ErasedLogUnreadable as error:
        yield Finding(
            "erasures", "failure", str(error), "Put the file back from a backup of the keys' folder."
        )
        return
    if forgotten:
        yield Finding(
            "erasures",
            "failure",
            f"{forgotten} erasures that this machine remembers are not in the database: it was restored.",
            "`manage.py ledger declare --reason …` repeats them and says so in the ledger.",
        )
    else:
        yield Finding("erasures", "ok", "The database knows of every erasure that this machine remembers.")


def check_siem() -> Iterator[Finding]:
    """Does every SIEM take what it is told? (S4-3)"""
    for standing in siem.standings():
        cursor = standing.cursor
        if standing.is_failing:
            yield Finding(
                "siem",
                "warning",
                f"{cursor.name} fails since {cursor.failing_since:%Y-%m-%d %H:%M} UTC: {cursor.error}",
                "Correct the receiver or COUNTERSIGN_SIEM, then `manage.py siem send`. Nothing is lost.",
            )
        elif standing.sink is not None:
            what = "headers, payloads and names" if standing.sink.payload else "headers alone"
            yield Finding("siem", "ok", f"{cursor.name} gets {what}; {standing.waiting} entries wait.")
    if not siem.configured():
        yield Finding("siem", "ok", "None is told: COUNTERSIGN_SIEM is not set.")


def check_notifications() -> Iterator[Finding]:
    """Do people hear of what waits for them outside the portal, too?"""
    host = settings.EMAIL_HOST
    if not host:
        yield Finding("mail", "ok", "None is sent: COUNTERSIGN_EMAIL_URL is not set.")
    elif settings.EMAIL_USE_TLS or settings.EMAIL_USE_SSL or is_here(host):
        yield Finding("mail", "ok", f"Sent through {host}:{settings.EMAIL_PORT}.")
    else:
        yield Finding(
            "mail",
            "warning",
            f"Sent through {host}:{settings.EMAIL_PORT} without TLS: others can read it on its way.",
            "Use submission:// or smtps:// in COUNTERSIGN_EMAIL_URL.",
        )
    if settings.NOTIFY_WEBHOOK:
        yield Finding("webhook", "ok", f"Called at {urlsplit(settings.NOTIFY_WEBHOOK).hostname}.")
    lost = deliveries.given_up(since=timezone.now() - timedelta(days=7)).count()
    if lost:
        yield Finding(
            "mail",
            "warning",
            f"{lost} mails or calls of the webhook did not arrive in the last week, or nobody knows.",
            "The page Deliveries says why. Everything is in the portal as well.",
        )


def check_approved_build() -> Iterator[Finding]:
    """Would the analyst's next run be what was approved? (promise 4)"""
    agent = Agent.objects.select_related("active_version").filter(slug=SLUG).first()
    if agent is None or agent.active_version is None:
        yield Finding("analyst", "ok", "Not approved yet: it does not run.")
    elif agent.active_version.digest != provenance.current().digest:
        yield Finding(
            "analyst",
            "warning",
            f"What would run is not the approved version {agent.active_version.label}: its runs are refused.",
            "Register the new version and submit it to the board.",
        )
    else:
        yield Finding("analyst", "ok", f"Version {agent.active_version.label} is what the board approved.")


Check = Callable[[], Iterator[Finding]]
WITHOUT_DATABASE: tuple[Check, ...] = (
    check_settings,
    check_client_certificates,
    check_folders,
    check_keys,
    check_broker,
    check_model,
    check_static_files,
)
WITH_DATABASE: tuple[Check, ...] = (
    check_triggers,
    check_clock,
    check_nvd,
    check_anchors,
    check_key_changes,
    check_erasures,
    check_siem,
    check_notifications,
    check_approved_build,
)
