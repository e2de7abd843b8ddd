"""Each field that the API's serializers declare, with each wrong kind of value in turn: 400 at that field, and no row."""

from __future__ import annotations

import base64
import copy
from collections.abc import Iterator
from typing import Any

import pytest
from cryptography import x509
from django.conf import settings
from rest_framework import serializers as drf

from accounts.api import Credentials
from certificates.serializers import ExtensionsField
from tests import pki_material
from tests.daily import samples
from tests.security.bad_input import ABOUT_LOGINS, ORDERS, UPLOADS, Answer, Door, door, doors
from tests.security.inputs import INPUTS, NOT_ASKED, WITHOUT_BODY
from tests.security.table import shape
from tests.security.test_matrix import routes
from tests.security.world import World
from web.rest.fields import Email, Ref, UtcDateTime
from web.rest.views import ViewSet

pytestmark = pytest.mark.django_db

TOO_MANY = 10**30
ANYTHING: tuple[Any, ...] = (
    None, 0, -1, 2**63, TOO_MANY, "", "\t\n", "x", "\u202e", "\x7f\x1b[31m", "'; DROP TABLE x; --", "x" * 100_000, "ﷺ" * 20_000,
    [], ["x"], {}, {"id": 2**63}, {"name": "x"}, [{"id": -1}] * 1001, {"a": {"a": {"a": {"a": {"a": {"a": {"a": {"a": 1}}}}}}}},
)  # fmt: skip
# What no field of this kind can take, so that it must be named.
TEXTS: tuple[Any, ...] = ("x", "١", "0x10", "99999999999999999999")
CONTAINERS: tuple[Any, ...] = ([], ["x"], [[]], {}, {"a": 1})
WRONG: tuple[tuple[type, tuple[Any, ...]], ...] = (
    (Email, (*CONTAINERS, *TEXTS, True, 5, "a@", "@b", "a b@example.org", "a@example.org\n,b@example.org", "a@" + "b" * 128)),
    (drf.ChoiceField, (*CONTAINERS, *TEXTS, 5, None)),
    (drf.BooleanField, (*CONTAINERS, "x", 5, 1.5, None)),
    (drf.IntegerField, (*CONTAINERS, "x", "1.5", 1.5, 1e308, True, 2**63, TOO_MANY, -1)),
    (UtcDateTime, (*CONTAINERS, "x", 5, 1.5, True, "2027-13-01", "2027-02-30T00:00:00", "99999-01-01", "0000-01-01")),
    (Ref, (*TEXTS, 5, 1.5, True, {}, {"a": 1}, ["x"], [1], [None], {"id": "x"}, {"name": 5}, {"id": TOO_MANY}, [{"id": -1}])),
    (ExtensionsField, ("x", 5, 1.5, True, [], ["x"])),
    (drf.DictField, ("x", 5, True, [], ["x"])),
    (drf.Serializer, ("x", 5, True, [], ["x"])),
    (drf.CharField, (*CONTAINERS, True, False)),
)  # fmt: skip


def test_every_input_of_the_api_is_here() -> None:
    taking = {f"{method} {shape(address)}" for address, pattern in routes() for method in _methods(address, pattern)}
    assert taking == set(INPUTS) | WITHOUT_BODY
    declared = {serializer for viewset in viewsets() for serializer in viewset.inputs.values()}
    assert declared - NOT_ASKED | {Credentials} == set(INPUTS.values())


def viewsets() -> set[type[ViewSet]]:
    """All that an address leads to."""
    found = (getattr(pattern.callback, "cls", None) for _, pattern in routes())
    return {cls for cls in found if isinstance(cls, type) and issubclass(cls, ViewSet)}


def _methods(address: str, pattern: Any) -> set[str]:
    """Those with a body that this address of the API answers to."""
    if not address.startswith("/api/1/"):
        return set()
    view = pattern.callback
    answered = getattr(view, "actions", None) or [
        name for name in ("post", "put", "patch") if hasattr(getattr(view, "cls", None), name)
    ]
    return {"POST", "PUT", "PATCH"} & {name.upper() for name in answered}


def fields() -> Iterator[tuple[str, str, drf.Field[Any, Any, Any, Any]]]:
    """Request, wire name and field, of all there are."""
    for request, serializer in INPUTS.items():
        for name, field in serializer().fields.items():
            yield request, name, field


FIELDS = list(fields())
IDS = [f"{request} {name}" for request, name, _ in FIELDS]
# Whose values go further than the serializer. PATCH is PUT.
OPEN = samples(
    (one for one in FIELDS if isinstance(one[2], drf.CharField | ExtensionsField) and "PATCH" not in one[0]), every=4
)


