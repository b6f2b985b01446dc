"""What the ledger costs, as ratios to floors measured in the same run: `python benchmarks/ledger.py`.

Times depend on the machine; the ratio of two things done alternately on the same machine does much
less. A ratio is floor / ours, the median of paired rounds: 1.00 costs nothing, larger is better. Commits
do not wait for the disk, for a shared disk is no measure; where it says so each waits for exactly 1 ms
instead. On SQLite in a temporary folder; DATABASE_URL names another database, in which a database of
its own is created and dropped. `docs/performance.md` explains the floors and the targets.
"""

import argparse
import io
import json
import multiprocessing
import os
import platform
import random
import sys
import tempfile
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from hashlib import sha256
from pathlib import Path
from statistics import median
from typing import Any

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
from measuring import Row, measured, paired, show  # noqa: E402

from audits import keys  # noqa: E402
from audits.actor import Actor  # noqa: E402
from audits.choices import Action  # noqa: E402
from audits.models import Bundle, Event  # noqa: E402
from audits.models.base import new_id  # noqa: E402
from audits.services import bundles, ledger, sealing, verification  # noqa: E402
from audits.tree import gaps  # noqa: E402
from audits.verify import verify  # noqa: E402

ACTOR = Actor.system("benchmark")
BODY = {"reason": "a grant covers it", "action": "get_vulnerability_info", "resource": "endpoint/nvd"}
HEADER = b"h" * 330
TURN = 50
RESULTS = ROOT / "benchmarks" / "results" / "ledger.json"
NO_WAIT = {"sqlite": "PRAGMA synchronous = OFF", "postgresql": "SET synchronous_commit = off"}
EVIDENCE = (
    "SELECT header, seal, salt, content FROM audits_entry JOIN audits_event ON audits_event.id = "
    "audits_entry.event_id JOIN audits_body ON audits_body.event_id = audits_event.id ORDER BY seq"
)
TAIL = 2_000


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--appends", type=int, default=500, help="events to append one by one")
    parser.add_argument("--sizes", type=int, nargs="+", default=[2_000, 10_000], help="sizes of the ledger")
    parser.add_argument("--writers", type=int, default=8, help="processes that append at once")
    parser.add_argument("--seconds", type=float, default=1.0, help="how long they do, three times each way")
    parser.add_argument("--save", action="store_true", help=f"write {RESULTS.relative_to(ROOT)}")
    options = parser.parse_args()
    with benchmark_database():
        sizes = []
        for size in sorted(options.sizes):
            costs, bundle = at_size(size)
            sizes.append(costs)
        rows = [
            *reading(size, bundle),
            *appending(options.appends),
            *together(options.writers, options.seconds),
        ]
        proof = proof_bytes(1_000_000)
        show(rows, sizes, proof)
        if options.save:
            save_results({"rows": [asdict(row) for row in rows], "sizes": sizes, "proof_bytes": proof})
    return 0


@contextmanager
def benchmark_database() -> Iterator[None]:
    keys.create(Path(settings.KEYS_DIR))
    if connection.vendor == "sqlite":  # a file, as in use, not Django's database in memory
        connection.settings_dict["TEST"]["NAME"] = f"{FOLDER.name}/ledger.sqlite3"
    made = setup_databases(verbosity=0, interactive=False, serialized_aliases=[])
    try:
        with connection.schema_editor() as editor:
            editor.create_model(Bare)
        execute(NO_WAIT[connection.vendor])
        yield
    finally:
        teardown_databases(made, verbosity=0)
        FOLDER.cleanup()


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


# --- Appending ----------------------------------------------------------------------------------------
def record() -> None:
    ledger.record(
        stream="agent/bench", action=Action.DECISION_MADE, actor=ACTOR, object="decision/1", body=BODY
    )


def create() -> None:
    """What an application without a ledger does."""
    Bare._default_manager.create(  # noqa: SLF001 - its documented name where there is no app
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
        "agent/bench",
        "decision.made",
        ACTOR.ref,
        "decision/1",
        "success",
        "",
    )


def execute(statement: str, *values: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values or None)


