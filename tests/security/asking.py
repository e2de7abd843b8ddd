"""Turns a row of the permission table into real requests: addresses, bodies, and what "with" means."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model
from django.forms.models import model_to_dict
from django.http import HttpResponse
from django.test import Client, RequestFactory

from accounts.models import ApiKey, User
from authorities.models import DnsProvider, Profile
from certificates.models import Certificate, RotationPolicy
from certificates.views import ALIASES
from pki import inspection
from plugins import registry
from stores.models import Destination, Source
from tests.notifying import OPTIONS
from tests.notifying import PLUGIN as NOTIFIER
from tests.people import PASSWORD
from tests.security import asking_certificates, asking_people
from tests.security.table import Row, shape
from tests.security.world import PEOPLE, SFTP, World

UNKNOWN = 987654321
API = "/api/"
# What "plugin: …" stands for: together all there are, with what must be chosen of their options.
EXPORTS: dict[str, list[tuple[str, dict[str, str]]]] = {
    "each with key": [
        ("openssl-export", {"type": "PKCS12 (.p12)"}),
        ("java-keystore-jks", {}),
        ("java-export", {"type": "Java Key Store (JKS)"}),
        ("pem-export", {"type": "Certificate, chain and key"}),
        ("openssl-csr", {}),
    ],
    "each without key": [
        ("pem-export", {"type": "Certificate and chain"}),
        ("der-export", {}),
        ("pkcs7-export", {"encoding": "PEM"}),
        ("java-truststore-jks", {}),
        ("java-export", {"type": "Java Trust Store (JKS)"}),
    ],
    "PEM without key": [("pem-export", {"type": "Certificate and chain"})],
}
NEW = ("new_password1", "new_password2")
# What a page asks for besides, where the API makes one up.
CONTAINERS = ("openssl-export", "java-keystore-jks", "java-truststore-jks")
PAGE_OPTIONS = {slug: {"passphrase": "Sesame*open1"} for slug in CONTAINERS}
# What "setting: …" stands for.
SETTINGS = {
    "strict": {"LEMUR_STRICT_ROLE_ENFORCEMENT": True},
    "proof is old": {"STEP_UP_MINUTES": 15},  # nobody in the table has ever shown one
    "everybody founds": {"ADMIN_ONLY_AUTHORITY_CREATION": False},
    **asking_certificates.SETTINGS,
}

# Models whose rows "{any}" stands for, and the plugin that "new/{any}" stands for.
STORES: dict[str, tuple[type[Model], str]] = {
    "destinations/": (Destination, "sftp-destination"),
    "sources/": (Source, "directory-source"),
    "dns-providers/": (DnsProvider, "rfc2136-dns"),
}

DNS = {
    "server": "ns.example.org",
    "port": 53,
    "keyName": "lemur",
    "keySecret": "c2VjcmV0LW9mLXRoZS1rZXk=",
    "keyAlgorithm": "hmac-sha256",
}
"""Options of a new DNS provider, as its form sends them."""

Body = dict[str, Any]


def api_order(world: World) -> Body:
    return {"owner": "alice@example.org", "commonName": "new.example.org", "authority": world.authorities["own"].pk}


def api_upload(world: World) -> Body:
    _, leaf = world.uploads
    return {"owner": "alice@example.org", "body": leaf.pem, "privateKey": leaf.key_pem}


def api_import(world: World) -> Body:
    ca, _ = world.uploads
    return {"name": "Taken over", "owner": "pki@example.org", "body": ca.pem, "privateKey": ca.key_pem}


def api_destination(world: World) -> Body:
    return {"label": "new", "description": "", "plugin": {"slug": "sftp-destination", "pluginOptions": SFTP}}


def api_source(world: World) -> Body:
    return {"label": "new", "plugin": {"slug": "directory-source", "pluginOptions": {"path": "/etc/ssl/new"}}}


def page_order(world: World) -> Body:
    common = {"names": "new.example.org", "owner": "alice@example.org", "authority": world.authorities["own"].pk}
    return {**common, "profile": "server", "key_type": "ECCPRIME256V1"}


def page_import(world: World) -> Body:
    _, leaf = world.uploads
    return {"owner": "alice@example.org", "body": leaf.pem, "private_key": leaf.key_pem}


def page_import_many(world: World) -> Body:
    _, leaf = world.uploads
    return {**page_import(world), "row": inspection.fingerprint(leaf.certificate), "confirmed": "1"}


def page_authority(world: World) -> Body:
    fields = {"kind": "root", "name": "New", "common_name": "New CA", "owner": "pki@example.org"}
    return {**fields, "key_type": "ECCPRIME256V1"}


def page_connect(world: World) -> Body:
    ca, _ = world.uploads
    fields = {"own_name": "Elsewhere", "own_owner": "pki@example.org", "challenge": "dns-01"}
    return {**fields, "acme_url": "https://acme.example.org/directory", "certificate": ca.pem}


def page_edit(world: World) -> Body:
    return {"owner": "alice@example.org", "description": "changed"}


def api_notification(world: World) -> Body:
    return {"label": "new", "plugin": {"slug": NOTIFIER, "pluginOptions": OPTIONS}}


# The body that would be accepted, by request; rows say in "with" what differs.
BODIES: dict[str, Callable[[World], Body]] = {
    "POST /api/1/auth/login": lambda world: {"username": "bob", "password": PASSWORD},
    "POST /api/1/authorities": lambda world: {"name": "New", "owner": "pki@example.org", "commonName": "New CA"},
    "POST /api/1/authorities/import": api_import,
    "PUT /api/1/authorities/{}": lambda world: {"description": "changed"},
    "POST /api/1/certificates": api_order,
    "POST /api/1/certificates/upload": api_upload,
    "PUT /api/1/certificates/{}": lambda world: {"description": "changed"},
    "PATCH /api/1/certificates/{}": lambda world: {"description": "changed"},
    "POST /api/1/destinations": api_destination,
    "PUT /api/1/destinations/{}": lambda world: {"description": "changed"},
    "POST /api/1/sources": api_source,
    "PUT /api/1/sources/{}": lambda world: {"description": "changed"},
    "POST /destinations/new/{}": lambda world: {"own_label": "new", **SFTP},
    "POST /destinations/{}/edit": lambda world: {"own_label": "changed", **SFTP},
    "POST /dns-providers/new/{}": lambda world: {"own_label": "new", **DNS},
    "POST /dns-providers/{}/edit": lambda world: {"own_label": "changed", "accountId": "123456789012"},
    "POST /sources/new/{}": lambda world: {"own_label": "new", "path": "/etc/ssl/new"},
    "POST /sources/{}/edit": lambda world: {"own_label": "changed", "path": "/etc/ssl/new"},
    "POST /api/1/notifications": api_notification,
    "PUT /api/1/notifications/{}": lambda world: {"description": "changed"},
    "PUT /api/1/notices/{}/snooze": lambda world: {"days": 3},
    "POST /notices/{}/snooze": lambda world: {"days": 3},
    "POST /api/1/policies": lambda world: {"name": "new", "days": 3},
    "PUT /api/1/policies/{}": lambda world: {"days": 3},
    "POST /notifications/new/{}": lambda world: {"label": "new", **OPTIONS},
    "POST /notifications/{}/edit": lambda world: {"label": "changed", **OPTIONS},
    "POST /policies/new": lambda world: {"name": "new", "days": 3},
    "POST /policies/{}/edit": lambda world: {"name": "changed", "days": 3},
    "PUT /api/1/certificates/{}/revoke": lambda world: {"crlReason": "superseded"},
    "POST /login": lambda world: {"username": "bob", "password": PASSWORD},
    "POST /confirm": lambda world: {"typed": PASSWORD},
    "POST /admin/password_change/": lambda world: dict.fromkeys(NEW, "Another!horse!2") | {"old_password": PASSWORD},
    "POST /certificates/new": page_order,
    "POST /certificates/import": page_import,
    "POST /certificates/import/many": page_import_many,
    "POST /certificates/{}/edit": page_edit,
    "POST /certificates/{}/revoke": lambda world: {"reason": "superseded"},
    "POST /authorities/new": page_authority,
    "POST /authorities/connect/{}": page_connect,
    "POST /authorities/{}/edit": lambda world: {"own_owner": "pki@example.org", "own_active": "on"},
    **asking_people.BODIES,
    **asking_certificates.BODIES,
}


def answers(row: Row, person: str, world: World) -> Iterator[HttpResponse]:
    """The answers that this person gets to the row's request; to several where the row stands for several."""
    client = world.client(person, api=row.address.startswith(API))
    bearing = dict(row.bearing)
    for address, body in requests(row, person, world):
        if "plugin" in bearing:
            for slug, options in EXPORTS[bearing["plugin"]]:
                if row.address.startswith(API) or slug not in ALIASES:
                    yield _export(client, row, address, slug, options)
        else:
            yield _send(client, row, address, body)


