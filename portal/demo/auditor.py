"""What an auditor does with a bundle, far from here: verify it in a process that imports nothing of ours."""

import subprocess
import sys
import zipfile
from pathlib import Path

from django.conf import settings

FLIPPED = 0x01


def verify(verifier: Path, bundle: Path) -> tuple[int, str]:
    key = Path(settings.KEYS_DIR) / "ledger.vkey"
    command = [sys.executable, "-I", "-S", str(verifier), str(bundle), "--key", str(key)]
    result = subprocess.run(command, capture_output=True, text=True, check=False, cwd=verifier.parent)  # noqa: S603
    return result.returncode, (result.stdout + result.stderr).strip()


def damage(source: Path, target: Path) -> None:
    """Copy a bundle with one bit changed, in the middle of the recorded events."""
    content = bytearray(source.read_bytes())
    with zipfile.ZipFile(source) as archive:
        events = archive.getinfo("entries/000000.ndjson")
    content[events.header_offset + events.compress_size // 2] ^= FLIPPED
    target.write_bytes(content)
