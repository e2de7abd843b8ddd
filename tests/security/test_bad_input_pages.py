"""Every form of the pages and of the admin site with what no browser would send: said in the form, and no row."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import settings
from django.contrib import admin
from django.db.models import Model
from django.test import Client

from accounts.models import User
from certificates.models import Certificate
from tests import pki_material
from tests.daily import samples
from tests.security import asking_people
from tests.security.asking import BODIES, _address, _admin_form
from tests.security.bad_input import ABOUT_LOGINS, FORM, SLOW, Answer, form_of, post, send_file, watched
from tests.security.world import World

pytestmark = pytest.mark.django_db

PAGES = (
    "/login",
    "/certificates/new",
    "/certificates/import",
    "/certificates/{}/edit",
    "/certificates/{}/export",
    "/certificates/{}/export?plugin=openssl-export",
    "/certificates/{}/revoke",
    "/domains/new",
    "/authorities/new",
    "/authorities/connect/{}",
    "/authorities/{}/edit",
    "/notifications/new/{}",
    "/notifications/{}/edit",
    "/policies/new",
    "/policies/{}/edit",
    "/account/keys/new",
    "/people/new",
    "/people/{}/edit",
    "/roles/new",
    "/roles/{}/edit",
    "/roles/{}/members",
    "/destinations/new/{}",
    "/destinations/{}/edit",
    "/sources/new/{}",
    "/sources/{}/edit",
    "/dns-providers/new/{}",
    "/dns-providers/{}/edit",
)
# One field at a time, so that the rest of the way is open to it; and all of them in all fields at once.
FEW = ("9" * 30, "a\0b", "9999-12-31 23:59:59")
ANYTHING = (
    *FEW, "", "x", "-1", "1e400", "٣", "x" * 100_000, "0001-01-01", "\u202e\x7f\x1b[31m<script>alert(1)</script>", "ﷺ" * 20_000,
)  # fmt: skip
SAYS_SO = 'role="alert"', "errorlist"


def page(world: World, address: str) -> tuple[str, dict[str, Any], Client]:
    """Its address, a body that it takes, and the administrator's browser."""
    name = "POST " + address.partition("?")[0]
    body = BODIES[name](world) if name in BODIES else EXPORTS[address.partition("?")[2]]
    address = asking_people.filled(address, world).replace("{}", "{own}")
    return _address(address, "admin", world), body, browser(world, address)


def browser(world: World, address: str) -> Client:
    """Exports are the owner's."""
    if address == "/login":
        return world.client("nobody", api=False)
    return world.client("owner" if "export" in address else "admin", api=False)


EXPORTS = {
    "": {"options-type": "Certificate and chain"},
    "plugin=openssl-export": {"options-type": "PKCS12 (.p12)", "options-passphrase": "open#Sesame1"},
}


def wrong_with(answer: Answer, *, logging_in: bool = False) -> str:
    """Carried out, or refused in the form without a trace; a page of Django's log-in answers 200 then."""
    text, grown = (
        answer.response.content.decode(errors="replace"),
        answer.grown - (ABOUT_LOGINS if logging_in else set()),
    )
    if answer.seconds > SLOW:
        return f"{answer.seconds:.1f} seconds"
    if answer.status in (200, 302) and not any(word in text for word in SAYS_SO):
        return ""
    if answer.status not in (400, *([200, 403, 429] if logging_in else [])):
        return f"status {answer.status}: {text[:300]}"
    return f"new rows in {sorted(grown)}" if grown else "" if any(word in text for word in SAYS_SO) else "says nothing"


def fields(address: str, world: World) -> list[str]:
    """The names of the form's fields, as the page sends them."""
    url, _, client = page(world, address)
    form = form_of(client.get(url))
    return [form.add_prefix(name) for name in form.fields]


@pytest.mark.parametrize("address", samples(PAGES, every=3))
def test_any_value_in_any_field(address: str, world: World) -> None:
    url, body, client = page(world, address)
    assert post(client, url, body).status in (200, 302)
    names = fields(address, world)
    bodies = [(name, value, {**body, name: value}) for name in names for value in FEW]
    bodies += [("all", value, dict.fromkeys(names, value)) for value in ANYTHING]
    wrong = {}
    for name, value, given in bodies:
        if problem := wrong_with(post(client, url, given), logging_in=address == "/login"):
            wrong[name, value[:40]] = problem
    assert not wrong, wrong


@pytest.mark.parametrize("address", samples(PAGES, every=3))
def test_a_field_given_twice_or_not_at_all(address: str, world: World) -> None:
    url, body, client = page(world, address)
    for name in fields(address, world):
        without = {key: value for key, value in body.items() if key != name}
        for given in (without, {**body, name: ["x", "1", "1"] * 300}):
            assert not wrong_with(post(client, url, given), logging_in=address == "/login"), name


