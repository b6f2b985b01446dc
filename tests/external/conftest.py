"""Real inputs that nobody here wrote. They lie beside a working copy, not in it."""

from pathlib import Path

import pytest

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of real inputs."""
    if not DATA.is_dir():
        pytest.skip(f"the folder of real inputs is absent: {DATA}")
    return DATA
