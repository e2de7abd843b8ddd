"""Ways in, as people take them: the identity provider, a second factor, and confirming that it is still you."""

from __future__ import annotations

import re
import time
from base64 import b32decode

import pytest
from playwright.sync_api import expect

from accounts import totp
from tests.servers.oidc_mock import MockProvider
from tests.ui.looking import shows_well
from tests.ui.product import PASSWORD, Site, Visitor

pytestmark = pytest.mark.server("chromium-headless-shell")
OLD_PROOF = """
from accounts.models import Session
from accounts.sessions import SessionStore
for row in Session.objects.filter(user__username={name!r}):
    session = SessionStore(row.session_key)
    session["proof"] = {{**session["proof"], "at": 0}}
    session.save()
"""


def log_in_there(visitor: Visitor, subject: str) -> None:
    """Over the button of the log-in page, to the provider and back."""
    visitor.open("/login")
    before = [*visitor.problems]
    visitor.page.get_by_role("link", name="Log in with Example account", exact=True).click()
    visitor.page.get_by_placeholder("sub").fill(subject)
    visitor.page.get_by_role("button", name="Authorize", exact=True).click()
    visitor.page.wait_for_url(f"{visitor.site}/**")
    visitor.page.wait_for_load_state()
    visitor.problems = before  # going there is the point, and that page has styles from elsewhere


def test_somebody_comes_from_the_provider_and_follows_their_groups(site: Site, provider: MockProvider) -> None:
    claims = {"email": "greta@example.com", "email_verified": True, "preferred_username": "greta"}
    provider.knows("g-1", **claims, groups=["pki-users", "pki-admins"])
    with site.visitor(logged_in=False) as greta:
        log_in_there(greta, "g-1")
        assert (greta.path, greta.heading) == ("/", "Overview")
        greta.open("/people/new")
        assert greta.heading == "Add a person"
        greta.open("/account")
        assert greta.page.get_by_role("link", name="Change my password").count() == 0
        with site.visitor(logged_in=False) as elsewhere:
            provider.knows("g-1", **claims, groups=["pki-users", "pki-auditors"])
            log_in_there(elsewhere, "g-1")
            elsewhere.open("/account")
            assert "read-only" in elsewhere.region("Who I am here").inner_text()
            greta.open("/people/new")
            assert greta.path == "/login"
            provider.knows("g-1", **claims, groups=[])
            log_in_there(greta, "g-1")
            assert greta.path == "/login"
            assert greta.told.startswith("You are in none of the groups that may log in here")
            elsewhere.open("/account")
            assert elsewhere.path == "/login"


def app_of(visitor: Visitor) -> bytes:
    """The secret that an app would have read from the picture; the picture is there."""
    picture = visitor.page.get_by_role("img", name=re.compile("QR code"))
    expect(picture).to_have_js_property("complete", value=True)
    assert picture.evaluate("image => image.naturalWidth") > 200
    return b32decode(visitor.page.locator("form code").inner_text().replace(" ", ""))


def code_after(secret: bytes, last: str, visitor: Visitor) -> str:
    """What the app shows, once it is not the one that was taken already."""
    while True:
        period = int(time.time()) // totp.PERIOD
        code = totp._totp(secret).generate((period + 1) * totp.PERIOD).decode()  # our clock may be late by one
        if code != last:
            return code
        visitor.page.wait_for_timeout(500)


