"""What every test needs of the ledger: keys, a memory that forgets, tables that can be emptied."""

from collections.abc import Iterator

import pytest
from django.conf import settings
from django.test import TransactionTestCase

from audits import erased_log, guard, keys
from tests import emptying


@pytest.fixture(scope="session", autouse=True)
def _guarded_tables_can_be_emptied() -> Iterator[None]:
    patch = pytest.MonkeyPatch()
    patch.setattr(TransactionTestCase, "_fixture_teardown", lambda _case: emptying.empty())
    yield
    patch.undo()


@pytest.fixture(autouse=True)
def _ledger_is_ready() -> None:
    """The tables of each test begin empty, so the memory outside them must too."""
    keys.create(settings.KEYS_DIR)
    keys.forget()
    guard.forget()
    erased_log.path().unlink(missing_ok=True)
