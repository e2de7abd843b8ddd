"""Path validation, in what PKITS does not try: other keys, trust in the last of the chain, each error's sentence."""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ed448, ed25519, mldsa, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given, settings
from hypothesis import strategies as st

from pki import inspection
from pki.constraints import check
from pki.errors import BadChain, PkiError
from pki.paths import validate
from tests import pki_material
from tests.pki_material import Pair, general_name, material

NOW = datetime.now(UTC)


def leaf():
    return material().leaf.certificate


def authority(extensions, issuer=None, *, cn="CA", key=None, **how):
    key = key or pki_material.p256()
    return Pair(pki_material.certificate(pki_material.name(cn), key, issuer, extensions=extensions, **how), key)


def ca(issuer=None, *, path_length=None, more=(), **how):
    key = how.pop("key", None) or pki_material.p256()
    return authority([*pki_material.ca_extensions(key, path_length), *more], issuer, key=key, **how)


def under(*chain, **how):
    """A leaf of the first, validated by the chain."""
    made = material().leaf_with(issuer=chain[0], **how).certificate
    validate(made, [one.certificate for one in chain], now=NOW)


def test_a_chain_that_is_in_order():
    validate(leaf(), material().chain, now=NOW)


def test_the_last_of_the_chain_is_trusted_whoever_signed_it():
    validate(leaf(), [material().intermediate.certificate], now=NOW)


def test_no_chain():
    with pytest.raises(BadChain, match="There is no chain"):
        validate(leaf(), [], now=NOW)


@pytest.mark.parametrize(
    "make",
    [
        ed25519.Ed25519PrivateKey.generate,
        ed448.Ed448PrivateKey.generate,
        mldsa.MLDSA65PrivateKey.generate,
        lambda: rsa.generate_private_key(65537, 2048),
    ],
)
def test_whatever_we_can_issue_with_can_be_validated(make):
    root = ca(key=make(), cn="Root")
    under(ca(root, cn="Issuing", key=make()), root)


def test_names_that_do_not_follow_each_other():
    with pytest.raises(BadChain, match=r"'www\.example\.com' names another issuer than 'Example Root'"):
        validate(leaf(), [material().root.certificate], now=NOW)


def test_a_signature_that_does_not_hold():
    der = bytearray(material().leaf.der)
    der[-1] ^= 1
    with pytest.raises(BadChain, match="is not signed by 'Example Issuing CA'"):
        validate(x509.load_der_x509_certificate(bytes(der)), material().chain, now=NOW)


def test_an_algorithm_that_cannot_be_checked():
    known, unknown = bytes.fromhex("2a8648ce3d040302"), bytes.fromhex("2a8648ce3d04037f")
    odd = x509.load_der_x509_certificate(leaf().public_bytes(Encoding.DER).replace(known, unknown))
    with pytest.raises(BadChain, match="cannot be checked"):
        validate(odd, material().chain, now=NOW)


def test_a_digest_that_can_be_forged():
    rsa_root = ca(key=rsa.generate_private_key(65537, 2048))
    made = material().leaf_with(issuer=rsa_root).certificate.public_bytes(Encoding.DER)
    old = made.replace(bytes.fromhex("2a864886f70d01010b"), bytes.fromhex("2a864886f70d010105"))
    with pytest.raises(BadChain, match="signed with sha1, which can be forged"):
        validate(x509.load_der_x509_certificate(old), [rsa_root.certificate], now=NOW)


@pytest.mark.parametrize(
    ("now", "what"),
    [
        (NOW + timedelta(days=91), r"'www\.example\.com' has expired at"),
        (NOW - timedelta(days=2), r"'www\.example\.com' is not valid before"),
    ],
)
def test_outside_of_its_time(now, what):
    with pytest.raises(BadChain, match=what):
        validate(leaf(), material().chain, now=now)


def test_even_the_trusted_one_must_be_valid():
    old = ca(not_before=NOW - timedelta(days=9), not_after=NOW - timedelta(days=1))
    with pytest.raises(BadChain, match="'CA' has expired"):
        under(old)


def test_what_is_no_authority():
    root = ca(cn="Root")
    with pytest.raises(BadChain, match="'CA' is not the certificate of an authority"):
        under(authority([(pki_material.key_usage("key_cert_sign"), True)], root), root)
    with pytest.raises(BadChain, match="is not the certificate of an authority"):
        under(authority([(x509.BasicConstraints(ca=False, path_length=None), True)], root), root)
    with pytest.raises(BadChain, match="may not sign certificates"):
        under(
            authority(
                [(x509.BasicConstraints(ca=True, path_length=None), True), (pki_material.key_usage("crl_sign"), True)]
            )
        )


def test_the_length_of_the_path():
    root = ca(path_length=1, cn="Root")
    one = ca(root, cn="One")
    two = ca(one, cn="Two")
    under(one, root)
    with pytest.raises(BadChain, match="'Root' allows 1 authorities below it, and there are 2"):
        under(two, one, root)


