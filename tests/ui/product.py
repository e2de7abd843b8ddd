"""What the tests of this folder look through: a browser, and a page that remembers everything that went wrong in it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, Locator, Page, Request, Response

from tests.system.api import Api, first_password
from tests.system.installation import Installation
from tests.ui import slow_ca

# No sandbox: tests run as root in containers. The rest keeps Chromium from asking its maker for anything.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PASSWORD = "Everybody's 1st!"
# What the console may say. A form that is refused answers 400, which Chromium reports; server errors are seen as
# responses. Of a request that the next key overtakes htmx writes the last two; of one that fails, a third line as well.
EXPECTED = ("the server responded with a status of 4", "htmx:afterRequest,", "htmx:sendAbort,")
WIDE, NARROW = {"width": 1280, "height": 900}, {"width": 390, "height": 844}


class Visitor:
    """One person's browser window. `problems` are console messages, blocked or foreign requests and server errors."""

    def __init__(self, context: BrowserContext, site: str) -> None:
        self.site = site
        self.page: Page = context.new_page()
        self.problems: list[str] = []
        self.page.on("console", lambda message: self._console(message.type, message.text))
        self.page.on("pageerror", lambda error: self.problems.append(f"script: {error}"))
        self.page.on("request", self._request)
        self.page.on("requestfailed", self._failed)
        self.page.on("response", self._response)

    def _console(self, kind: str, text: str) -> None:
        if kind in {"error", "warning"} and not any(words in text for words in EXPECTED):
            self.problems.append(f"console: {text}")

    def _request(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in {"data", "blob"} and f"{parts.scheme}://{parts.netloc}" != self.site:
            self.problems.append(f"foreign request: {request.url}")

    def _failed(self, request: Request) -> None:
        # A download, and a search that the next key overtakes, end their requests early.
        if request.failure not in {"net::ERR_ABORTED", None}:
            self.problems.append(f"failed: {request.url} {request.failure}")

    def _response(self, response: Response) -> None:
        if response.status >= 500:
            self.problems.append(f"{response.status}: {response.url}")

    def open(self, path: str) -> None:
        self.page.goto(f"{self.site}{path}")

    def log_in(self, password: str, username: str = "admin") -> None:
        self.open("/login")
        self.fill("Username", username)
        self.fill("Password", password)
        self.press("Log in")

    def field(self, label: str) -> Locator:
        """By its label, with or without the word "optional" behind it."""
        return self.page.get_by_label(re.compile(rf"^\s*{re.escape(label)}( optional)?\s*$"))

    def fill(self, label: str, text: str) -> None:
        self.field(label).fill(text)

    def press(self, name: str) -> None:
        self.page.get_by_role("button", name=name, exact=True).click()
        self.page.wait_for_load_state()  # a click waits for the answer to begin, not for the page

    def follow(self, name: str, inside: str = "main") -> None:
        self.page.locator(inside).get_by_role("link", name=name, exact=True).first.click()
        self.page.wait_for_load_state()

    def region(self, name: str) -> Locator:
        """The card of this title."""
        return self.page.get_by_role("region", name=name, exact=True)

    def choose(self, name: str, kind: Literal["radio", "checkbox"] = "radio") -> None:
        self.page.get_by_role(kind, name=name, exact=True).check()

    @property
    def state(self) -> str:
        """What stands beside the heading."""
        return self.page.locator(".title-row .state").first.inner_text()

    @property
    def heading(self) -> str:
        return self.page.get_by_role("heading", level=1).inner_text()

    @property
    def told(self) -> str:
        """The message on top of the page."""
        return self.page.locator("#toasts [data-text]").inner_text()

    @property
    def path(self) -> str:
        return urlsplit(self.page.url).path

    def error_at(self, label: str) -> str:
        """The sentence that the field points to as its error."""
        field = self.field(label)
        assert field.get_attribute("aria-invalid") == "true"
        described = (field.get_attribute("aria-describedby") or "").split()
        texts = [self.page.locator(f"[id='{name}'].errorlist") for name in described]
        return " ".join(text.inner_text() for text in texts if text.count())

    def download(self, name: str) -> tuple[str, bytes]:
        """Press a button that answers with a file: its name and content."""
        with self.page.expect_download() as waiting:
            self.press(name)
        download = waiting.value
        return download.suggested_filename, Path(download.path()).read_bytes()


class Site:
    """The running product and the browser that visits it: set ``browser`` before there is a visitor."""

    browser: Browser

    def __init__(self, place: Installation) -> None:
        self.place = place
        self.url = f"http://127.0.0.1:{place.port}"
        self.password = first_password(place)
        self.api = Api(place, self.password)
        self._session: Any = None

    def certificate(self, name: str) -> int:
        """The id of the oldest one of this common name."""
        found = self.api.get(f"certificates?filter=cn;{name}&sortBy=id&sortDir=asc&count=100")["items"]
        return int(next(one["id"] for one in found if one["cn"] == name))

    @property
    def issuing(self) -> int:
        """The id of the demo's authority that signs for servers."""
        [found] = [one for one in self.api.get("authorities?count=100")["items"] if one["name"] == "Demo Issuing"]
        return int(found["id"])

    def person(self, username: str, *roles: str) -> int:
        """Somebody new, who holds these roles and can log in with :data:`PASSWORD`; roles that are not there are made."""
        known = {one["name"]: one["id"] for one in self.api.get("roles?count=1000")["items"]}
        ids = [known.get(name) or self.api.post("roles", name=name)["id"] for name in roles]
        new = {"username": username, "email": f"{username}@example.com", "password": PASSWORD}
        return int(self.api.post("users", roles=[{"id": one} for one in ids], **new)["id"])

    def slow_authority(self, name: str, folder: Path) -> int:
        """A new one that :mod:`tests.ui.slow_ca` signs for."""
        plugin = {"slug": slow_ca.SLUG, "pluginOptions": [{"name": "folder", "value": str(folder)}]}
        made = self.api.post("authorities", name=name, commonName=name, owner="pki@example.com", plugin=plugin)
        return int(made["id"])

    def order(self, name: str, authority: int, owner: str = "web@example.com") -> int:
        """The id of the certificate; of the order, where that is not issued at once."""
        names = {"names": [{"nameType": "DNSName", "value": name}]}
        wanted = {"commonName": name, "owner": owner, "extensions": {"subAltNames": names}}
        answer = self.api.ask("POST", "certificates", authority={"id": authority}, **wanted)
        if answer.status_code in {200, 202}:
            return int(answer.json()["id"])
        [failed] = self.api.get(f"pending_certificates?state=failed&cn={name}")["items"]
        return int(failed["id"])

    @contextmanager
    def visitor(self, *, logged_in: bool = True, **options: Any) -> Iterator[Visitor]:
        """A window of its own, checked when it closes: whatever went wrong in it fails the test."""
        if logged_in and self._session is None:
            self._session = self._log_in()
        still: dict[str, Any] = {"viewport": WIDE, "reduced_motion": "reduce"}  # no picture of something half faded
        options = {**still, "storage_state": self._session if logged_in else None, **options}
        context = self.browser.new_context(**options)
        context.set_default_timeout(20_000)
        try:
            visitor = Visitor(context, self.url)
            yield visitor
            assert not visitor.problems, "\n".join(visitor.problems)
        finally:
            context.close()

    @contextmanager
    def window_of(self, username: str) -> Iterator[Visitor]:
        """That of somebody made with :meth:`person`."""
        with self.visitor(logged_in=False) as visitor:
            visitor.log_in(PASSWORD, username)
            yield visitor

    def _log_in(self) -> Any:
        """Once for all visitors: the log-in page itself is tested by itself."""
        context = self.browser.new_context()
        Visitor(context, self.url).log_in(self.password)
        state = context.storage_state()
        context.close()
        return state


@contextmanager
def running(place: Installation) -> Iterator[Site]:
    """The product, until it is not needed any more."""
    with place.running():
        yield Site(place)
