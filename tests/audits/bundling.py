"""Taking bundles apart, putting others together, and what the verifier says of them."""

import contextlib
import hashlib
import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
from django.conf import settings

from audits import keys
from audits.archive import Archive
from audits.choices import BundleKind
from audits.models import Bundle
from audits.services import bundles
from audits.verify import verify
from tests.audits.happenings import TESTER

STORED = {"policy.txt", "rotations.txt", "checkpoint.txt", "manifest.json", "manifest.sig"}


def ask(*streams: str, kind: str = "agent", **scope: Any) -> Bundle:
    """A request about agent/one, unless it says otherwise."""
    about = {"streams": streams or (("agent/one",) if kind == "agent" else ()), "subject": "The one"}
    return bundles.request(actor=TESTER, kind=BundleKind(kind), **(about | scope))


def build(*streams: str, kind: str = "agent", **scope: Any) -> Bundle:
    bundle = bundles.build(bundle_id=ask(*streams, kind=kind, **scope).pk)
    assert bundle.state == "ready", bundle.error
    return bundle


def verdict(path: Path, *options: str, key: str | None = "") -> tuple[int, str]:
    """Exit code and words of the verifier; with the organisation's key unless told otherwise."""
    given = ["--key", key or str(Path(settings.KEYS_DIR) / keys.LEDGER_VKEY)] if key is not None else []
    words = io.StringIO()
    with contextlib.redirect_stdout(words):
        code = verify.main([str(path), *given, *options])
    return code, words.getvalue()


def unpack(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def pack(
    files: dict[str, bytes],
    path: Path,
    *,
    manifest: dict[str, Any] | None = None,
    rewrite: Callable[[bytes], bytes] = bytes,
) -> Path:
    """Forge a bundle with the export key: consistent in every digest, and signed.

    `manifest` overrides what the manifest said, `rewrite` changes its bytes.
    """
    said = orjson.loads(files["manifest.json"]) | (manifest or {})
    with path.open("w+b") as file:
        archive = Archive(file)
        for name, content in files.items():
            if not name.startswith("manifest."):
                archive.add(name, [content], stored=name in STORED)
        said["files"] = [member.description for member in archive.members]
        written = rewrite(orjson.dumps(said))
        digest = hashlib.sha256(written).hexdigest()
        archive.add("manifest.json", [written], stored=True)
        archive.add(
            "manifest.sig",
            [keys.export().sign(f"countersign/manifest/v1\n{digest}\n").encode()],
            stored=True,
        )
        archive.close()
    return path
