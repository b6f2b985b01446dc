import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.processes.installation import Installation


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data of an installation on which nothing has happened yet."""
    data = tmp_path_factory.mktemp("prepared")
    done = Installation(data).manage("prepare")
    assert done.returncode == 0, done.stderr
    return data


@pytest.fixture
def installation(prepared: Path, tmp_path: Path) -> Iterator[Installation]:
    """A fresh installation on SQLite, prepared."""
    shutil.copytree(prepared, tmp_path, dirs_exist_ok=True)
    made = Installation(tmp_path)
    yield made
    made.stop()
