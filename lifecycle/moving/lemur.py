"""The reader of a Lemur database: one read-only transaction that sees it as it was at its beginning."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any, Self, TypeVar

import psycopg2
import psycopg2.extensions
from psycopg2 import sql

from core.errors import Invalid, Unavailable
from lifecycle.moving.rows import KINDS, Authority, Certificate, Domain, Role, Row, User

R = TypeVar("R", bound=Row)
REQUIRED = (Role, User, Authority, Certificate)
ONE_PAGE = 2_000


class Lemur:
    """An open database. Tables and columns that it lacks are empty; an older Lemur's can be read as well."""

    def __init__(self, address: str) -> None:
        """``address`` as in Lemur's SQLALCHEMY_DATABASE_URI. Raises Unavailable, or Invalid if it is no Lemur's."""
        with _lost_connections():
            self._connection = psycopg2.connect(_plain(address), application_name="import_lemur")
        snapshot = psycopg2.extensions.ISOLATION_LEVEL_REPEATABLE_READ
        self._connection.set_session(isolation_level=snapshot, readonly=True)
        self._run("SET idle_in_transaction_session_timeout = 0")
        self._columns = self._look()
        missing = [row.table for row in REQUIRED if not self._columns.get(row.table)]
        if missing:
            raise Invalid(f"This is not a database of Lemur's: it has no table {missing[0]!r}.")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def ids(self, row: type[Row]) -> list[int]:
        """All of a table, in order, through a cursor of the server's."""
        if not self._columns.get(row.table):
            return []
        query = sql.SQL("SELECT id FROM {} ORDER BY id").format(sql.Identifier(row.table))
        return [found for (found,) in self._stream(query)]

    def fetch(self, row: type[R], ids: Sequence[int]) -> list[R]:
        """The rows with these ids, in order."""
        names = [field.name for field in fields(row) if field.name in self._columns[row.table]]
        columns = sql.SQL(", ").join(map(sql.Identifier, names))
        query = sql.SQL("SELECT {} FROM {} WHERE id = ANY(%s) ORDER BY id").format(columns, sql.Identifier(row.table))
        found = self._run(query, [list(ids)])
        return [row(**dict(zip(names, map(_value, one), strict=True))) for one in found]

    def pairs(self, table: str, key: str, other: str, ids: Sequence[int]) -> dict[int, list[int]]:
        """Of a table that links two others: for each of ``ids`` in ``key``, what ``other`` says, each once."""
        if not {key, other} <= self._columns.get(table, set()):
            return {}
        names = [sql.Identifier(name) for name in (key, other, table, key, other)]
        query = sql.SQL("SELECT DISTINCT {}, {} FROM {} WHERE {} = ANY(%s) AND {} IS NOT NULL ORDER BY 1, 2")
        linked: dict[int, list[int]] = {}
        for one, two in self._run(query.format(*names), [list(ids)]):
            linked.setdefault(one, []).append(two)
        return linked

    def own_certificates(self) -> dict[int, int]:
        """The certificate of each authority: the first, should there be several."""
        return dict(
            self._run(
                "SELECT root_authority_id, min(id) FROM certificates WHERE root_authority_id IS NOT NULL GROUP BY 1"
            )
        )

    def domains(self) -> Iterator[Domain]:
        """Each name once, however many rows it has; sensitive if any of them is."""
        if self._columns.get("domains"):
            found = self._stream(
                sql.SQL(
                    "SELECT min(id), name, coalesce(bool_or(sensitive), false) FROM domains "
                    "WHERE name <> '' GROUP BY name ORDER BY 1"
                )
            )
            yield from (Domain(id=number, name=name, sensitive=sensitive) for number, name, sensitive in found)

    def ports(self, ids: Sequence[int]) -> dict[int, dict[str, list[int]]]:
        """Where certificates were seen being served, by name."""
        if "ports" not in self._columns.get("certificate_associations", set()):
            return {}
        seen: dict[int, dict[str, list[int]]] = {}
        query = (
            "SELECT a.certificate_id, d.name, a.ports FROM certificate_associations a "
            "JOIN domains d ON d.id = a.domain_id WHERE a.ports IS NOT NULL AND a.certificate_id = ANY(%s)"
        )
        for certificate, name, ports in self._run(query, [list(ids)]):
            seen.setdefault(certificate, {})[name] = sorted({port for port in ports if port is not None})
        return seen

    def revoked_at(self, ids: Sequence[int]) -> dict[int, datetime]:
        """When people had certificates revoked, as far as Lemur has noted it."""
        if not self._columns.get("logs"):
            return {}
        query = (
            "SELECT certificate_id, min(logged_at) FROM logs "
            "WHERE log_type::text = 'revoke_cert' AND certificate_id = ANY(%s) GROUP BY 1"
        )
        return {certificate: _value(at) for certificate, at in self._run(query, [list(ids)]) if at is not None}

    def highest(self) -> dict[str, int]:
        """The highest id of each table that is read."""
        known = [row.table for row in KINDS if self._columns.get(row.table)]
        query = sql.SQL("SELECT coalesce(max(id), 0) FROM {}")
        return {table: int(self._run(query.format(sql.Identifier(table)))[0][0]) for table in known}

    def count(self, table: str, *, unless: str = "") -> int:
        """How many rows; not those in which the column ``unless`` is true."""
        if not self._columns.get(table):
            return 0
        query = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))
        if unless in self._columns[table]:
            query += sql.SQL(" WHERE {} IS NOT TRUE").format(sql.Identifier(unless))
        return int(self._run(query)[0][0])

    def _look(self) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        query = (
            "SELECT table_name, column_name FROM information_schema.columns "
            "WHERE table_schema = ANY(current_schemas(false))"
        )
        for table, column in self._run(query):
            found.setdefault(table, set()).add(column)
        return found

    def _run(self, query: Any, arguments: Iterable[Any] | None = None) -> list[tuple[Any, ...]]:
        with _lost_connections(), self._connection.cursor() as cursor:
            cursor.execute(query, arguments)
            return cursor.fetchall() if cursor.description else []

    def _stream(self, query: sql.Composable) -> Iterator[Any]:
        with _lost_connections(), self._connection.cursor(name="import_lemur") as cursor:
            cursor.itersize = ONE_PAGE
            cursor.execute(query)
            yield from cursor


