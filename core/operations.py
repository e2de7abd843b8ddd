"""Operations of migrations that only one of the databases needs.

They look at the models' state, never at rendered models: to render all of them anew is what makes a migration slow.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.migrations.operations import RunSQL
from django.db.migrations.operations.base import Operation


class SortByCodePoint(Operation):
    """On PostgreSQL, text that lists are sorted by is compared by code point, as on SQLite; ``columns``: "model.field".

    Whatever the locale of the database: it decides neither what a page shows first nor whether an index can be used.
    """

    reduces_to_sql = True
    reversible = True

    def __init__(self, *columns: str) -> None:
        self.columns = columns

    def deconstruct(self) -> tuple[str, tuple[str, ...], dict[str, Any]]:
        """As Django writes it into a migration."""
        return type(self).__name__, self.columns, {}

    def state_forwards(self, app_label: str, state: Any) -> None:
        """Models do not know of it."""

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        """Sort by code point."""
        self._collate(app_label, schema_editor, to_state, "C")

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        """Sort as the database does."""
        self._collate(app_label, schema_editor, to_state, "default")

    def describe(self) -> str:
        """For ``migrate --plan``."""
        return f"Sort {', '.join(self.columns)} by code point"

    def _collate(self, app: str, schema_editor: Any, state: Any, collation: str) -> None:
        connection, quote = schema_editor.connection, schema_editor.quote_name
        if connection.vendor != "postgresql":
            return
        for column in self.columns:
            model, _, field = column.partition(".")
            kind = state.models[app, model].fields[field].db_type(connection)
            schema_editor.execute(
                f'ALTER TABLE {quote(f"{app}_{model}")} ALTER COLUMN {quote(field)} TYPE {kind} COLLATE "{collation}"'
            )


class RunSqlOn(RunSQL):
    """Statements for one of the databases, ``vendor`` as in ``connection.vendor``; the others have no need of them."""

    def __init__(self, vendor: str, sql: Sequence[str], reverse_sql: Sequence[str]) -> None:
        super().__init__(list(sql), list(reverse_sql))
        self.vendor = vendor

    def deconstruct(self) -> tuple[str, Sequence[Any], dict[str, Any]]:
        """As Django writes it into a migration."""
        return type(self).__name__, (self.vendor, self.sql, self.reverse_sql), {}

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        """Run them, there."""
        if schema_editor.connection.vendor == self.vendor:
            super().database_forwards(app_label, schema_editor, from_state, to_state)

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        """Run their reverse, there."""
        if schema_editor.connection.vendor == self.vendor:
            super().database_backwards(app_label, schema_editor, from_state, to_state)