def wrong_with(answer: Answer, one: Door, naming: str = "") -> str:
    if one.address.endswith("/login") and answer.grown <= ABOUT_LOGINS:
        answer = Answer(answer.response, frozenset(), answer.seconds)
        if answer.status in (403, 429):
            return ""
    return answer.refused(naming=naming) if naming else answer.sane()


@pytest.mark.parametrize(("request_", "name", "field"), OPEN, ids=[f"{request} {name}" for request, name, _ in OPEN])
def test_any_value(request_: str, name: str, field: Any, world: World) -> None:
    """Refused or carried out, but never a server error, and never a row of what was refused."""
    one = door(world, request_)
    wrong = [wrong_with(one.ask({**one.body, name: value}), one) for value in ANYTHING]
    assert not any(wrong), [line for line in wrong if line]


def wrong_values(field: drf.Field[Any, Any, Any, Any]) -> tuple[Any, ...]:
    values = next((values for kind, values in WRONG if isinstance(field, kind)), ())
    many = getattr(field, "many", False)
    values = tuple(value for value in values if not (many and value == [])) + (({"id": 1},) if many else ())
    if (getattr(field, "min_value", None) or 0) < 0:
        values = tuple(value for value in values if value != -1)
    return tuple(value for value in values if value is not None or not field.allow_null)


NO_AUTHORITY = ("POST /api/1/certificates", "authority", {})


@pytest.mark.parametrize("value", [{}, None])
def test_no_authority_is_a_missing_one(value: Any, world: World) -> None:
    """In Lemur's words, which name no field (contract 9.2)."""
    request, name, _ = NO_AUTHORITY
    one = door(world, request)
    assert not one.ask({**one.body, name: value}).refused(naming="Schema", saying="Missing Authority.")


@pytest.mark.parametrize(("request_", "name", "field"), FIELDS, ids=IDS)
def test_another_kind_of_value(request_: str, name: str, field: Any, world: World) -> None:
    one = door(world, request_)
    naming = "" if request_.endswith("login") else name  # which answers in a way of its own, as in Lemur
    values = [value for value in wrong_values(field) if (request_, name, value) != NO_AUTHORITY]
    wrong = [(value, wrong_with(one.ask({**one.body, name: value}), one, naming)) for value in values]
    assert not any(line for _, line in wrong), [pair for pair in wrong if pair[1]]


def test_fields_that_are_missing(world: World) -> None:
    for request, name, field in FIELDS:
        one = door(world, request)
        rest = {key: value for key, value in one.body.items() if key != name}
        for given in (rest, {**rest, name: None}) if field.required else ():
            answer = one.ask(given)
            assert not answer.refused(naming="" if request.endswith("login") else name), (request, name)


# Inside of the objects whose fields no serializer declares: where, and what cannot stand there.
ORDER = {"extensions": {"subAltNames": {"names": [{"nameType": "DNSName", "value": "www.example.org"}]}}}
INSIDE: dict[str, tuple[Any, ...]] = {
    "extensions.subAltNames": ("x", 5, True, [], ["x"]),
    "extensions.subAltNames.names": ("x", 5, True, {"a": 1}, ["x"], [None], [[]], [{}], [{"nameType": "DNSName"}]),
    "extensions.subAltNames.names.0": ("x", 5, True, [], None, {}),
    "extensions.subAltNames.names.0.nameType": (
        "x", "", 5, True, [], {}, None, "dnsname", "DNSName\n", "IPNetwork", "registeredID", "directoryName", "x" * 100_000,
    ),
    "extensions.subAltNames.names.0.value": (
        "", " ", ".", "..", "a..b", "-", "*", "*.*.example.org", "a.*.example.org", "*example.org", "a b", "a\tb", "a_b.example",
        "10.0.0.1", "::1", "a" * 64 + ".org", "a." * 200, "x" * 100_000, "ﷺ" * 20_000, "xn--", "xn--a", "\u202e", "a\u0000"[:1] + "/b",
        "http://example.org", "<b>x</b>", "=cmd|' /C calc'!A0", 5, True, [], {}, None,
    ),
    "extensions.basicConstraints": ("x", 5, True, [], ["x"], {"ca": True}, {"ca": True, "path_length": 0}),
    "extensions.basicConstraints.ca": ("x", 5, [], {}, "true"),
    "extensions.basicConstraints.path_length": ("x", -1, 1.5, True, [], {}, TOO_MANY, 0),
    "extensions.keyUsage": ("x", 5, True, [], ["x"], {"useKeyCertSign": True}, {"useCRLSign": True}),
    "extensions.keyUsage.useDigitalSignature": ("x", 5, [], {}, "true"),
    "extensions.extendedKeyUsage": ("x", 5, True, [], {"useOCSPSigning": True}),
    "extensions.extendedKeyUsage.useServerAuthentication": ("x", 5, [], {}, "true"),
    "extensions.custom": ("x", 5, True, {"a": 1}, ["x"], [None], [{}], [[]]),
}  # fmt: skip


