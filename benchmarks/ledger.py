"""What the ledger costs, as ratios measured in one run: `python benchmarks/ledger.py [--events N]`.

Absolute times depend on the machine; a ratio of two things done alternately on the same machine does
much less. On SQLite by default, in a temporary folder; DATABASE_URL names another database, in which a
database of its own is created and dropped.
"""

import argparse
import hashlib
import io
import os
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from contextlib import redirect_stdout
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parent.parent
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
from audits.models.base import new_id  # noqa: E402
from audits.services import bundles, ledger, sealing, verification  # noqa: E402
from audits.verify import verify  # noqa: E402

ACTOR = Actor.system("benchmark")
BODY = {"reason": "a grant covers it", "action": "get_vulnerability_info", "resource": "endpoint/nvd"}


TURN = 50
HEADER = b"h" * 330


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_500, help="events to append (default 1,500)")
    count = parser.parse_args().events
    keys.create(Path(settings.KEYS_DIR))
    if connection.vendor == "sqlite":  # a file, as in use, not Django's database in memory
        connection.settings_dict["TEST"]["NAME"] = f"{FOLDER.name}/ledger.sqlite3"
    made = setup_databases(verbosity=0, interactive=False, serialized_aliases=[])
    try:
        print(f"{connection.vendor}, {count} events; each figure is a ratio, larger is better")
        appending(count)
        verifying(count)
    finally:
        teardown_databases(made, verbosity=0)
        FOLDER.cleanup()
    return 0


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

    def __str__(self) -> str:
        return str(self.pk)


FIELDS = Bare._meta.concrete_fields  # noqa: SLF001 - Django's documented Model._meta API
INSERT = "INSERT INTO audits_bare ({}) VALUES ({})".format(  # noqa: S608 - our own names
    ", ".join(f'"{field.column}"' for field in FIELDS), ", ".join(["%s"] * len(FIELDS))
)


def appending(count: int) -> None:
    """In turns of fifty, each event in a transaction of its own."""
    with connection.schema_editor() as editor:
        editor.create_model(Bare)
    rounds = [
        [timed(lambda verb=verb: each_in_a_transaction(verb)) for verb in (insert_bare, save, record)]  # type: ignore[misc]
        for _ in range(count // TURN)
    ]
    against_bare = median(bare / recorded for bare, _, recorded in rounds)
    against_save = median(saved / recorded for _, saved, recorded in rounds)
    print(f"  append: record() against the bare INSERT of the same row     {against_bare:8.2f}")
    print(f"  append: record() against an unprotected Model.save()         {against_save:8.2f}")


def verifying(count: int) -> None:
    """Both verifications against what anybody must do: inflate and hash the same evidence."""
    sealing.seal()
    bundle = bundles.build(
        bundle_id=bundles.request(actor=ACTOR, stream="agent/bench", subject="Benchmark").pk
    )
    if bundle.state != "ready":
        raise SystemExit(bundle.error)
    floor = min(timed(lambda: inflate_and_hash(bundle.path)) for _ in range(5)) / count
    with redirect_stdout(io.StringIO()) as words:
        offline = timed(lambda: verify.main([str(bundle.path), "--key", str(keys.ledger_verifier())])) / count
    online = timed(lambda: sound(verification.verify())) / count
    if not words.getvalue().startswith("VERIFIED\n"):
        raise SystemExit(words.getvalue())
    print(f"  verify: a bundle, with verify.py, against inflate + SHA-256  {floor / offline:8.2f}")
    print(f"  verify: the database, against inflate + SHA-256              {floor / online:8.2f}")
    print(f"  (an event: {offline * 1e6:.0f} microseconds offline, {online * 1e6:.0f} in the database)")


def inflate_and_hash(path: Path) -> None:
    """What anybody must at least do with a bundle: unpack every file and hash it."""
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            hashlib.sha256(archive.read(name)).digest()


def sound(report: verification.Report) -> None:
    if not report.is_sound:
        raise SystemExit(report.problem)


def each_in_a_transaction(verb: Callable[[], None]) -> None:
    for _ in range(TURN):
        with transaction.atomic():
            verb()


def record() -> None:
    ledger.record(
        stream="agent/bench", action=Action.DECISION_MADE, actor=ACTOR, object="decision/1", body=BODY
    )


def save() -> None:
    a_row().save(force_insert=True)


def insert_bare() -> None:
    row = a_row()
    values = [field.get_db_prep_save(getattr(row, field.name), connection) for field in FIELDS]
    with connection.cursor() as cursor:
        cursor.execute(INSERT, values)


def a_row() -> Bare:
    return Bare(
        header=HEADER,
        mac=b"m" * 32,
        time=datetime.now(UTC),
        stream="agent/bench",
        action="decision.made",
        actor=ACTOR.ref,
        object="decision/1",
        outcome="success",
        frameworks="",
    )


def timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


if __name__ == "__main__":
    sys.exit(main())