def each_committed(verb: Callable[[], None], *, wait: float = 0.0) -> None:
    for _ in range(TURN):
        with transaction.atomic():
            verb()
        time.sleep(wait) if wait else None


def appending(count: int) -> Iterator[Row]:
    """One writer, each event in a transaction of its own, in turns of fifty."""
    least, per = "the bare INSERT of the same row", {"events": TURN, "rounds": max(count // TURN, 3)}
    record_, insert_ = partial(each_committed, record), partial(each_committed, insert)
    yield paired("record()", least, 0.80, ours=record_, floor=insert_, **per)
    yield paired(
        "record()", "Model.objects.create", 1.0, ours=record_, floor=partial(each_committed, create), **per
    )
    yield paired(
        "record(), a commit waits 1 ms", least, 0.95, ours=partial(record_, wait=0.001),
        floor=partial(insert_, wait=0.001), **per,
    )  # fmt: skip
    sealing.seal()
    yield paired(
        "record(), sealed inline", "record(), sealed by a worker", 0.90, ours=sealed_inline,
        floor=sealed_elsewhere, **per,
    )  # fmt: skip


def sealed_elsewhere() -> None:
    """A worker's turn comes after about 50 ms; it takes the same processor."""
    each_committed(record, wait=0.001)
    sealing.seal()


def sealed_inline() -> None:
    settings.LEDGER_SEAL_INLINE = True
    try:
        each_committed(record, wait=0.001)
    finally:
        settings.LEDGER_SEAL_INLINE = False
    sealing.seal()


def together(writers: int, seconds: float) -> Iterator[Row]:
    """Many processes at once, each commit waits 1 ms; while they record, a sealer runs."""
    ratios, ours, floors = [], [], []
    for _ in range(3):
        bare, recorded = throughput(insert, writers, seconds), throughput(record, writers, seconds)
        ratios.append(recorded / bare)
        ours.append(1e6 / recorded)
        floors.append(1e6 / bare)
    ratio = median(ratios)
    yield Row(
        f"record(), {writers} writers, 1 ms, sealer", "the bare INSERT", 0.95, ratio, ratio, median(ours),
        median(floors),
    )  # fmt: skip


def throughput(verb: Callable[[], None], writers: int, seconds: float) -> float:
    """Events a second."""
    close = getattr(connection, "close_pool", None)
    connection.close()
    if connection.vendor == "postgresql" and close:
        close()
    context = multiprocessing.get_context("fork")
    counts = context.SimpleQueue()
    processes = [context.Process(target=write, args=(verb, seconds, counts)) for _ in range(writers)]
    for process in processes:
        process.start()
    execute(NO_WAIT[connection.vendor])
    while verb is record and any(process.is_alive() for process in processes):
        sealing.seal()
        time.sleep(0.1)
    total: int = sum(counts.get() for _ in processes)
    for process in processes:
        process.join()
    sealing.seal()
    return total / seconds


def write(verb: Callable[[], None], seconds: float, counts: Any) -> None:
    execute(NO_WAIT[connection.vendor])
    count, end = 0, time.monotonic() + seconds
    while time.monotonic() < end:
        with transaction.atomic():
            verb()
        time.sleep(0.001)
        count += 1
    connection.close()
    counts.put(count)


# --- A ledger of some size ------------------------------------------------------------------------------
def at_size(size: int) -> tuple[dict[str, float], Bundle]:
    """Microseconds of the processor an event, and MiB on top of the process, once there are `size` events."""
    grow(size - TAIL)
    sealing.seal()
    grow(size)
    seal, _ = measured(sealing.seal, min(TAIL, size))
    bundle, build, build_mib = built(size)
    check, check_mib = measured(check_database, size)
    offline, offline_mib = measured(lambda: check_offline(bundle), size)
    append, _ = measured(lambda: each_committed(record), TURN)
    costs = {
        "events": size, "record": append, "seal": seal, "bundle": build, "bundle MiB": build_mib,
        "verify": check, "verify MiB": check_mib, "verify.py": offline, "verify.py MiB": offline_mib,
    }  # fmt: skip
    return costs, bundle


def reading(size: int, bundle: Bundle) -> Iterator[Row]:
    """Building and verifying, against what anybody must at least do."""
    offline, per = partial(check_offline, bundle), {"events": size, "rounds": 3}
    yield paired(
        "building a bundle", "SELECT and gzip -6", 1.0, ours=lambda: built(size), floor=select_and_gzip, **per
    )
    yield paired(
        "ledger verify", "SELECT and SHA-256", None, ours=check_database, floor=select_and_hash, **per
    )
    files, hashes = partial(unpack, bundle), partial(unpack, bundle, every_hash=True)
    yield paired("verify.py", "inflate and SHA-256 of files", 0.5, ours=offline, floor=files, **per)
    yield paired("verify.py", "and of leaves, nodes and bodies", None, ours=offline, floor=hashes, **per)


def grow(size: int) -> None:
    for _ in range(Event.objects.count(), size, 1_000):
        with transaction.atomic():
            for _ in range(1_000):
                record()


def built(size: int) -> tuple[Bundle, float, float]:
    requested = bundles.request(actor=ACTOR, stream="agent/bench", subject="Benchmark")
    cost, mib = measured(lambda: bundles.build(bundle_id=requested.pk), size)
    bundle = Bundle.objects.get(pk=requested.pk)
    if bundle.state != "ready":
        raise SystemExit(bundle.error)
    return bundle, cost, mib


def check_database() -> None:
    report = verification.verify()
    if not report.is_sound:
        raise SystemExit(report.problem)


def check_offline(bundle: Bundle) -> None:
    with redirect_stdout(io.StringIO()) as words:
        verify.main([str(bundle.path), "--key", str(keys.ledger_verifier())])
    if not words.getvalue().startswith("VERIFIED\n"):
        raise SystemExit(words.getvalue())


def evidence() -> Iterator[tuple[Any, ...]]:
    with connection.chunked_cursor() as cursor:
        cursor.execute(EVIDENCE)
        while rows := cursor.fetchmany(1_000):
            yield from rows


def select_and_gzip() -> None:
    packer = zlib.compressobj(6)
    for row in evidence():
        packer.compress(b"".join(map(bytes, row)))
    packer.flush()


def select_and_hash() -> None:
    for header, seal, salt, content in evidence():
        sha256(b"\0" + bytes(header) + bytes(seal)).digest()
        sha256(bytes(salt) + bytes(content)).digest()


def unpack(bundle: Bundle, *, every_hash: bool = False) -> None:
    """What anybody must at least do with a bundle: inflate its files and hash them (and their lines)."""
    with zipfile.ZipFile(bundle.path) as archive:
        for name in archive.namelist():
            digest = sha256()
            with archive.open(name) as file:
                while piece := file.read(1 << 16):
                    digest.update(piece)
                    if every_hash and name.startswith(("entries/", "bodies/")):
                        for line in piece.split(b"\n"):
                            leaf = sha256(line).digest()
                            if name.startswith("entries/"):
                                sha256(leaf + leaf).digest()


def proof_bytes(size: int) -> float:
    """Bytes of proof.bin an entry, where every thousandth entry of a large ledger is in the bundle."""
    included = sorted(random.Random(1).sample(range(size), size // 1_000))  # noqa: S311 - no secret
    return 32 * sum(1 for _ in gaps(size, included)) / len(included)


# --- Keeping ------------------------------------------------------------------------------------------------
def save_results(found: dict[str, Any]) -> None:
    machine = {
        "processor": f"{os.cpu_count()} x {platform.machine()}",
        "python": platform.python_version(),
        "django": django.get_version(),
        "database": f"{connection.vendor} {version()}",
    }
    RESULTS.parent.mkdir(exist_ok=True)
    known = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    known[connection.vendor] = {"machine": machine, **found}
    RESULTS.write_text(json.dumps(known, indent=2) + "\n")


def version() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT sqlite_version()" if connection.vendor == "sqlite" else "SHOW server_version")
        return str(cursor.fetchone()[0])


if __name__ == "__main__":
    sys.exit(main())