@pytest.mark.parametrize(("path", "values"), INSIDE.items(), ids=INSIDE)
def test_inside_of_the_extensions(path: str, values: tuple[Any, ...], world: World) -> None:
    one = door(world, "POST /api/1/certificates")
    wrong = []
    for value in values:
        body = {**one.body, **copy.deepcopy(ORDER)}
        _put(body, path.split("."), value)
        wrong.append((value, one.ask(body).refused(naming=path.partition(".0")[0])))
    assert not any(line for _, line in wrong), [pair for pair in wrong if pair[1]]


# Keys that nobody knows ask for nothing (contract 1.2): the certificate is the one that was asked for without them.
UNKNOWN: dict[str, tuple[Any, ...]] = {
    "extensions.nothing": ("x", 5, {}, {"a": 1}),
    "extensions.keyUsage": ({"useNothing": True},),
    "extensions.extendedKeyUsage": ({"useNothing": True}, {"any": True}, {"useAny": True}),
}


@pytest.mark.parametrize(("path", "values"), UNKNOWN.items(), ids=UNKNOWN)
def test_unknown_keys_of_the_extensions_ask_for_nothing(path: str, values: tuple[Any, ...], world: World) -> None:
    one = door(world, "POST /api/1/certificates")
    plain = _usages(one.ask({**one.body, **copy.deepcopy(ORDER)}))
    for value in values:
        body = {**one.body, **copy.deepcopy(ORDER)}
        _put(body, path.split("."), value)
        assert _usages(one.ask(body)) == plain, value


def _usages(answer: Answer) -> list[str]:
    """What the issued certificate says of usages and names, and which extensions it has."""
    assert answer.status == 200
    found = x509.load_pem_x509_certificate(answer.response.json()["body"].encode()).extensions
    kinds = (x509.KeyUsage, x509.ExtendedKeyUsage, x509.SubjectAlternativeName, x509.BasicConstraints)
    told = [str(found.get_extension_for_class(kind)) for kind in kinds]
    return [*told, *(extension.oid.dotted_string for extension in found)]


def _put(body: Any, path: list[str], value: Any) -> None:
    *above, last = [int(name) if name.isdigit() else name for name in path]
    for name in above:
        body = body.setdefault(name, {}) if isinstance(body, dict) else body[name]
    body[last] = value


CUSTOM = {"oid": "1.2.3.4", "value": "BAA=", "encoding": "b64asn1", "isCritical": False}
CUSTOMS: dict[str, tuple[Any, ...]] = {
    "oid": (
        "",
        "x",
        "1",
        "1.2.",
        "3.1",
        "1." + "9" * 100,
        "2.5.29.19",
        "2.5.29.17",
        "1.2.840.113556.1.4.7000",
        5,
        [],
        None,
    ),
    "value": ("", "x", "====", "AQE", 5, [], None, base64.b64encode(b"\x30\x80").decode(), "A" * 100_001),
    "encoding": ("", "x", 5, [], {}),
    "isCritical": ("x", 5, [], "true"),
}


def test_custom_extensions(world: World) -> None:
    """No built-in profile allows any, whatever is in it."""
    one = door(world, "POST /api/1/certificates")
    wrong = []
    for name, values in CUSTOMS.items():
        for value in values:
            body = {**one.body, "extensions": {"custom": [{**CUSTOM, name: value}]}}
            wrong.append((name, value, one.ask(body).refused(naming="extensions.custom")))
    assert not any(line for *_, line in wrong), [line for line in wrong if line[-1]]


