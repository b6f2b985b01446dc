"""What every test needs of the ledger: keys, a memory that forgets, tables that can be emptied."""

from collections.abc import Iterator

import pytest
from django.conf import settings
from django.db import connection
from django.test import TransactionTestCase

from audits import erased_log, guard, keys, triggers


@pytest.fixture(scope="session", autouse=True)
def _guarded_tables_can_be_emptied() -> Iterator[None]:
    name = "_fixture_teardown"
    empty_tables = getattr(TransactionTestCase, name)

    def empty_guarded_tables(case: TransactionTestCase) -> None:
        triggers.remove(connection)
        try:
            empty_tables(case)
        finally:
            triggers.install(connection)

    patch = pytest.MonkeyPatch()
    patch.setattr(TransactionTestCase, name, empty_guarded_tables)
    yield
    patch.undo()


@pytest.fixture(autouse=True)
def _ledger_is_ready() -> None:
    """The tables of each test begin empty, so the memory outside them must too."""
    keys.create(settings.KEYS_DIR)
    keys.forget()
    guard.forget()
    erased_log.path().unlink(missing_ok=True)