def test_a_second_factor_is_set_up_asked_for_and_reset(site: Site, visitor: Visitor) -> None:
    tessa_id = site.person("tessa", "platform@outfitters.example")
    with site.window_of("tessa") as tessa:
        tessa.open("/account")
        tessa.follow("My log-ins")
        tessa.page.get_by_role("link", name="Set up a second factor", exact=True).click()
        secret = app_of(tessa)
        tessa.fill("Code", "000000")
        tessa.press("Set up")
        assert tessa.error_at("Code").startswith("This code is not right")
        first = totp._totp(secret).generate(_now()).decode()
        tessa.fill("Code", first)
        tessa.press("Set up")
        codes = tessa.page.locator("#codes").inner_text().split()
        assert len(codes) == 10
        tessa.follow("I have kept them")
        assert tessa.heading == "Overview"
    with site.visitor(logged_in=False) as again:
        again.log_in(PASSWORD, "tessa")
        assert again.path == "/login/code"
        again.fill("Code", first)
        again.press("Log in")
        assert again.error_at("Code").startswith("This code is not right")
        again.fill("Code", code_after(secret, first, again))
        again.press("Log in")
        assert again.path == "/"
    with site.visitor(logged_in=False) as lost:
        lost.log_in(PASSWORD, "tessa")
        lost.fill("Code", codes[0])
        lost.press("Log in")
        assert lost.path == "/"
    visitor.open(f"/people/{tessa_id}")
    visitor.page.once("dialog", lambda dialog: dialog.accept())
    visitor.press("Reset the second factor")
    assert visitor.told == "They log in by password alone, until they set up anew."
    with site.window_of("tessa") as tessa:
        assert tessa.path == "/"


def _now() -> int:
    return int(time.time())


def test_a_browser_that_was_left_alone_asks_before_it_shows_a_key(site: Site) -> None:
    site.person("uma", "admin")
    pk = site.certificate("registry.outfitters.example")
    with site.window_of("uma") as uma:
        uma.open(f"/certificates/{pk}/key")
        assert uma.heading == "Private key"
        assert site.place.manage("shell", "--no-imports", "-c", OLD_PROOF.format(name="uma")).returncode == 0
        uma.press("Show the private key")
        assert uma.heading == "Is it still you?"
        uma.fill("Password", "wrong")
        uma.press("Confirm")
        assert uma.error_at("Password") == "The supplied credentials are invalid"
        uma.fill("Password", PASSWORD)
        uma.press("Confirm")
        assert uma.path == f"/certificates/{pk}/key"
        uma.press("Show the private key")
        expect(uma.page.locator("#private-key")).to_contain_text("PRIVATE KEY")


def test_one_sees_where_one_is_logged_in_and_ends_it(site: Site) -> None:
    site.person("vera")
    with site.window_of("vera") as here, site.window_of("vera") as there:
        here.open("/account/sessions")
        browsers = here.region("Browsers").get_by_role("row")
        assert browsers.count() == 3
        here.page.get_by_role("button", name=re.compile("^End 127")).click()
        here.page.wait_for_load_state()
        assert here.told == "That session has ended."
        assert browsers.count() == 2
        there.open("/account")
        assert there.path == "/login"


def test_these_pages_look_well(site: Site, visitor: Visitor) -> None:
    site.person("wilma", "admin")
    with site.visitor(logged_in=False) as wilma:
        wilma.open("/login")
        shows_well(wilma, "login-provider")
        wilma.log_in(PASSWORD, "wilma")
        wilma.open("/account/sessions")
        shows_well(wilma, "sessions")
        wilma.open("/account/second-factor")
        shows_well(wilma, "second-factor")
        secret = app_of(wilma)
        wilma.fill("Code", totp._totp(secret).generate(_now()).decode())
        wilma.press("Set up")
        shows_well(wilma, "recovery-codes")
        wilma.open("/account/sessions")
        shows_well(wilma, "sessions-second-factor")
        wilma.open("/confirm?next=/")
        shows_well(wilma, "confirm")
    with site.visitor(logged_in=False) as half:
        half.log_in(PASSWORD, "wilma")
        assert half.path == "/login/code"
        shows_well(half, "login-code")
    [wilma_id] = [one["id"] for one in site.api.get("users?count=1000")["items"] if one["username"] == "wilma"]
    visitor.open(f"/people/{wilma_id}")
    shows_well(visitor, "person-second-factor")
