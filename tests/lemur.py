"""A Netflix Lemur's database, version 1.9.3: its tables as far as they matter for moving, and a way to fill them.

Foreign keys are left out where nothing but the reader looks at them, so that a test can write what Lemur would not.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg2
from cryptography.fernet import Fernet
from psycopg2 import sql

from tests.pki_material import Pair, key_as_pem
from tests.postgres import FAST, Server

SCHEMA = """
CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY);
CREATE TABLE users (
    id serial PRIMARY KEY, password varchar(128), active boolean, confirmed_at timestamp, username varchar(255) NOT NULL UNIQUE,
    email varchar(128) UNIQUE, profile_picture varchar(255));
CREATE TABLE authorities (
    id serial PRIMARY KEY, owner varchar(128) NOT NULL, name varchar(128) UNIQUE, body text, chain text, active boolean,
    plugin_name varchar(64), description text, options json, date_created timestamp NOT NULL DEFAULT now(),
    user_id integer REFERENCES users);
CREATE TABLE roles (
    id serial PRIMARY KEY, name varchar(128) UNIQUE, username varchar(128), password bytea, description text,
    authority_id integer, user_id integer REFERENCES users, third_party boolean);
CREATE TABLE rotation_policies (id serial PRIMARY KEY, name varchar, days integer);
CREATE TABLE dns_providers (
    id serial PRIMARY KEY, name varchar(256) UNIQUE, description varchar(1024), provider_type varchar(256),
    credentials bytea, api_endpoint varchar(256), date_created timestamp NOT NULL DEFAULT now(), status varchar(128),
    options json, domains json);
CREATE TABLE certificates (
    id serial PRIMARY KEY, external_id varchar(128), owner varchar(128) NOT NULL, name varchar(256) UNIQUE,
    description varchar(1024), notify boolean, body text NOT NULL, chain text, csr text, private_key bytea,
    issuer varchar(128), serial varchar(128), cn varchar(128), deleted boolean, dns_provider_id integer,
    not_before timestamp, not_after timestamp, date_created timestamp NOT NULL DEFAULT now(),
    signing_algorithm varchar(128), status varchar(128), bits integer, san varchar(1024), rotation boolean,
    user_id integer REFERENCES users, authority_id integer REFERENCES authorities,
    root_authority_id integer REFERENCES authorities, rotation_policy_id integer REFERENCES rotation_policies,
    key_type varchar(128));
CREATE TABLE domains (id serial PRIMARY KEY, name varchar(256), sensitive boolean);
CREATE TABLE notifications (
    id serial PRIMARY KEY, label varchar(128) UNIQUE, description text, options json, active boolean, plugin_name varchar(32));
CREATE TABLE destinations (
    id serial PRIMARY KEY, label varchar(32), options json, description text, plugin_name varchar(32));
CREATE TABLE sources (
    id serial PRIMARY KEY, label varchar(32) UNIQUE, options json, description text, plugin_name varchar(32),
    active boolean, last_run timestamp);
CREATE TABLE certificate_associations (
    domain_id integer NOT NULL REFERENCES domains, certificate_id integer NOT NULL REFERENCES certificates, ports integer[]);
CREATE TABLE certificate_destination_associations (destination_id integer, certificate_id integer);
CREATE TABLE certificate_source_associations (source_id integer, certificate_id integer);
CREATE TABLE certificate_notification_associations (
    notification_id integer, certificate_id integer, id serial PRIMARY KEY, UNIQUE (notification_id, certificate_id));
CREATE TABLE certificate_replacement_associations (replaced_certificate_id integer, certificate_id integer);
CREATE UNIQUE INDEX certificate_replacement_associations_ix
    ON certificate_replacement_associations (replaced_certificate_id, certificate_id);
CREATE TABLE roles_authorities (authority_id integer, role_id integer);
CREATE TABLE roles_certificates (certificate_id integer, role_id integer);
CREATE TABLE roles_users (user_id integer, role_id integer);
CREATE TYPE log_type AS ENUM ('key_view', 'create_cert', 'update_cert', 'revoke_cert', 'delete_cert');
CREATE TABLE logs (
    id serial PRIMARY KEY, certificate_id integer, log_type log_type NOT NULL, logged_at timestamp NOT NULL DEFAULT now(),
    user_id integer NOT NULL REFERENCES users);
CREATE TABLE api_keys (
    id serial PRIMARY KEY, name varchar, user_id integer, ttl bigint, issued_at bigint, revoked boolean);
CREATE TABLE endpoints (
    id serial PRIMARY KEY, owner varchar(128), name varchar(128), dnsname varchar(256), type varchar(128), active boolean,
    port integer, policy_id integer, certificate_id integer, certificate_path varchar(256), registry_type varchar(128),
    source_id integer, sensitive boolean, last_updated timestamp NOT NULL DEFAULT now(),
    date_created timestamp NOT NULL DEFAULT now());
CREATE TABLE pending_certs (
    id serial PRIMARY KEY, owner varchar(128) NOT NULL, name varchar(256) UNIQUE, csr text NOT NULL, resolved boolean,
    resolved_cert_id integer);
"""


class LemurDatabase:
    """An empty one of its own on a running server; ``key`` is the encryption key of this Lemur."""

    def __init__(self, server: str, name: str) -> None:
        self.address = server.replace("/postgres?", f"/{name}?")
        self.key = self.new_key()
        connection = psycopg2.connect(server)
        connection.autocommit = True
        connection.cursor().execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        connection.close()
        self.run(SCHEMA)

    @staticmethod
    def new_key() -> str:
        """Another Lemur's encryption key."""
        return Fernet.generate_key().decode()

    def run(self, statement: Any, arguments: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """One transaction; what it returns."""
        connection = psycopg2.connect(self.address)
        try:
            with connection, connection.cursor() as cursor:
                cursor.execute(statement, arguments or None)
                return cursor.fetchall() if cursor.description else []
        finally:
            connection.close()

    def add(self, table: str, **values: Any) -> int:
        """A row; its id, or 0 if it has none."""
        returning = "" if table.startswith(("roles_", "certificate_")) else " RETURNING id"
        statement = sql.SQL("INSERT INTO {} ({}) VALUES ({})" + returning).format(
            sql.Identifier(table),
            sql.SQL(", ").join(map(sql.Identifier, values)),
            sql.SQL(", ").join([sql.Placeholder()] * len(values)),
        )
        found = self.run(statement, list(values.values()))
        return int(found[0][0]) if found else 0

    def seal(self, text: str, key: str = "") -> bytes:
        """As Lemur encrypts it."""
        return Fernet(key or self.key).encrypt(text.encode())

    def certificate(self, pair: Pair, *, name: str, with_key: bool = True, **values: Any) -> int:
        """A certificate, with its private key unless told otherwise."""
        sealed = self.seal(key_as_pem(pair.key)) if with_key else None
        usual = {"owner": "web@example.org", "notify": True, "rotation": False, "deleted": False}
        return self.add(
            "certificates", **{"body": pair.pem.strip(), "name": name, "private_key": sealed, **usual, **values}
        )

    def link(self, table: str, **pair: int) -> None:
        """A row of a table that links two others."""
        self.add(table, **pair)


def options(**values: Any) -> str:
    """An options column as Lemur writes it."""
    return json.dumps([{"name": name, "type": "str", "value": value} for name, value in values.items()])


@contextmanager
def lemur_server() -> Iterator[str]:
    """The address of a PostgreSQL for such databases, whatever the tests' own engine is."""
    server = Server()
    try:
        yield server.start(*FAST)
    finally:
        server.stop()