def test_critical_extensions_must_be_understood():
    odd = (x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\5\0"), True)
    with pytest.raises(BadChain, match=r"critical extension that is unknown: 1\.2\.3\.4"):
        under(ca(more=[odd]))


def test_a_precertificate_is_none():
    poisoned = pki_material.certificate(
        pki_material.name("x"), pki_material.p256(), material().intermediate, extensions=[(x509.PrecertPoison(), True)]
    )
    with pytest.raises(BadChain, match="critical extension that is unknown"):
        validate(poisoned, material().chain, now=NOW)


def test_unreadable_ones_are_named():
    der = material().leaf.der.replace(b"www.example.com", b"\xff" * 15)
    with pytest.raises(BadChain, match="cannot be read"):
        validate(x509.load_der_x509_certificate(der), material().chain, now=NOW)


def test_constraints_reach_all_below():
    limit = x509.NameConstraints([x509.DNSName("example.com")], None)
    root = ca(cn="Root", more=[(limit, True)])
    one = ca(root, cn="One")
    under(one, root, names=("www.example.com",))
    with pytest.raises(BadChain, match=r"do not permit www\.example\.org"):
        under(one, root, names=("www.example.com", "www.example.org"))


class TestConstraints:
    @pytest.mark.parametrize(
        ("name", "tree", "is_permitted", "is_excluded"),
        [
            ("www.example.com", "example.com", True, True),
            ("example.com", "example.com", True, True),
            ("EXAMPLE.com", "example.COM", True, True),
            ("badexample.com", "example.com", False, False),
            ("www.example.com.", "example.com", True, True),
            ("example.com", ".example.com", False, True),
            ("www.example.com", ".example.com", True, True),
            ("*.example.com", "www.example.com", False, True),
            ("*.example.com", "a.b.example.com", False, False),
            ("*.example.com", "example.com", True, True),
            ("anything.org", "", True, True),
            ("me@example.com", "example.com", True, True),
            ("me@www.example.com", "example.com", False, False),
            ("me@www.example.com", ".example.com", True, True),
            ("10.1.2.3", "10.0.0.0/8", True, True),
            ("11.1.2.3", "10.0.0.0/8", False, False),
            ("2001:db8::1", "10.0.0.0/8", False, False),
            ("http://www.example.com:80/x", "www.example.com", True, True),
            ("http://me@www.example.com/x", ".example.com", True, True),
            ("http://example.com.evil.org/", "example.com", False, False),
            ("http://10.1.2.3/", "example.com", False, True),
            ("http://[::1]/", "example.com", False, True),
            ("http://[bad/", "example.com", False, True),
        ],
    )
    def test_matching(self, name, tree, is_permitted, is_excluded):
        name = general_name(name)
        trees = {x509.IPAddress: lambda: x509.IPAddress(ipaddress.ip_network(tree))}
        tree = trees.get(type(name), lambda: type(name)(tree))()
        assert self.accepts(name, x509.NameConstraints([tree], None)) == is_permitted
        assert self.accepts(name, x509.NameConstraints(None, [tree])) != is_excluded

    def accepts(self, name, constraints):
        try:
            check([name], constraints)
        except BadChain:
            return False
        return True

    def test_mail_to_one_person(self):
        only_me = x509.NameConstraints([x509.RFC822Name("me@example.com")], None)
        assert self.accepts(x509.RFC822Name("me@EXAMPLE.com"), only_me)
        assert not self.accepts(x509.RFC822Name("you@example.com"), only_me)

    def test_directory_names(self):
        tree = x509.DirectoryName(pki_material.name(organization_name="Example  Inc"))
        inside, outside = (
            x509.DirectoryName(pki_material.name(None, organization_name=name, organizational_unit_name="x"))
            for name in ("EXAMPLE inc", "Other")
        )
        assert self.accepts(inside, x509.NameConstraints([tree], None))
        assert not self.accepts(inside, x509.NameConstraints(None, [tree]))
        assert not self.accepts(outside, x509.NameConstraints([tree], None))

    def test_kinds_do_not_touch_each_other(self):
        assert self.accepts(x509.DNSName("example.com"), x509.NameConstraints([x509.RFC822Name("example.com")], None))

    def test_kinds_that_are_not_understood_are_refused(self):
        name = x509.RegisteredID(x509.ObjectIdentifier("1.2.3"))
        assert not self.accepts(name, x509.NameConstraints([name], None))
        assert self.accepts(x509.DNSName("example.com"), x509.NameConstraints([name], None))


@pytest.mark.filterwarnings("ignore:Parsed a serial number")
@settings(max_examples=300, deadline=None)
@given(st.data())
def test_no_altered_certificate_is_believed_and_none_crashes(data):
    position = data.draw(st.integers(0, len(material().leaf.der) - 1))
    der = bytearray(material().leaf.der)
    der[position] ^= 1 << data.draw(st.integers(0, 7))
    try:
        altered = inspection.load_der(bytes(der))
        validate(altered, material().chain, now=NOW)
    except PkiError:
        return
    # Beside what is signed, the number of unused bits of the signature may differ.
    assert altered.tbs_certificate_bytes == leaf().tbs_certificate_bytes
