"""The memory outside the database: how far the ledger had come when this machine last sealed.

A database that is behind it was restored from a backup, or cut. That must be declared by somebody,
not discovered by an auditor.
"""

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from audits.errors import ServiceError

FILE = "ledger.head"


@dataclass(frozen=True, slots=True)
class Head:
    size: int
    root: bytes


class GuardUnreadable(ServiceError):
    """The file is there and says nothing that could be understood."""

    code = "guard_unreadable"
    status = 503


def path() -> Path:
    return Path(settings.KEYS_DIR) / FILE


def remembered() -> Head | None:
    """
    Raises:
        GuardUnreadable: see there.
    """
    try:
        size, root = path().read_text().split()
        return Head(int(size), bytes.fromhex(root))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise GuardUnreadable(
            f"{path()} should hold the size and root of the last checkpoint: {error}. Put it back from a "
            "backup, or, after `manage.py ledger verify` and a comparison with a checkpoint kept elsewhere, "
            "run `manage.py ledger declare`."
        ) from error


def remember(head: Head) -> None:
    """Write `head`, all or nothing.

    Raises:
        OSError: the directory cannot be written to.
    """
    with tempfile.NamedTemporaryFile("w", dir=path().parent, prefix=FILE, delete=False) as file:
        file.write(f"{head.size} {head.root.hex()}\n")
        file.flush()
        os.fsync(file.fileno())
    Path(file.name).replace(path())


def forget() -> None:
    path().unlink(missing_ok=True)