BODIES_OF_FORMS = {
    "JSON": (b'{"owner": "alice@example.org"}', "application/json"),
    "no content type": (b"owner=alice", ""),
    "not UTF-8": (b"owner=\xff\xfe&names=%ff%fe", FORM),
    "a lone surrogate": (b"owner=a%ED%A0%80&names=%ED%A0%80.example.org&body=%ED%A0%80", FORM),
    "without values": (b"&&&===&owner&names", FORM),
    "multipart without a boundary": (b"x", "multipart/form-data"),
    "multipart cut short": (b"--x\r\nContent-Disposition: form-data; name=\"owner\"\r\n\r\na", "multipart/form-data; boundary=x"),
    "multipart of rubbish": (b"--x\r\n\r\n\r\n--x\r\nfoo\r\n--x--", "multipart/form-data; boundary=x"),
    "a part in base64 that is none": (
        b'--x\r\nContent-Disposition: form-data; name="body_file"; filename="a"\r\nContent-Transfer-Encoding: base64'
        b"\r\n\r\n!!!!\r\n--x--\r\n",
        "multipart/form-data; boundary=x",
    ),
    "too many fields": (b"a=1&" * 6_000, FORM),
    "an unknown charset": (b"owner=a", FORM + "; charset=utf-99"),
}  # fmt: skip


@pytest.mark.parametrize(("raw", "content_type"), BODIES_OF_FORMS.values(), ids=BODIES_OF_FORMS)
def test_bodies_that_are_no_forms(raw: bytes, content_type: str, world: World) -> None:
    for address in PAGES:
        url, _, client = page(world, address)
        answer = post(client, url, raw, content_type)
        assert answer.status in (200, 400), (address, answer.response.content[:300])
        assert not answer.grown - ABOUT_LOGINS, address


def test_bodies_beyond_the_limit(world: World) -> None:
    for address in PAGES:
        url, body, client = page(world, address)
        answer = post(client, url, {**body, "padding": "x" * settings.MAX_BODY})
        assert (answer.status, answer.grown) == (400, frozenset()), address
        assert f"{settings.MAX_BODY:,}" in answer.response.content.decode()


def test_a_validity_beyond_the_calendar(world: World) -> None:
    url, body, client = page(world, "/certificates/new")
    for start in ("9999-12-31", "9990-01-01 00:00", "0001-01-01"):
        answer = post(client, url, {**body, "validity_start": start, "validity_days": "36500"})
        assert answer.status == 400, start
        assert not answer.grown


def test_too_many_names(world: World) -> None:
    url, body, client = page(world, "/certificates/new")
    for number in (settings.MAX_NAMES_IN_ORDER + 1, 200_000):
        answer = post(client, url, {**body, "names": "\n".join(f"a{n}.b.example" for n in range(number))})
        assert answer.status == 400
        assert f"At most {settings.MAX_NAMES_IN_ORDER} names" in str(form_of(answer.response).errors)
        assert answer.seconds < SLOW
        assert not answer.grown


@pytest.mark.parametrize("pk", [0, 987654321, 2**63 - 1, 2**63, 10**40])
def test_ids_in_addresses(pk: int, world: World) -> None:
    client = world.client("admin", api=False)
    for address in (
        "certificates/{}",
        "certificates/{}/edit",
        "certificates/{}/key",
        "certificates/{}/export",
        "authorities/{}",
    ):
        for method in (client.get, client.post):
            assert method(f"/{address.format(pk)}").status_code in (404, 405), address


QUERIES = {
    "/": ("a=%00", "a" * 5000),
    "/certificates/": (
        "q=%00", "q=%ff", "q=" + "x" * 5000, "q=%25_%5C", "page=%00", "page=" + "9" * 30, "phase=x", "ordering=x", "ordering=%00",
        "authority=x", "authority=" + "9" * 30, "authority=%00", "authority=1&authority=2", "owner=%22", "count=x",
    ),
    "/certificates/new": (
        "authority=x", "authority=" + "9" * 30, "authority=%00", "replaces=x", "replaces=" + "9" * 30, "replaces=%00", "replaces=٣",
        "replaces=-1", "replaces=²",
    ),
    "/certificates/{}/export": ("plugin=x", "plugin=%00", "plugin=" + "x" * 5000, "plugin=pem-export&plugin=x"),
    "/authorities/": ("q=%00", "page=x", "ordering=x"),
    "/authorities/new": ("parent=x", "parent=" + "9" * 30, "parent=²", "parent=٣", "parent=%00"),
    "/login": ("next=//evil.example", "next=%00", "next=javascript:alert(1)", "next=https://evil.example/", "next=/\\evil.example"),
    "/readyz": ("a=%00",),
}  # fmt: skip