def _export(client: Client, row: Row, address: str, slug: str, options: dict[str, str]) -> HttpResponse:
    if address.startswith(API):
        listed = [{"name": name, "value": value} for name, value in options.items()]
        return _send(client, row, address, {"plugin": {"slug": slug, "pluginOptions": listed}})
    fields = {f"options-{name}": value for name, value in {**PAGE_OPTIONS.get(slug, {}), **options}.items()}
    return _send(client, row, f"{address}?plugin={slug}", fields)


def _send(client: Client, row: Row, address: str, body: Body) -> HttpResponse:
    if row.method == "GET":
        return client.get(address, body)
    if address.startswith(API):
        return client.generic(row.method, address, json.dumps(body), content_type="application/json")
    body = {"csrfmiddlewaretoken": "x", **body}  # a browser always sends something
    form = urlencode({name: value for name, value in body.items() if value is not None}, doseq=True)
    return client.generic(row.method, address, form, content_type="application/x-www-form-urlencoded")


def requests(row: Row, person: str, world: World) -> Iterator[tuple[str, Body]]:
    """Address and body; one of each for every model that an address of the admin stands for."""
    if row.address.startswith("/admin/"):
        for model in models_of(row):
            yield _in_admin(row, person, world, model)
        return
    body = dict(BODIES.get(f"{row.method} {shape(row.address)}", lambda world: {})(world))  # some are shared
    body |= asking_certificates.body_of(row.address, person, world)
    for name, word in row.bearing:
        body |= _bear(name, word, person, world, api=row.address.startswith(API))
    yield _address(row.address, person, world), _as_references(body, row.address)


