"""A ledger to measure on: a database of its own, and the event that every benchmark records.

On SQLite in a temporary folder; DATABASE_URL names another database, in which one of its own is created
and dropped. Commits do not wait for the disk, for a shared disk is no measure.
"""

import json
import os
import platform
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
FOLDER = tempfile.TemporaryDirectory(prefix="countersign-bench-")
os.environ |= {
    "DJANGO_SETTINGS_MODULE": "portal.settings",
    "COUNTERSIGN_SECRET_KEY": "x" * 50,
    "COUNTERSIGN_DATA_DIR": FOLDER.name,
    "COUNTERSIGN_LEDGER_SEAL_INLINE": "false",
}
os.environ.setdefault("DATABASE_URL", f"sqlite:///{FOLDER.name}/bench.sqlite3")

import django  # noqa: E402

django.setup()

from django.conf import settings  # noqa: E402
from django.db import connection, models, transaction  # noqa: E402
from django.test.utils import setup_databases, teardown_databases  # noqa: E402

from audits import keys  # noqa: E402
from audits.actor import Actor  # noqa: E402
from audits.choices import Action  # noqa: E402
from audits.models import Event  # noqa: E402
from audits.models.base import new_id  # noqa: E402
from audits.services import ledger  # noqa: E402

ACTOR = Actor.system("benchmark")
STREAM = "agent/bench"
BODY = {"reason": "a grant covers it", "action": "get_vulnerability_info", "resource": "endpoint/nvd"}
HEADER = b"h" * 400
RESULTS = ROOT / "benchmarks" / "results"
NO_WAIT = {"sqlite": "PRAGMA synchronous = OFF", "postgresql": "SET synchronous_commit = off"}


class Bare(models.Model):
    """The event's row alone: same columns, same indexes, no code, no body, no trigger."""

    id = models.UUIDField(primary_key=True, default=new_id)
    header = models.BinaryField()
    mac = models.BinaryField()
    time = models.DateTimeField()
    stream = models.CharField(max_length=200)
    action = models.CharField(max_length=64)
    actor = models.CharField(max_length=200)
    object = models.CharField(max_length=200)
    outcome = models.CharField(max_length=16)
    frameworks = models.CharField(max_length=500)

    class Meta:
        app_label = "audits"
        indexes = (
            models.Index(fields=("stream", "id"), name="bare_stream"),
            models.Index(fields=("object", "id"), name="bare_object"),
            models.Index(fields=("action", "id"), name="bare_action"),
        )


@contextmanager
def benchmark_database() -> Iterator[None]:
    keys.create(Path(settings.KEYS_DIR))
    if connection.vendor == "sqlite":  # a file, as in use, not Django's database in memory
        connection.settings_dict["TEST"]["NAME"] = f"{FOLDER.name}/ledger.sqlite3"
    made = setup_databases(verbosity=0, interactive=False, serialized_aliases=[])
    try:
        with connection.schema_editor() as editor:
            editor.create_model(Bare)
        do_not_wait()
        yield
    finally:
        teardown_databases(made, verbosity=0)
        FOLDER.cleanup()


def do_not_wait() -> None:
    """Commits of this connection do not wait for the disk."""
    execute(NO_WAIT[connection.vendor])


def record() -> None:
    ledger.record(stream=STREAM, action=Action.DECISION_MADE, actor=ACTOR, object="decision/1", body=BODY)


def create() -> None:
    """What an application without a ledger does."""
    Bare._default_manager.create(  # noqa: SLF001 - its documented name where there is no app
        header=HEADER,
        mac=b"m" * 32,
        time=datetime.now(UTC),
        stream=STREAM,
        action="decision.made",
        actor=ACTOR.ref,
        object="decision/1",
        outcome="success",
        frameworks="",
    )


def insert() -> None:
    """The least that any application can do: one statement with ready values."""
    key = new_id()
    execute(
        "INSERT INTO audits_bare (id, header, mac, time, stream, action, actor, object, outcome, frameworks) "
        "VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        key if connection.features.has_native_uuid_field else key.hex,
        HEADER,
        b"m" * 32,
        connection.ops.adapt_datetimefield_value(datetime.now(UTC)),
        STREAM,
        "decision.made",
        ACTOR.ref,
        "decision/1",
        "success",
        "",
    )


def execute(statement: str, *values: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values or None)


def grow(size: int) -> None:
    """Record until there are `size` events, a thousand in a transaction."""
    for _ in range(Event.objects.count(), size, 1_000):
        in_one_transaction(record, 1_000)


def in_one_transaction(verb: Callable[[], None], times: int) -> None:
    with transaction.atomic():
        for _ in range(times):
            verb()


def save(name: str, found: dict[str, Any]) -> None:
    """Keep what was found on this database in `benchmarks/results/<name>.json`."""
    machine = {
        "processor": f"{os.cpu_count()} x {platform.machine()}",
        "python": platform.python_version(),
        "django": django.get_version(),
        "database": f"{connection.vendor} {_version()}",
    }
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    known = json.loads(path.read_text()) if path.exists() else {}
    known[connection.vendor] = {"machine": machine, **found}
    path.write_text(json.dumps(known, indent=2) + "\n")


def _version() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT sqlite_version()" if connection.vendor == "sqlite" else "SHOW server_version")
        return str(cursor.fetchone()[0])
