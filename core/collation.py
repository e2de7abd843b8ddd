"""For migrations: on PostgreSQL, text that lists are sorted by is compared by code point, as on SQLite.

Whatever the locale of the database: it decides neither what a page shows first nor whether an index can be used.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db import migrations


def sorted_by_code_point(app: str, *columns: str) -> migrations.RunPython:
    """An operation that sets the collation of text columns, each written as ``model.field``."""
    return migrations.RunPython(_collate(app, columns, "C"), _collate(app, columns, "default"))


def _collate(app: str, columns: tuple[str, ...], collation: str) -> Callable[[Any, Any], None]:
    def on_postgresql(apps: Any, schema_editor: Any) -> None:
        if schema_editor.connection.vendor != "postgresql":
            return
        for column in columns:
            model_name, _, field_name = column.partition(".")
            model = apps.get_model(app, model_name)
            field = model._meta.get_field(field_name)
            quote = schema_editor.quote_name
            schema_editor.execute(
                f"ALTER TABLE {quote(model._meta.db_table)} ALTER COLUMN {quote(field.column)} "
                f'TYPE {field.db_type(schema_editor.connection)} COLLATE "{collation}"'
            )

    return on_postgresql
