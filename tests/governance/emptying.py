"""Lets tests empty the tables that the database guards."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.test import TransactionTestCase

from governance import immutable


@pytest.fixture(scope="session", autouse=True)
def _decided_tables_can_be_emptied(_ledger_tables_can_be_emptied: None) -> Iterator[None]:
    empty = TransactionTestCase._fixture_teardown  # type: ignore[attr-defined]

    def without_triggers(case: TransactionTestCase) -> Any:
        immutable.remove(connection)
        try:
            return empty(case)
        finally:
            immutable.install(connection)

    patch = pytest.MonkeyPatch()
    patch.setattr(TransactionTestCase, "_fixture_teardown", without_triggers)
    yield
    patch.undo()
