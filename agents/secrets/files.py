"""Files below `COUNTERSIGN_SECRETS_DIR`, as Kubernetes, Docker and systemd mount secrets."""

import os
import stat
from pathlib import Path

from django.conf import settings

from agents.secrets.broker import MAX_BYTES, Stored, StoreError
from agents.secrets.uri import SecretURI
from agents.secrets.value import SecretValue

OUTSIDE = "This file is not below COUNTERSIGN_SECRETS_DIR."


class Files:
    """Links are followed where they stay inside the folder; a mounted secret is one."""

    title = "File"

    def check(self, uri: SecretURI) -> None:
        folder = _folder()
        path = Path(uri.name)
        if not (path.is_relative_to(folder) or path.is_relative_to(folder.resolve())):
            raise StoreError(OUTSIDE)

    def read(self, uri: SecretURI) -> Stored:
        self.check(uri)
        folder = _folder().resolve()
        try:
            path = Path(uri.name).resolve(strict=True)
            if not path.is_relative_to(folder):
                raise StoreError(OUTSIDE)
            content = _read(folder, path.relative_to(folder).parts)
        except OSError as error:
            raise StoreError(f"The file cannot be read ({error.strerror}).") from error
        return Stored(SecretValue(content.decode().removesuffix("\n")), "")


def _folder() -> Path:
    if not settings.SECRETS_DIR:
        raise StoreError("COUNTERSIGN_SECRETS_DIR is not set: no file holds secrets here.")
    return Path(settings.SECRETS_DIR)


def _read(folder: Path, parts: tuple[str, ...]) -> bytes:
    """Step by step from the folder, following no link: what was checked is what is opened."""
    here = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for number, part in enumerate(parts, 1):
            kind = os.O_DIRECTORY if number < len(parts) else os.O_NONBLOCK
            opened = os.open(part, os.O_RDONLY | os.O_NOFOLLOW | kind, dir_fd=here)
            os.close(here)
            here = opened
        if not stat.S_ISREG(os.fstat(here).st_mode):
            raise StoreError("This is no file.")
        content = os.read(here, MAX_BYTES + 1)
    finally:
        os.close(here)
    if len(content) > MAX_BYTES:
        raise StoreError(f"The file has more than {MAX_BYTES} bytes.")
    return content
