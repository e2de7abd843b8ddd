"""A Lemur with something of everything, and moves out of it."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import bcrypt
import pytest

from accounts.service import system_user
from lifecycle.moving.desk import Desk
from lifecycle.moving.lemur import Lemur
from lifecycle.moving.report import Report
from lifecycle.moving.run import move
from lifecycle.moving.vault import Vault
from tests.lemur import LemurDatabase, lemur_server, options
from tests.pki_material import Pair, as_pem, material, now

PASSWORD = "Correct horse battery 1!"
SHARED = "Shared by the team 2?"


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    with lemur_server() as address:
        yield address


@pytest.fixture
def empty(server: str) -> LemurDatabase:
    """A Lemur without anything."""
    return LemurDatabase(server, f"lemur_{uuid.uuid4().hex}")


@dataclass
class World:
    """A Lemur's database, and the ids in it by a name."""

    database: LemurDatabase
    ids: dict[str, int] = field(default_factory=dict)
    pairs: dict[str, Pair] = field(default_factory=dict)

    def add(self, called: str, table: str, **values: object) -> int:
        self.ids[called] = self.database.add(table, **values)
        return self.ids[called]

    def certificate(self, called: str, pair: Pair, **values: object) -> int:
        self.pairs[called] = pair
        usual = {"name": called, "user_id": self.ids["alice"], "chain": as_pem(material().intermediate.certificate)}
        self.ids[called] = self.database.certificate(pair, **{**usual, **values})
        return self.ids[called]


@pytest.fixture
def world(empty: LemurDatabase) -> World:
    made = World(empty)
    _people(made)
    _connectors(made)
    _authorities(made)
    _certificates(made)
    return made


def _people(world: World) -> None:
    lemur = world.database
    for name in ("admin", "operator", "read-only"):
        world.add(name, "roles", name=name, description=f"Lemur's {name}")
    sealed = lemur.seal(SHARED)
    world.add("team", "roles", name="web@example.org", username="web", password=sealed, third_party=True)
    digest = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
    world.add("lemur", "users", username="lemur", email="lemur@nobody.com", active=True, password=digest)
    world.add("alice", "users", username="alice", email="Alice@example.org", active=True, password=digest)
    world.add("sso", "users", username="sso@example.org", email="sso@example.org", active=False, password=None)
    lemur.link("roles_users", user_id=world.ids["lemur"], role_id=world.ids["admin"])
    lemur.link("roles_users", user_id=world.ids["alice"], role_id=world.ids["team"])
    lemur.link("roles_users", user_id=world.ids["alice"], role_id=world.ids["team"])
    world.add("default", "rotation_policies", name="default", days=30)
    world.add("early", "rotation_policies", name="early", days=60)


def _connectors(world: World) -> None:
    mail = options(interval="30", unit="days", recipients="web@example.org")
    world.add("mail", "notifications", label="web mail", plugin_name="email-notification", options=mail, active=True)
    slack = options(interval=10, unit="days", webhook="https://hooks.example/secret-path", username="lemur")
    world.add("slack", "notifications", label="web chat", plugin_name="slack-notification", options=slack, active=True)
    sftp = options(
        host="web1", port="22", user="lemur", password="hunter2 hunter2", privateKeyPath="/k", destinationPath="/c"
    )
    world.add("sftp", "destinations", label="web1", plugin_name="sftp-destination", options=sftp, description="d")
    world.add(
        "aws",
        "destinations",
        label="elb",
        plugin_name="azure-keyvault-destination",
        options=options(accountNumber="123456789012"),
    )
    world.add("elb", "sources", label="elb", plugin_name="aws-source", options=options(accountNumber="1"), active=True)
    credentials = world.database.seal(json.dumps({"account_id": "123456789012"}))
    world.add("dns", "dns_providers", name="route53", provider_type="route53", credentials=credentials)


def _authorities(world: World) -> None:
    """A root and an intermediate of the built-in issuer, and a CA elsewhere."""
    plugins = {"root": "cryptography-issuer", "sub": "cryptography-issuer", "acme": "acme-issuer"}
    compliant = json.dumps(
        json.dumps([{"name": "cab_compliant", "value": True}, {"name": "acme_url", "value": "https://ca"}])
    )
    for called in ("sub", "root", "acme"):  # a child with a lower number than its parent
        world.add(
            called,
            "authorities",
            name=f"{called} authority",
            owner="pki@example.org",
            plugin_name=plugins[called],
            active=True,
            options=compliant if called == "acme" else None,
            user_id=world.ids["lemur"],
        )
        world.database.link("roles_authorities", authority_id=world.ids[called], role_id=world.ids["team"])
    made = material()
    for called, pair, chain in (
        ("root", made.root, None),
        ("sub", made.intermediate, as_pem(made.root.certificate)),
        ("acme", made.other_root, None),
    ):
        name, ours = f"{called} authority", world.ids[called]
        values = {"chain": chain, "root_authority_id": ours, "owner": "pki@example.org"}
        world.certificate(f"{called} certificate", pair, **values, name=name, with_key=called != "acme")


def _certificates(world: World) -> None:
    made, ids, lemur = material(), world.ids, world.database
    world.certificate("leaf", made.leaf, name="leaf-Example.Inc-1", authority_id=ids["sub"], rotation=True, rotation_policy_id=ids["early"], description="The shop", date_created="2024-02-03 04:05:06.789", dns_provider_id=ids["dns"])  # fmt: skip
    world.certificate(
        "revoked", made.leaf_with(cn="revoked.example.com"), authority_id=ids["sub"], status="revoked", notify=False
    )
    world.certificate(
        "deleted", made.leaf_with(cn="gone.example.com"), authority_id=ids["sub"], deleted=True, owner="Ops@Example.org"
    )
    world.certificate("rsa", made.rsa_leaf, authority_id=ids["sub"], external_id="x-1", with_key=False)
    world.certificate("uploaded", made.self_signed_leaf, chain=None, user_id=None, status="unknown")
    for table, other in (("destination", "sftp"), ("destination", "aws"), ("notification", "mail"), ("notification", "slack"), ("source", "elb")):  # fmt: skip
        lemur.link(f"certificate_{table}_associations", certificate_id=ids["leaf"], **{f"{table}_id": ids[other]})
    lemur.link("roles_certificates", certificate_id=ids["leaf"], role_id=ids["operator"])
    lemur.link(
        "certificate_replacement_associations", certificate_id=ids["leaf"], replaced_certificate_id=ids["revoked"]
    )
    lemur.add(
        "logs",
        certificate_id=ids["revoked"],
        log_type="revoke_cert",
        logged_at="2025-05-06 07:08:09",
        user_id=ids["alice"],
    )
    for sensitive in (False, True):
        number = lemur.add("domains", name="www.example.com", sensitive=sensitive)
    lemur.run("INSERT INTO certificate_associations VALUES (%s, %s, %s)", [number, ids["leaf"], [8443, 443]])
    lemur.add("domains", name="unused.example.com", sensitive=False)


Mover = Callable[..., Report]


@pytest.fixture
def take_over(db: None) -> Mover:
    """Move out of a Lemur, with its key unless others are given."""

    def run(lemur: LemurDatabase, *, keys: list[str] | None = None, dry: bool = False, origin: str = "lemur") -> Report:
        vault = Vault([lemur.key] if keys is None else keys)
        with Lemur(lemur.address) as opened:
            return move(opened, Desk(origin, by=system_user(), vault=vault, now=now()), tell=lambda *_: None, dry=dry)

    return run