PLUGINS: tuple[Any, ...] = (
    {}, {"slug": ""}, {"slug": None}, {"slug": "nothing"}, {"slug": "cryptography-issuer"}, {"slug": ["pem-export"]},
    {"slug": "../pem-export"}, {"slug": "pem-export", "pluginOptions": "x"}, {"slug": "pem-export", "pluginOptions": 5},
    {"slug": "pem-export", "pluginOptions": ["x"]}, {"slug": "pem-export", "pluginOptions": [{"value": "x"}]},
    {"slug": "pem-export", "pluginOptions": [{"name": 5, "value": "x"}]},
    {"slug": "pem-export", "pluginOptions": [{"name": "type", "value": "x"}]},
    {"slug": "pem-export", "pluginOptions": [{"name": "type", "value": ["x"]}]},
    {"slug": "pem-export", "pluginOptions": [{"name": "nothing", "value": "x"}]},
    {"slug": "pem-export", "pluginOptions": {"nothing": "x"}},
    {"slug": "openssl-export", "pluginOptions": [{"name": "passphrase", "value": "x" * 100_000}, {"name": "type", "value": 5}]},
    {"slug": "openssl-export", "pluginOptions": [{"name": "alias", "value": "a\nb"}]},
    {"slug": "java-keystore-jks", "pluginOptions": [{"name": "passphrase", "value": []}]},
)  # fmt: skip


def test_export_plugins(world: World) -> None:
    one = door(world, "POST /api/1/certificates/{}/export", "owner")
    for chosen in PLUGINS:
        for body in ({"plugin": chosen}, {"export": {"plugin": chosen}}):
            answer = one.ask(body)
            assert not answer.refused(naming="plugin") or not answer.refused(naming="export.plugin"), chosen
    for wrapper in (
        {},
        {"export": {}},
        {"export": {"plugin": "x"}},
        {"export": {"plugin": None}},
        {"export": {"plugin": []}},
    ):
        assert not one.ask(wrapper).refused(), wrapper


def test_both_spellings_of_a_field(world: World) -> None:
    """The wire's wins, so that a rule cannot be passed by the other one."""
    one = door(world, "POST /api/1/certificates")
    answer = one.ask({**one.body, "commonName": "bad..name", "common_name": "www.example.org"})
    assert not answer.refused()


def test_unknown_authorities_and_roles(world: World) -> None:
    for request in ("POST /api/1/certificates", "POST /api/1/certificates/upload", "POST /api/1/authorities/import"):
        one = door(world, request)
        for name in ("authority", "parent"):
            if name in INPUTS[request]().fields:
                for reference in ({"id": 987654321}, {"name": "nobody"}):
                    assert not one.ask({**one.body, name: reference}).refused(naming=name, saying="Unable to"), request
        assert not one.ask({**one.body, "roles": [{"id": 987654321}]}).refused(naming="roles", saying="Unable to")


@pytest.mark.parametrize("pk", [0, 987654321, 2**63 - 1, 2**63, 10**40])
def test_ids_in_addresses(pk: int, world: World) -> None:
    client = world.client("admin", api=True)
    for request, one in doors(world).items():
        if "{}" in request:
            method, _, address = request.partition(" ")
            asked = Door(method, address.replace("{}", str(pk)), one.body, client)
            assert not asked.ask(one.body).refused(404), request
    for address in ("certificates/{}", "certificates/{}/key", "authorities/{}", "profiles/{}"):
        assert client.get(f"/api/1/{address.format(pk)}").status_code == 404, address


def test_limits(world: World) -> None:
    order, upload = door(world, f"POST {ORDERS}"), door(world, f"POST {UPLOADS}")
    pem = pki_material.material().leaf.pem
    for one, name, limit in (
        (order, "csr", settings.MAX_PEM_IN_ORDER),
        (upload, "csr", settings.MAX_PEM_IN_ORDER),
        *((upload, name, settings.MAX_PEM_IN_IMPORT) for name in ("body", "chain", "privateKey")),
    ):
        long = pem + "\n" + "x" * limit
        assert not one.ask({**one.body, name: long}).refused(naming=name, saying=str(limit)), (one, name)


def test_a_thousand_and_one_names(world: World) -> None:
    one = door(world, f"POST {ORDERS}")
    for number in (settings.MAX_NAMES_IN_ORDER + 1, 60_000):
        listed = [{"nameType": "DNSName", "value": f"a{n}.example.org"} for n in range(number)]
        answer = one.ask({**one.body, "extensions": {"subAltNames": {"names": listed}}})
        assert not answer.refused(naming="extensions.subAltNames.names", saying=f"{settings.MAX_NAMES_IN_ORDER}")
        assert answer.seconds < 1


def test_a_thousand_names(world: World) -> None:
    one = door(world, f"POST {ORDERS}")
    listed = [{"nameType": "DNSName", "value": f"a{n}.example.org"} for n in range(settings.MAX_NAMES_IN_ORDER - 1)]
    assert one.ask({**one.body, "extensions": {"subAltNames": {"names": listed}}}).status == 200