def _address(address: str, person: str, world: World) -> str:
    """The address with a real id in the place of each word in braces."""
    before, brace, rest = address.partition("{")
    if not brace:
        return address
    word, _, after = rest.partition("}")
    pk = asking_people.id_of(before, word, person, world) or asking_certificates.id_of(before, word, person, world)
    pk = pk or _store(before, word) or _id(before, word, person, world)
    return _address(f"{before}{pk}{after}", person, world)


def _store(before: str, word: str) -> Any:
    """Of the first destination or source, or which plugin a new one shall have; None for other addresses."""
    for pages, (model, slug) in STORES.items():
        if before.endswith(f"{pages}new/"):
            return slug
        if before.endswith(pages) and word != "unknown":
            return model._default_manager.earliest("pk").pk
    return None


def _id(before: str, word: str, person: str, world: World) -> Any:
    if word in ("unknown", "question"):
        return {"plugins": "no-such", "ocsp": "bm9uc2Vuc2U="}.get(before.split("/")[-2], UNKNOWN)
    if before.endswith("certificates/"):
        return world.certificate(word, person).pk
    if before.endswith("policies/"):
        return RotationPolicy.objects.exclude(name="default").earliest("pk").pk
    collection = before.split("/")[-2]
    rows: dict[str, Mapping[str, Model]] = {
        "notifications": world.notifications,
        "notices": world.notices,
        "authorities": world.authorities,
        "pki": world.authorities,
    }
    if collection in rows:
        return rows[collection][word].pk
    named = {"plugins": "pem-export", "new": NOTIFIER, "connect": "acme-issuer"}
    return {"profiles": Profile.objects.get(name="server").pk, **named}[collection]


