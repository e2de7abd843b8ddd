"""The page that imports many: what it found, what became of it, and that no key is ever written into it."""

from __future__ import annotations

import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from certificates.models import Certificate
from pki import containers
from tests.factories import a_certificate
from tests.pki_material import as_pem, certificate, material, name, p256

pytestmark = pytest.mark.django_db
MANY = "/certificates/import/many"
PASSPHRASE = "open sesame"


@pytest.fixture
def alice(people):
    client = Client()
    client.force_login(people.alice)
    return client


def file(called, data):
    return SimpleUploadedFile(called, data.encode() if isinstance(data, str) else data)


def send(client, *files, htmx=True, **fields):
    body = {"owner": "team@example.org", "body_file": list(files), **fields}
    return client.post(MANY, body, headers={"HX-Request": "true"} if htmx else {})


def shown(answer, status=200):
    assert answer.status_code == status
    return re.sub(r"\s+", " ", answer.content.decode())


def fingerprints(text):
    return re.findall(r'name="row" value="([0-9a-f]{64})"', text)


def everything():
    leaf, other = material().leaf, material().p384_leaf
    return (
        file("leaf.p12", containers.pkcs12("www", leaf.key, leaf.certificate, [], PASSPHRASE)),
        file("other.pem", other.pem),
        file("other.key", other.key_pem),
        file("chain.p7b", containers.pkcs7(material().chain, der=True)),
        file("broken.crt", "nonsense"),
    )


def test_what_is_previewed_and_ticked_is_imported(alice):
    text = shown(send(alice, *everything(), passphrase=PASSPHRASE))
    assert "2 certificates found, 2 can be imported" in text
    assert "up to the root" in text
    assert "broken.crt" in text
    assert "Neither PEM nor the DER" in text
    assert "PRIVATE KEY" not in text
    assert PASSPHRASE not in text
    assert not Certificate.objects.exists()
    ticked = fingerprints(text)
    assert len(ticked) == text.count(" checked ") == 2
    done = shown(send(alice, *everything(), passphrase=PASSPHRASE, confirmed="1", row=ticked, tags="Vendor"))
    assert done.count("Imported") == 2
    for made in Certificate.objects.all():
        assert made.get_absolute_url() in done
        assert made.has_private_key
        assert made.tag_names == ["vendor"]
    again = shown(send(alice, *everything(), passphrase=PASSPHRASE, confirmed="1", row=ticked))
    assert again.count("Was here already") == 2
    assert Certificate.objects.count() == 2


def test_what_is_not_ticked_is_not_imported(alice):
    ticked = fingerprints(shown(send(alice, *everything(), passphrase=PASSPHRASE)))
    shown(send(alice, *everything(), passphrase=PASSPHRASE, confirmed="1", row=ticked[:1]))
    assert Certificate.objects.count() == 1
    text = shown(send(alice, *everything(), confirmed="1"))
    assert "Nothing was imported" in text


def test_what_is_pasted_counts_as_well(alice):
    text = shown(send(alice, body=material().leaf.pem, chain=as_pem(*material().chain), private_key="nonsense"))
    assert "What was pasted" in text
    assert "1 certificate found" in text


def test_without_script_the_whole_page_comes_back_and_keeps_no_key(alice):
    leaf = material().leaf
    text = shown(send(alice, htmx=False, body=leaf.pem + leaf.key_pem, owner="team@example.org"))
    assert "<html" in text
    assert "This page keeps no files and no keys" in text
    assert "PRIVATE KEY" not in text
    assert "Key found" in text
    done = shown(send(alice, htmx=False, body=leaf.pem + leaf.key_pem, confirmed="1", row=fingerprints(text)))
    assert "<html" in done
    assert Certificate.objects.get().get_absolute_url() in done


@pytest.mark.parametrize("htmx", [True, False])
def test_nothing_given_or_no_owner(alice, htmx):
    status = 200 if htmx else 400
    assert "Paste certificates, or choose files." in shown(send(alice, htmx=htmx), status)
    assert "Enter a valid email address." in shown(send(alice, *everything(), htmx=htmx, owner="nobody"), status)


def test_what_is_here_already_is_linked_and_cannot_be_ticked(alice, people, root_ca):
    known = a_certificate(people.root, root_ca)
    text = shown(send(alice, file("a.pem", known.body)))
    assert known.get_absolute_url() in text
    assert "Here already" in text
    assert fingerprints(text) == []
    assert "Import what is ticked" not in text


def test_warnings_and_what_stands_in_the_way(alice):
    files = [
        file("old.pem", material().expired_leaf.pem),
        file("stray.pem", material().leaf.pem + material().p384_leaf.key_pem),
        file("root.pem", material().other_root.pem),
        file("empty.pem", ""),
    ]
    text = shown(send(alice, *files))
    assert "It has expired." in text
    assert "The private key in the same file belongs to another certificate" in text
    assert "It is a CA&#x27;s" in text or "It is a CA's" in text
    assert "It is empty." in text
    assert len(fingerprints(text)) == 2
    assert text.count(" checked ") == 1  # a CA's is not what most people mean


def test_names_that_strangers_chose_do_no_harm(alice):
    hostile = "<script>alert(1)</script>\u202egnp.exe\x1b[31m"
    one = certificate(name(hostile), p256())
    text = shown(send(alice, file("<img src=x>\u202e.pem", as_pem(one)), file("\u202e<b>x", "nonsense")))
    for raw in ("<script>alert", "<img", "<b>x", "\u202e", "\x1b"):
        assert raw not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;\\u202egnp.exe\\x1b[31m" in text
    done = shown(send(alice, file("a.pem", as_pem(one)), confirmed="1", row=fingerprints(text)))
    assert "<script>alert" not in done
    assert "\u202e" not in done


def test_several_files_are_not_imported_unseen(alice):
    files = [file("a.pem", material().leaf.pem), file("b.pem", material().p384_leaf.pem)]
    answer = alice.post("/certificates/import", {"owner": "team@example.org", "body_file": files})
    assert "press Preview to see what they hold" in shown(answer, 400)
    assert not Certificate.objects.exists()


def test_sent_twice_from_the_same_page_it_is_done_once(alice):
    ticked = fingerprints(shown(send(alice, *everything(), passphrase=PASSPHRASE)))
    for _ in range(2):
        shown(send(alice, *everything(), passphrase=PASSPHRASE, confirmed="1", row=ticked, once="a page"))
    assert Certificate.objects.count() == 2
