"""Statements whose SQL is made once a process: for what every decision runs.

Making the SQL costs the ORM many times what the database takes to answer it. Columns still come from the
models, and values go through their fields.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, TypeVar
from uuid import UUID

from django.db import connection
from django.db.models import Model, QuerySet

from audits.models.base import Row

R = TypeVar("R", bound=Row)


class Prepared:
    """A query without parameters of its own; rows come as the database gives them.

    On SQLite an id is its hexadecimal text: name a row by it, and compare it with nothing.
    """

    def __init__(self, build: Callable[[], "QuerySet[Any, Any]"]) -> None:
        self._build = build
        self._statement: tuple[str, Sequence[Any]] | None = None

    def rows(self) -> list[tuple[Any, ...]]:
        if self._statement is None:
            self._statement = self._build().query.sql_with_params()
        with connection.cursor() as cursor:
            cursor.execute(*self._statement)
            return list(cursor.fetchall())


def select(model: type[R], condition: str, *values: object) -> list[R]:
    """The rows for which a condition in SQL holds; may end in ORDER BY. What is in it comes from nobody."""
    rows = model._default_manager.raw(_selection(model, condition), [_adapted(value) for value in values])  # noqa: SLF001
    return list(rows)


def by_id(model: type[R], key: UUID) -> R | None:
    """The row of this id, or None."""
    return next(iter(select(model, "id = %s", key)), None)


def insert(row: Row) -> None:
    """Write a new row; sends no signal."""
    fields, statement = _insertion(type(row))
    values = [field.get_db_prep_save(field.pre_save(row, add=True), connection) for field in fields]
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
    row._state.adding, row._state.db = False, connection.alias  # noqa: SLF001 - what Model.save() does


def _adapted(value: object) -> object:
    """As the database's driver takes it."""
    if isinstance(value, UUID):
        return value if connection.features.has_native_uuid_field else value.hex
    if isinstance(value, datetime):
        return connection.ops.adapt_datetimefield_value(value)
    return value


@lru_cache
def _selection(model: type[Model], condition: str) -> str:
    table = connection.ops.quote_name(model._meta.db_table)  # noqa: SLF001 - Django documents it
    return f"SELECT * FROM {table} WHERE {condition}"  # noqa: S608


@lru_cache
def _insertion(model: type[Model]) -> tuple[Sequence[Any], str]:
    fields = model._meta.concrete_fields  # noqa: SLF001 - Django documents it
    quoted = connection.ops.quote_name
    columns = ", ".join(quoted(field.column) for field in fields if field.column)
    places = ", ".join(["%s"] * len(fields))
    table = quoted(model._meta.db_table)  # noqa: SLF001
    return fields, f"INSERT INTO {table} ({columns}) VALUES ({places})"  # noqa: S608
