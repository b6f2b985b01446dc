import pytest

from tests.scim.directory import Directory


@pytest.fixture
def directory(db: None) -> Directory:
    return Directory()
