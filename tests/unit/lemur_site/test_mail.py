"""EMAIL_URL and what belongs to it."""

from __future__ import annotations

import pytest
from django.core.exceptions import ImproperlyConfigured

from lemur_site import mail


@pytest.mark.parametrize(
    ("url", "host", "port", "starttls", "tls"),
    [
        ("", "", 0, False, False),
        ("smtp://relay", "relay", 25, False, False),
        ("smtp://[::1]:2525/", "::1", 2525, False, False),
        ("smtp+tls://relay.example.org", "relay.example.org", 587, True, False),
        ("smtps://relay.example.org", "relay.example.org", 465, False, True),
        ("smtp+ssl://relay.example.org:4650", "relay.example.org", 4650, False, True),
    ],
)
def test_where_mail_goes(url, host, port, starttls, tls):
    read = mail.read(url)
    assert (read["EMAIL_HOST"], read["EMAIL_PORT"]) == (host, port)
    assert (read["EMAIL_USE_TLS"], read["EMAIL_USE_SSL"]) == (starttls, tls)


def test_user_and_password_are_decoded():
    read = mail.read("smtp+tls://me%40example.org:p%2F%3A%25%40@relay")
    assert (read["EMAIL_HOST_USER"], read["EMAIL_HOST_PASSWORD"]) == ("me@example.org", "p/:%@")


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://relay", "must begin with one of smtp://"),
        ("relay.example.org", "must begin with one of"),
        ("smtp://relay:99999", "valid port"),
        ("smtp://relay:x", "valid port"),
        ("smtp://", "must name a host"),
        ("smtp+tls://me:s3cret/x@relay", "valid port|must name a host"),
        ("smtp+tls://me:s3cret?x@relay", "valid port|must name a host"),
        ("smtp+tls://me:s3cret@relay/path", "nothing after it"),
        ("smtp+tls://me@relay", "both a user name and a password"),
        ("smtp+tls://me:s3cr%C3%A9t@relay", "in ASCII"),
        ("smtp://me:s3cret@relay", "no protection"),
    ],
)
def test_what_is_wrong_is_said_without_the_password(url, said):
    with pytest.raises(ImproperlyConfigured, match=said) as caught:
        mail.read(url)
    assert "s3cr" not in str(caught.value)


def test_a_password_to_this_machine_needs_no_protection():
    assert mail.read("smtp://me:s3cret@127.0.0.1")["EMAIL_HOST_USER"] == "me"


@pytest.mark.parametrize(
    ("given", "site", "sender"),
    [
        ("pki@example.org", "https://lemur.example.org", "pki@example.org"),
        ("", "https://lemur.example.org", "lemur@lemur.example.org"),
        ("", "http://127.0.0.1:8000", "lemur@localhost"),
        ("", "http://[::1]:8000", "lemur@localhost"),
    ],
)
def test_who_mail_is_from(given, site, sender):
    assert mail.sender(given, site) == sender


@pytest.mark.parametrize("given", ["pki", "@x", "x@", "a b@x.org", "a@x.org\nBcc: b@x.org", "ü@x.org"])
def test_a_sender_that_is_no_address(given):
    with pytest.raises(ImproperlyConfigured, match="LEMUR_EMAIL must be an e-mail address"):
        mail.sender(given, "https://lemur.example.org")


def test_days_before_the_end():
    assert mail.days("X", ["2", " 30", "15", "30"]) == [30, 15, 2]
    for wrong in (["0"], ["91"], ["a"], ["-1"], ["²"]):
        with pytest.raises(ImproperlyConfigured, match="X must be numbers from 1 to 90"):
            mail.days("X", wrong)
