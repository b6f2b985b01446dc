"""What sealing, verifying and bundles cost by size of the ledger: `python benchmarks/evidence.py`.

Ratios are floor / ours of things done alternately in the same run: 1.00 costs nothing more than the
floor, larger is better. `docs/performance.md` explains the floors and the targets.
"""

import argparse
import io
import random
import sys
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import asdict
from functools import partial
from hashlib import sha256
from typing import Any

from measuring import Row, measured, paired, show, show_sizes
from measuring.ledger import ACTOR, STREAM, benchmark_database, grow, in_one_transaction, record, save

from django.db import connection  # isort: skip - measuring.ledger has set Django up

from audits import keys
from audits.choices import BundleKind
from audits.models import Bundle
from audits.services import bundles, sealing, verification
from audits.tree import gaps
from audits.verify import verify

TAIL = 2_000
EVIDENCE = (
    "SELECT header, seal, body_box, name_box FROM audits_entry JOIN audits_event ON audits_event.id = "
    "audits_entry.event_id JOIN audits_body ON audits_body.event_id = audits_event.id ORDER BY seq"
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--sizes", type=int, nargs="+", default=[2_000, 10_000], help="sizes of the ledger")
    parser.add_argument("--save", action="store_true", help="keep the result in benchmarks/results")
    parser.add_argument("--ratios-up-to", type=int, default=20_000, help="the largest size to take ratios at")
    options = parser.parse_args()
    with benchmark_database():
        sizes, rows = [], []
        for size in sorted(options.sizes):
            costs, bundle = at_size(size)
            sizes.append(costs)
            if size <= max(options.ratios_up_to, min(options.sizes)):
                rows = list(reading(size, bundle))
        proof = proof_bytes(1_000_000)
        show(rows)
        show_sizes(sizes)
        print(f"\nproof.bin: {proof:.0f} bytes an entry, one entry in a thousand of a million")
        if options.save:
            save("evidence", {"rows": [asdict(row) for row in rows], "sizes": sizes, "proof_bytes": proof})
    return 0


def at_size(size: int) -> tuple[dict[str, float], Bundle]:
    """Microseconds of the processor an event, and MiB on top of the process, once there are `size` events."""
    grow(size - TAIL)
    sealing.seal()
    append, _ = measured(partial(in_one_transaction, record, TAIL), TAIL)
    seal, _ = measured(sealing.seal, TAIL)
    bundle, build, build_mib = built(size)
    check, check_mib = measured(check_database, size)
    offline, offline_mib = measured(lambda: check_offline(bundle), size)
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


def built(size: int) -> tuple[Bundle, float, float]:
    requested = bundles.request(actor=ACTOR, kind=BundleKind.AGENT, streams=[STREAM], subject="Benchmark")
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
    if not words.getvalue().startswith("VERIFIED"):
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
    for header, seal, body, name in evidence():
        sha256(b"\0" + bytes(header) + bytes(seal)).digest()
        sha256(bytes(body) + bytes(name)).digest()


def unpack(bundle: Bundle, *, every_hash: bool = False) -> None:
    """What anybody must at least do with a bundle: inflate its files and hash them (and their lines)."""
    with zipfile.ZipFile(bundle.path) as archive:
        for name in archive.namelist():
            digest = sha256()
            with archive.open(name) as file:
                while piece := file.read(1 << 16):
                    digest.update(piece)
                    if every_hash and name.startswith(("entries/", "bodies/")):
                        hash_lines(piece, nodes=name.startswith("entries/"))


def hash_lines(piece: bytes, *, nodes: bool) -> None:
    for line in piece.split(b"\n"):
        leaf = sha256(line).digest()
        sha256(leaf + leaf).digest() if nodes else None


def proof_bytes(size: int) -> float:
    """Bytes of proof.bin an entry, where every thousandth entry of a large ledger is in the bundle."""
    included = sorted(random.Random(1).sample(range(size), size // 1_000))  # noqa: S311 - no secret
    return 32 * sum(1 for _ in gaps(size, included)) / len(included)


if __name__ == "__main__":
    sys.exit(main())