@pytest.mark.parametrize(("address", "queries"), samples(QUERIES.items(), every=3), ids=samples(QUERIES, every=3))
def test_queries(address: str, queries: tuple[str, ...], world: World) -> None:
    client = world.client("owner" if "export" in address else "admin", api=False)
    url = address.replace("{}", str(world.certificates["own"].pk))
    for query in queries:
        answer = watched(lambda query=query: client.get(f"{url}?{query}"))  # type: ignore[misc]
        assert answer.status in (200, 302, 400, 403), query
        if answer.status == 302:
            assert answer.response["Location"] == "/", query


# Fields that the admin site offers for change, of rows that exist.
CHANGED = [
    model for model in admin.site._registry if model._meta.model_name in ("certificate", "authority", "user", "domain")
]


@pytest.mark.parametrize("model", CHANGED, ids=lambda model: model._meta.model_name)
def test_the_admin_sites_forms(model: type[Model], world: World) -> None:
    client = world.client("superuser", api=False)
    own: dict[type[Model], Model] = {Certificate: world.certificates["own"], User: world.users["bob"]}
    obj = own.get(model) or model._default_manager.order_by("pk").first()
    assert obj is not None
    url = f"/admin/{model._meta.app_label}/{model._meta.model_name}/{obj.pk}/change/"
    body = _admin_form(model, obj, world)
    assert post(client, url, body).status == 302
    names = list(client.get(url).context["adminform"].form.fields)  # type: ignore[attr-defined]
    assert names
    wrong = {}
    for name in names:
        for value in FEW:
            answer = post(client, url, {**body, name: value})
            if answer.status not in (200, 302) or (answer.status == 200 and answer.grown):
                wrong[name, value[:40]] = (answer.status, answer.grown)
    assert not wrong, wrong


@pytest.mark.parametrize(
    "query",
    [
        "q=%00", "q=%ff", "q=" + "x" * 5000, "status__exact=%00", "status__exact=x", "notify__exact=x", "notify__exact=%00", "o=x",
        "o=" + "9" * 30, "p=x", "p=" + "9" * 30, "p=-1", "e=1", "all=", "_popup=x", "_to_field=private_key",
        "private_key__startswith=key", "user__password__startswith=a", "roles__id__exact=" + "9" * 30, "nothing=x", "csr__isnull=x",
    ],
)  # fmt: skip
def test_the_admin_sites_lists(query: str, world: World) -> None:
    client = world.client("superuser", api=False)
    for model in admin.site._registry:
        url = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
        answer = watched(lambda url=url: client.get(f"{url}?{query}"))  # type: ignore[misc]
        assert answer.status in (200, 302, 400), (url, answer.response.content[:300])


def test_names_of_files(world: World) -> None:
    """A file is called whatever its sender likes."""
    client, leaf = world.client("admin", api=False), pki_material.material().leaf
    for name in (
        b"a.crt",
        b"../../etc/passwd",
        b"x" * 5000,
        b"\xe2\x80\xaegnp.exe",
        b"<b>",
        b"a\0b",
        b"\xff",
        b".",
        b"\\..\\a",
    ):
        answer = send_file(client, "/certificates/import", name=name, data=leaf.der, owner="alice@example.org")
        assert answer.status in (302, 400), name
    for name, data in ((b"", leaf.der), (b"..", leaf.der), (b"a", b""), (b"a", b"\0"), (b"a", b"0" * 100)):
        answer = send_file(client, "/certificates/import", name=name, data=data, owner="alice@example.org")
        assert (answer.status, answer.grown) == (400, frozenset()), (name, data)
        assert form_of(answer.response).errors


def test_cookies(world: World) -> None:
    """Quoted cookies may hold any octet."""
    for cookie in ("\\000" * 32, "x", "x" * 4000, "\\377\\376" * 20, "..%2f", ""):
        client = Client(
            raise_request_exception=False, headers={"cookie": f'sessionid="{cookie}"; csrftoken="{cookie}"'}
        )
        answer = watched(lambda client=client: client.get("/certificates/"))  # type: ignore[misc]
        assert answer.status == (400 if "\\000" in cookie else 302), cookie


def test_headers(world: World) -> None:
    client = world.client("nobody", api=True)
    for value in (
        "Bearer",
        "Bearer ",
        "Bearer a b",
        "Bearer \xff\xfe",
        "Bearer " + "x" * 5000,
        "Basic YTpi",
        "x\x00y z",
        "\x01 \x02",
    ):
        answer = watched(lambda value=value: client.get("/api/1/auth/me", headers={"authorization": value}))  # type: ignore[misc]
        assert answer.status in (401, 403), value
    for value in ("", "x" * 5000, "a\x00b", "<script>", "é", "../../x"):
        answer = watched(lambda value=value: client.get("/login", headers={"x-request-id": value}))  # type: ignore[misc]
        assert answer.status == 200
        assert len(answer.response["X-Request-Id"]) == 32, value
