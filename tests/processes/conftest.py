from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.processes.installation import Installation


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    """A fresh installation on SQLite, prepared."""
    made = Installation(tmp_path)
    prepared = made.manage("prepare")
    assert prepared.returncode == 0, prepared.stderr
    yield made
    made.stop()