@contextmanager
def _lost_connections() -> Iterator[None]:
    try:
        yield
    except psycopg2.Error as error:
        raise Unavailable(f"Lemur's database cannot be read: {str(error).strip()}") from error


def _plain(address: str) -> str:
    """SQLAlchemy also says which driver it wants: ``postgresql+psycopg2://``."""
    return re.sub(r"^(postgres(?:ql)?)\+\w+://", r"\1://", address.strip())


def _value(value: Any) -> Any:
    """Times are in UTC though they do not say so."""
    if isinstance(value, datetime) and value.tzinfo is None:
        return value.replace(tzinfo=UTC)
    return bytes(value) if isinstance(value, memoryview) else value


def options(value: Any) -> dict[str, Any]:
    """What an options column says, by name, without what has no value; {} if it cannot be read."""
    pairs = {str(one["name"]): one.get("value") for one in _listed(value)}
    return {name: one for name, one in pairs.items() if one is not None and one != ""}


def marked_secret(value: Any) -> set[str]:
    """The names of those options that Lemur itself shows to administrators only."""
    return {str(one["name"]) for one in _listed(value) if one.get("sensitive")}


def _listed(value: Any) -> list[dict[str, Any]]:
    """Options are JSON, sometimes as text, and sometimes as text within JSON."""
    for _ in range(2):
        if isinstance(value, str):
            try:
                value = json.loads(value)
            except ValueError:
                return []
    if isinstance(value, dict):
        value = [{"name": name, "value": one} for name, one in value.items()]
    found = value if isinstance(value, list) else []
    return [one for one in found if isinstance(one, dict) and "name" in one]
