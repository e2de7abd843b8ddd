"""Hostile texts in everything that has a name: on every page, in downloads and mails they are text, and nothing else.

A product of its own, since it is no place for anything else.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from playwright.sync_api import Browser, Dialog, expect

from pki.names import printable
from tests.security.odd_certificates import MARKUP
from tests.servers.smtp import PASSWORD, USER, Mail, MailServer
from tests.system.installation import Installation, wait_until
from tests.ui import hostile
from tests.ui.looking import overflow
from tests.ui.product import NARROW, WIDE, Site, Visitor, running

pytestmark = [pytest.mark.server("chromium-headless-shell"), pytest.mark.slow]
WATCHER = "everything@example.org"
LISTS = (
    "/", "/overview/shares", "/certificates/?count=100", "/certificates/?count=100&phase=valid&ordering=-cn", "/certificates/orders",
    "/certificates/orders?state=done", "/certificates/batches", "/certificates/new", "/certificates/import", "/alarms/", "/domains/?count=100",
    "/endpoints/?count=100", "/rotations/", "/found/?count=100", "/authorities/", "/authorities/new", "/dns-providers/",
    "/destinations/", "/sources/", "/notifications/?count=100", "/notices/", "/policies/", "/policies/new", "/people/", "/people/new",
    "/roles/?count=100", "/roles/new", "/account", "/audit/?count=100",
)  # fmt: skip
INVISIBLE = re.compile(".{0,30}[\u202a-\u202e\u2066-\u2069\u200b\ufeff\x1b\x07].{0,30}")
SOME = ("attribute", "end of a text area", "right to left", "no line break", "10,000 names")
PAGES = (
    "/certificates/{}/edit", "/certificates/{}/export", "/certificates/{}/export?plugin=java-truststore-export", "/certificates/{}/revoke",
    "/certificates/{}/reissue", "/certificates/new?replaces={}", "/certificates/new?like={}",
)  # fmt: skip
ADMIN = re.compile(r"/admin/\w+/\w+/$")


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files with hostile names, and in them certificates that nobody told us of."""
    folder = tmp_path_factory.mktemp("hostile")
    for number, (kind, text) in enumerate(MARKUP.items()):
        (folder / (re.sub(r"[/\0]", "_", text)[:60] or str(number))).write_text(hostile.everywhere(f"{text} {kind}"))
    return folder


@pytest.fixture(scope="module")
def site(
    tmp_path_factory: pytest.TempPathFactory, browser: Browser, mailbox: MailServer, opened: Path
) -> Iterator[Site]:
    place = Installation.prepared(
        tmp_path_factory.mktemp("hostile-product") / "home",
        demo=True,
        EMAIL_URL=f"smtp+tls://{USER}:{quote(PASSWORD)}@localhost:{mailbox.port}",
        EMAIL_CA_FILE=mailbox.ca_file,
        LEMUR_EMAIL="pki@example.org",
        SOURCE_DIRECTORIES=str(opened),
        SWEEP_NOTICES_SECONDS="5",
        SWEEP_NOTIFY_EXPIRING_SECONDS="5",
    )
    with running(place) as site:
        site.browser = browser
        yield site


class Watch:
    """Goes from page to page, and notes what is wrong on each."""

    def __init__(self, visitor: Visitor) -> None:
        self.visitor = visitor
        self.found: dict[str, list[str]] = {}
        visitor.page.on("dialog", self._dialog)

    def _dialog(self, dialog: Dialog) -> None:
        self.visitor.problems.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def look(self, path: str) -> None:
        """At the page, wide and on a telephone."""
        self.visitor.open(path)
        self.judge(path)

    def judge(self, path: str) -> None:
        """What is open; pages of Django's admin are wide where they must be."""
        problems = [*self.visitor.problems]
        self.visitor.problems.clear()
        if hidden := INVISIBLE.search(self.visitor.page.inner_text("main, #container")):
            problems.append(f"an invisible letter: {hidden.group()!a}")
        for size in () if path.startswith("/admin/") else (NARROW, WIDE):
            self.visitor.page.set_viewport_size(size)  # type: ignore[arg-type]
            problems += [f"at {size['width']}: {one}" for one in overflow(self.visitor)]
        if problems:
            self.found[path] = problems


@pytest.fixture(scope="module")
def watch(site: Site) -> Iterator[Watch]:
    with site.visitor() as visitor:
        yield Watch(visitor)


