"""What would run now: the provenance of the analyst as this process would run it (promise 4)."""

import functools
import hashlib
from pathlib import Path

from agents import llm
from agents.analyst import prompt
from agents.functions import catalogue
from agents.provenance import Provenance

PACKAGES = (Path(__file__).parent, Path(catalogue.__file__).parent)


def current() -> Provenance:
    """The model of the settings, the system prompt, the catalogue, and the code of both packages."""
    model = llm.identity()
    return Provenance(
        model_provider=model.provider,
        model_name=model.name,
        model_version=model.version,
        prompt_digest=prompt.digest(),
        tool_manifest=catalogue.manifest(),
        code_commit=_code(),
        data_snapshot="",
        image_digest="",
    )


@functools.cache
def _code() -> str:
    """SHA-256 over the source files' names and bytes; read once, as the code itself is."""
    digest = hashlib.sha256()
    for package in PACKAGES:
        for path in sorted(package.rglob("*.py")):
            name = f"{package.name}/{path.relative_to(package).as_posix()}"
            digest.update(f"{name}\0{path.stat().st_size}\0".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()