def _bear(name: str, word: str, person: str, world: World, *, api: bool) -> Body:
    """What a part of the "with" column puts into the body."""
    match name:
        case "authority" | "parent":
            kind = {} if name == "authority" else {"type" if api else "kind": "subca"}
            return {name: world.authorities[word].pk, **kind}
        case "replaces" | "replacements" | "certificates" | "addedCertificates" | "removedCertificates":
            return {name: [world.certificate(word, person).pk]}
        case "roles" | "user" | "users" | "authorities":
            return {name: asking_people.reference(name, word, person, world)}
        case "destinations" | "notifications" | "rotationPolicy" | "older" | "sensitive" | "tags":
            return asking_certificates.reference(name, word, person, world)
        case "owner" | "externalId" | "verb":
            return {name: f"{word}@example.org" if name == "owner" else word}
        case "plugin" | "setting":
            return {}
    raise AssertionError(f"The table bears on {name!r}, which means nothing.")


def _as_references(body: Body, address: str) -> Body:
    """The API names rows by ``{"id": …}``, forms by their ids."""
    if not address.startswith(API):
        return body
    references: Body = {}
    for name in ("authority", "parent", "user", "rotationPolicy"):
        if name in body:
            references[name] = {"id": body[name]}
    lists = ("replaces", "replacements", "roles", "users", "authorities", "destinations", "notifications")
    for name in (*lists, "certificates", "addedCertificates", "removedCertificates"):
        if name in body:
            references[name] = [{"id": pk} for pk in body[name]]
    return body | references


def models_of(row: Row) -> list[type[Model]]:
    """The models that an address of the admin site stands for: the one it names, or all besides those in "with"."""
    first, second, *_ = [*row.address.removeprefix("/admin/").split("/"), ""]
    besides = dict(row.bearing).get("besides", "").split()
    registered: list[type[Model]] = list(admin.site._registry)
    if first == "{model}":
        return [model for model in registered if model._meta.model_name not in besides]
    named = [model for model in registered if (model._meta.app_label, model._meta.model_name) == (first, second)]
    return named or [Certificate]


def _in_admin(row: Row, person: str, world: World, model: type[Model]) -> tuple[str, Body]:
    obj = _admin_object(row, person, world, model)
    label = f"{model._meta.app_label}/{model._meta.model_name}"
    address = row.address.replace("{model}", label).replace("{app}", model._meta.app_label)
    address = address.replace("{type}", str(ContentType.objects.get_for_model(model).pk))
    for word in ("own", "foreign", "any"):
        address = address.replace(f"{{{word}}}", str(obj.pk) if obj else str(UNKNOWN))
    body = BODIES.get(f"{row.method} {shape(row.address)}", lambda world: {})(world)
    if row.method == "POST" and address.endswith("/change/") and obj is not None:
        body = _admin_form(model, obj, world)
    if row.method == "POST" and address.endswith("/delete/"):
        body = {"post": "yes"}
    return address, body


def _admin_object(row: Row, person: str, world: World, model: type[Model]) -> Model | None:
    which = "foreign" if "{foreign}" in row.address else "own"
    if model is Certificate:
        return world.certificates[which]
    if model is type(world.authorities["own"]):
        return world.authorities[which]
    if model is User:
        return world.users["bob"]  # the first is system, whom nobody changes
    if model is ApiKey:
        holder = world.users[(PEOPLE[person] if which == "own" else None) or "charlie"]
        return ApiKey.objects.filter(user=holder).order_by("pk").first()
    return model._default_manager.order_by("pk").first()


def _admin_form(model: type[Model], obj: Model, world: World) -> Body:
    """What a browser would send back of the form as it is."""
    model_admin = admin.site._registry[model]
    request = RequestFactory().get("/")
    request.user = world.users["sam"]
    form = model_admin.get_form(request, obj, change=True, fields=_editable(model_admin, request, obj))
    values = model_to_dict(obj, fields=list(form.base_fields))
    plain = {name: [row.pk for row in value] if isinstance(value, list) else value for name, value in values.items()}
    return {name: value for name, value in plain.items() if value not in (None, False)}


def _editable(model_admin: Any, request: Any, obj: Model) -> list[str]:
    read_only = set(model_admin.readonly_fields)
    return [name for name in model_admin.fields or () if name not in read_only]


def export_plugins() -> set[str]:
    """Those that exist, to be compared with :data:`EXPORTS`."""
    return {entry.slug for entry in registry.of_kind("export")}