@pytest.fixture(scope="module")
def fleet(site: Site, watch: Watch) -> dict[str, int]:
    """All certificates, imported on the page: their ids, by what is wrong with them."""
    ids: dict[str, int] = {}
    for some in (hostile.monsters(), *({kind: pem} for kind, pem in hostile.giants().items())):
        before = _highest(site)
        _import(watch, some)
        made = site.api.get(f"certificates?filter=owner;{quote(hostile.OWNER)}&sortBy=id&sortDir=asc&count=100")[
            "items"
        ]
        ids |= _named(some, [one for one in made if one["id"] > before])
    options = {"interval": 99, "unit": "percent", "recipients": WATCHER}
    plugin = {"slug": "email-notification", "pluginOptions": options}
    told = site.api.post(
        "notifications", label="soon", plugin=plugin, certificates=[{"id": one} for one in ids.values()]
    )
    for kind, pk in ids.items():
        site.api.put(
            f"certificates/{pk}",
            description=hostile.visible(MARKUP.get(kind, kind)),
            notifications=[{"id": told["id"]}],
        )
    return ids


def _highest(site: Site) -> int:
    return int(site.api.get("certificates?sortBy=id&sortDir=desc&count=1")["items"][0]["id"])


def _import(watch: Watch, pems: dict[str, str]) -> None:
    me = watch.visitor
    me.open("/certificates/import")
    me.field("Certificate (PEM)").evaluate("(area, text) => { area.value = text; }", "".join(pems.values()))
    me.fill("Owner", hostile.OWNER)
    me.press("Preview")
    expect(me.page.locator("#found-title")).to_contain_text(f"{len(pems)} can be imported", timeout=60_000)
    watch.judge(f"preview of {[*pems][-1]}")
    me.press("Import what is ticked")
    expect(me.region("What became of them")).to_be_visible(timeout=60_000)
    watch.judge(f"import of {[*pems][-1]}")


def _named(pems: dict[str, str], made: list[dict[str, Any]]) -> dict[str, int]:
    """Which row is which: by the bytes of the certificate."""
    kinds = {x509.load_pem_x509_certificate(pem.encode()).fingerprint(SHA256()): kind for kind, pem in pems.items()}
    found = {
        kinds[x509.load_pem_x509_certificate(one["body"].encode()).fingerprint(SHA256())]: int(one["id"])
        for one in made
    }
    assert set(found) == set(pems)
    return found


@pytest.fixture(scope="module")
def pages(site: Site, watch: Watch, fleet: dict[str, int]) -> list[str]:
    """What can show a hostile text, besides the certificates' own pages."""
    made = hostile.furnish(site)
    plugin = {"slug": "directory-source", "pluginOptions": {"path": site.place.environment["SOURCE_DIRECTORIES"]}}
    source = site.api.post("sources", label="hostile files", plugin=plugin)
    site.api.post("syncs", source={"id": source["id"]})
    wait_until(lambda: site.api.get("findings?count=100")["total"] >= len(MARKUP) - 2, 120)
    hostile.seen(site)
    return [*LISTS, *made, *(f"{page}/edit" for page in made if "people" not in page), *_batch(watch)]


def _batch(watch: Watch) -> list[str]:
    """All of them, told no more; and a view of the list that is called as nothing should be."""
    me = watch.visitor
    for number, text in enumerate(hostile.TEXTS):
        me.open(f"/certificates/?filter_owner={'example.org'[: -number or None]}&count=100")
        me.page.get_by_text("Save this view").click()
        me.page.get_by_label("Name of the view").fill(text[:60])
        me.press("Save")
    me.open("/certificates/?filter_owner=example.org&count=100")
    me.page.get_by_label("All on this page").check()
    me.page.get_by_label("With those that are ticked").select_option("Renew now")
    me.page.get_by_role("button", name="Go on").click()
    watch.judge("many, asked")
    me.page.get_by_role("button", name=re.compile("Renew now: ")).click()
    expect(me.page.locator("#batch")).to_contain_text("failed", timeout=60_000)
    watch.judge("many, done")
    return [me.path]


def test_no_page_runs_fetches_or_breaks_anything(watch: Watch, fleet: dict[str, int], pages: list[str]) -> None:
    watch.found.clear()
    for page in pages:
        watch.look(page)
    assert not watch.found, json.dumps(watch.found, indent=1)


def test_the_page_of_each_certificate(watch: Watch, fleet: dict[str, int]) -> None:
    watch.found.clear()
    for kind, pk in fleet.items():
        watch.look(f"/certificates/{pk}")
        _shows(watch, MARKUP.get(kind, ""))
    assert not watch.found, json.dumps(watch.found, indent=1)


def _shows(watch: Watch, text: str) -> None:
    """As text, what is invisible written out."""
    told = " ".join(watch.visitor.page.inner_text("main").split())
    assert " ".join(printable(text.strip()).split()) in told, text


@pytest.mark.parametrize("page", PAGES)
def test_what_is_done_with_a_certificate(watch: Watch, fleet: dict[str, int], page: str) -> None:
    watch.found.clear()
    for kind in SOME:
        watch.look(page.format(fleet[kind]))
    assert not watch.found, json.dumps(watch.found, indent=1)


