import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pki import pem
from pki.errors import PkiError
from tests.endings import ends

ONE = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"
KEY = b"-----BEGIN RSA PRIVATE KEY-----\nBBBB\n-----END RSA PRIVATE KEY-----"


def test_blocks_in_order_with_comments_between():
    text = b"# a comment\r\n" + ONE + b"\r\nsubject=CN = x\n" + KEY + b"\ntrailing"
    assert pem.blocks(text) == [pem.Block("CERTIFICATE", ONE), pem.Block("RSA PRIVATE KEY", KEY)]


def test_kinds_of_blocks():
    certificate, key, old = pem.blocks(ONE + KEY + ONE.replace(b"CERT", b"X509 CERT"))
    assert (certificate.is_certificate, certificate.is_private_key) == (True, False)
    assert (key.is_certificate, key.is_private_key) == (False, True)
    assert old.is_certificate


def test_a_block_never_shows_its_content():
    assert repr(pem.blocks(KEY)[0]) == f"Block('RSA PRIVATE KEY', {len(KEY)} bytes)"


def test_no_blocks():
    assert pem.blocks("") == []
    assert pem.blocks("no such thing") == []
    assert not pem.looks_like_pem(b"\x30\x82")
    assert pem.looks_like_pem(ONE)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (ONE + b"\n-----BEGIN CERTIFICATE-----\nAAAA\n", "PEM block 2 .CERTIFICATE. has no END line"),
        (b"-----BEGIN CERTIFICATE-----\n-----END RSA PRIVATE KEY-----", "block 1 .CERTIFICATE. has no END line"),
        (b"-----BEGIN CERTIFICATE", "no readable BEGIN line"),
        (b"-----BEGIN -----\n-----END -----", "no readable BEGIN line"),
        (b"-----BEGIN \xff\xfe-----\n-----END \xff\xfe-----", "no readable BEGIN line"),
        (b"-----BEGIN A\nB-----\n-----END A\nB-----", "no readable BEGIN line"),
        (b"-----BEGIN " + b"A" * 70 + b"-----", "no readable BEGIN line"),
    ],
)
def test_broken_blocks(text, reason):
    with pytest.raises(PkiError, match=reason):
        pem.blocks(text)


def test_text_with_lone_surrogates():
    assert pem.blocks("\ud800" + ONE.decode()) == [pem.Block("CERTIFICATE", ONE)]


@settings(max_examples=200)
@given(
    st.lists(
        st.sampled_from([b"-----BEGIN ", b"-----END ", b"-----", b"CERTIFICATE", b"\n", ONE, KEY])
        | st.binary(max_size=9)
    ).map(b"".join)
)
def test_any_text_gives_blocks_or_a_pki_error(text):
    try:
        found = pem.blocks(text)
    except PkiError:
        return
    assert all(block.text in text for block in found)
    assert sum(len(block.text) for block in found) <= len(text)


@pytest.mark.parametrize(
    "bomb",
    [
        b"-----BEGIN " * 25_000,
        b"-----BEGIN A-----" * 16_000,
        b"".join(b"-----BEGIN %d-----" % n for n in range(16_000)),
        b"-" * 256_000,
        (b"-----BEGIN A-----" * 100 + b"-----END A-----") * 140,
    ],
)
def test_bombs_take_no_time(bomb):
    with ends():
        for _ in range(3):
            try:
                pem.blocks(bomb)
            except PkiError:
                continue