def test_search_while_one_types(watch: Watch, fleet: dict[str, int], pages: list[str]) -> None:
    watch.found.clear()
    me = watch.visitor
    for kind in ("script", "single quotes", "template", "right to left", "percent"):
        text = printable(MARKUP[kind])
        for path, label, where in (("/", "Find a certificate", "#found"), ("/certificates/", "Search", "#listing")):
            me.open(path)
            box = me.page.get_by_label(label, exact=True)
            box.fill(text[:-1])
            box.press_sequentially(text[-1])
            me.page.wait_for_load_state("networkidle")
            watch.judge(f"{path} {kind} {where}")
    assert not watch.found, json.dumps(watch.found, indent=1)


def test_the_admin_site(watch: Watch, fleet: dict[str, int], pages: list[str]) -> None:
    watch.found.clear()
    me = watch.visitor
    me.open("/admin/")
    lists = {href for href in _links(me) if ADMIN.fullmatch(href)}
    assert "/admin/certificates/certificate/" in lists
    for page in sorted(lists):
        watch.look(page)
        rows = [href for href in _links(me) if href.startswith(page) and href.endswith("/change/")]
        for row in rows[:2]:
            watch.look(row)
    assert not watch.found, json.dumps(watch.found, indent=1)


def _links(me: Visitor) -> list[str]:
    hrefs: list[str] = me.page.evaluate(
        "[...document.querySelectorAll('a[href]')].map(one => one.getAttribute('href'))"
    )
    return [href.partition("?")[0] for href in hrefs]


def test_downloads_of_lists(watch: Watch, fleet: dict[str, int]) -> None:
    ask = watch.visitor.page.request
    answer = ask.get(f"{watch.visitor.site}/certificates/list.csv?filter_owner=x")
    csv.field_size_limit(2**20)
    rows = list(csv.reader(io.StringIO(answer.text(), newline="")))
    assert len(rows) > len(fleet)
    assert not [cell for row in rows for cell in row if re.match(r"\s*[=+\-@\uff1d\uff0b\uff0d\uff20]", cell)]
    assert re.fullmatch(r'attachment; filename="certificates-[\d-]+\.csv"', answer.headers["content-disposition"])
    listed = ask.get(f"{watch.visitor.site}/certificates/list.json?filter_owner=x").json()
    told = {one["cn"] if "cn" in one else one["common_name"] for one in listed}
    assert {text.strip() for text in MARKUP.values()} - told == set()


def test_exports(site: Site, fleet: dict[str, int]) -> None:
    for kind, pk in fleet.items():
        extension, _, data = site.api.export(pk, "pem-export", type="Certificate")
        assert extension == "pem"
        stored = site.api.get(f"certificates/{pk}")["body"]
        assert x509.load_pem_x509_certificates(data) == x509.load_pem_x509_certificates(stored.encode()), kind


class Tags(HTMLParser):
    """Those of a mail, with their attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[tuple[str, str]] = set()
        self.places: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen |= {(tag, name) for name, _ in attrs} or {(tag, "")}
        self.places |= {value or "" for name, value in attrs if name == "href"}


OF_A_MAIL = {
    ("html", "lang"), ("body", "style"), ("h2", "style"), ("ul", "style"), ("li", "style"), ("strong", ""), ("br", ""), ("a", "href"),
    ("a", "style"), ("p", "style"), ("p", ""),
}  # fmt: skip
HEADERS = {
    "subject", "from", "to", "date", "message-id", "mime-version", "content-type", "auto-submitted", "x-mailfrom", "x-rcptto", "x-peer",
    "content-transfer-encoding",
}  # fmt: skip


@pytest.mark.parametrize("recipient", [WATCHER, "watch@example.org", hostile.OWNER])
def test_mails(site: Site, mailbox: MailServer, fleet: dict[str, int], pages: list[str], recipient: str) -> None:
    def received() -> list[Mail]:
        return [mail for mail in mailbox.received if mail.recipients == [recipient]]

    wait_until(lambda: bool(received()), 120)
    for mail in received():
        message = mail.message
        assert {name.lower() for name in message} <= HEADERS
        assert not re.search(r"[\x00-\x1f\x7f\u202a-\u202e\u2066-\u2069]", message["Subject"])
        html, text = message.get_body(("html",)), message.get_body(("plain",))
        assert html is not None
        assert text is not None
        tags = Tags()
        tags.feed(html.get_content())
        assert tags.seen <= OF_A_MAIL
        assert all(place.startswith(site.url) for place in tags.places)
        for body in (html, text):
            assert not INVISIBLE.search(body.get_content())
