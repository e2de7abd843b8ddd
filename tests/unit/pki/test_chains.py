import itertools
from datetime import timedelta
from functools import cache

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from pki import chains
from pki.errors import BadCertificate, BadChain, PkiError
from tests import pki_material
from tests.endings import ends
from tests.pki_material import Pair, as_pem, material


def leaf():
    return material().leaf.certificate


def root():
    return material().root.certificate


def intermediate():
    return material().intermediate.certificate


def with_unknown_algorithm(certificate):
    known, unknown = bytes.fromhex("2a8648ce3d040302"), bytes.fromhex("2a8648ce3d04037f")
    der = certificate.public_bytes(Encoding.DER)
    return x509.load_der_x509_certificate(der.replace(known, unknown))


class TestSplit:
    def test_certificates_in_their_order(self):
        wanted = [root(), leaf(), intermediate()]
        assert chains.split(as_pem(*wanted), limit=3) == wanted
        assert chains.split(as_pem(*wanted).encode(), limit=3) == wanted

    @pytest.mark.parametrize("joint", ["", "\n\n\n", "\r\n# issuer: CN=Größe\r\n", "garbage"])
    def test_text_between_is_ignored(self, joint):
        text = joint + as_pem(leaf()) + joint + as_pem(root()).rstrip("\n") + joint
        assert chains.split(text, limit=5) == [leaf(), root()]

    @pytest.mark.parametrize("blank", ["", " \n\t\r\n ", b"", b"\n"])
    def test_blank_text_is_an_empty_chain(self, blank):
        assert chains.split(blank, limit=5) == []

    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            (lambda: "hello", 'no line "-----BEGIN CERTIFICATE-----"'),
            (lambda: as_pem(leaf()) + as_pem(root()).replace("M", "%"), "Number 2: Not a readable X.509 certificate"),
            (lambda: as_pem(leaf()) + material().leaf.key_pem, "Number 2 is a PRIVATE KEY"),
            (lambda: as_pem(leaf())[:-30], "has no END line"),
        ],
    )
    def test_what_is_wrong_is_named(self, text, reason):
        with pytest.raises(BadChain, match=f"^Invalid certificate in certificate chain. .*{reason}") as caught:
            chains.split(text(), limit=5)
        assert caught.value.field == "chain"

    def test_what_cannot_be_read_later_is_refused(self):
        der = material().leaf.der.replace(b"www.example.com", b"\xff" * 15, 1)
        broken = x509.load_der_x509_certificate(der)
        with pytest.raises(BadChain, match="Number 2: The certificate's subject cannot be read"):
            chains.split(as_pem(leaf(), broken), limit=5)

    def test_no_more_than_the_limit(self):
        with pytest.raises(BadChain, match="holds 3 certificates; at most 2 are taken"):
            chains.split(as_pem(leaf(), leaf(), leaf()), limit=2)

    def test_a_bomb_takes_no_time(self):
        bomb = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n" * 4_000
        with ends(), pytest.raises(BadChain):
            chains.split(bomb, limit=20)


class TestIsSignedBy:
    def test_yes_and_no(self):
        assert chains.is_signed_by(leaf(), intermediate()) is True
        assert chains.is_signed_by(leaf(), root()) is False
        assert chains.is_signed_by(root(), root()) is True

    def test_the_name_does_not_matter(self):
        renamed = pki_material.certificate(pki_material.name("Renamed"), material().intermediate.key)
        assert chains.is_signed_by(leaf(), renamed) is True

    def test_what_cannot_be_checked_is_neither(self):
        assert chains.is_signed_by(with_unknown_algorithm(leaf()), intermediate()) is None

    def test_a_broken_key_signed_nothing(self):
        der = material().intermediate.der
        point = material().intermediate.key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        broken = x509.load_der_x509_certificate(der.replace(point, point[:1] + bytes(64)))
        assert chains.is_signed_by(leaf(), broken) is False


class TestVerify:
    def test_a_chain_with_and_without_its_root(self):
        chains.verify(leaf(), [intermediate(), root()])
        chains.verify(leaf(), [intermediate()])
        chains.verify(leaf(), [])
        chains.verify(root(), [root()])

    @pytest.mark.parametrize(
        ("chain", "child", "issuer"),
        [
            (lambda: [root()], "www.example.com", "Example Root"),
            (lambda: [intermediate(), leaf()], "Example Issuing CA", "www.example.com"),
            (lambda: [intermediate(), root(), intermediate()], "Example Root", "Example Issuing CA"),
            (lambda: [leaf(), intermediate(), root()], "www.example.com", "www.example.com"),
            (lambda: [material().other_root.certificate], "www.example.com", "Other Root"),
        ],
    )
    def test_the_broken_link_is_named(self, chain, child, issuer):
        expected = f"Incorrect chain certificate(s) provided: '{child}' is not signed by '{issuer}'"
        with pytest.raises(BadChain) as caught:
            chains.verify(leaf(), chain())
        assert (str(caught.value), caught.value.field) == (expected, "chain")

    def test_a_link_that_cannot_be_checked_is_passed_over(self):
        chains.verify(with_unknown_algorithm(leaf()), [intermediate(), root()])
        chains.verify(with_unknown_algorithm(leaf()), [root()])

    def test_without_a_common_name_subject_or_serial_number_stand_for_it(self):
        nameless = material().leaf_with(cn="", names=["a.example"], serial=0xBEEF)
        with pytest.raises(BadChain, match="'serial BEEF' is not signed by 'Example Root'"):
            chains.verify(nameless.certificate, [root()])
        key = pki_material.p256()
        unit = pki_material.certificate(pki_material.name(organization_name="Only Inc"), key)
        with pytest.raises(BadChain, match="'O=Only Inc' is not signed by 'Example Root'"):
            chains.verify(unit, [root()])


class TestOrder:
    def test_up_to_the_root_whatever_the_order_of_the_pool(self):
        pool = [root(), material().other_root.certificate, leaf(), intermediate()]
        for shuffled in itertools.permutations(pool):
            assert chains.order(leaf(), shuffled) == [intermediate(), root()]

    def test_as_far_as_the_pool_goes(self):
        assert chains.order(leaf(), []) == []
        assert chains.order(leaf(), [intermediate(), material().other_root.certificate]) == [intermediate()]
        assert chains.order(leaf(), [root()]) == []

    def test_a_root_needs_no_chain(self):
        assert chains.order(root(), [root(), intermediate()]) == []

    def test_a_certificate_with_the_right_name_and_another_key_is_passed_over(self):
        impostor = material().intermediate_with(material().other_root, cn="Example Issuing CA").certificate
        assert chains.order(leaf(), [impostor, material().other_root.certificate, intermediate(), root()]) == [
            intermediate(),
            root(),
        ]

    def test_the_shortest_way_to_a_root_through_cross_signed_ones(self):
        old_root = material().other_root
        crossed = pki_material.certificate(
            root().subject, material().root.key, old_root, extensions=pki_material.ca_extensions(material().root.key)
        )
        pool = [crossed, old_root.certificate, intermediate(), root()]
        assert chains.order(leaf(), pool) == [intermediate(), root()]
        assert chains.order(leaf(), [crossed, old_root.certificate, intermediate()]) == [
            intermediate(),
            crossed,
            old_root.certificate,
        ]
        assert chains.order(leaf(), [crossed, intermediate(), root()]) == [intermediate(), root()]

    def test_loops_end(self):
        first, second = (pki_material.p256() for _ in range(2))
        one, two = (pki_material.name(cn) for cn in ("Loop 1", "Loop 2"))
        as_issuer = {
            1: Pair(pki_material.certificate(one, first), first),
            2: Pair(pki_material.certificate(two, second), second),
        }
        one_by_two = pki_material.certificate(one, first, as_issuer[2])
        two_by_one = pki_material.certificate(two, second, as_issuer[1])
        child = pki_material.certificate(pki_material.name("child"), pki_material.p256(), as_issuer[1])
        assert chains.order(child, [one_by_two, two_by_one]) == [one_by_two, two_by_one]

    def test_many_that_signed_each_other_take_no_time(self):
        name, ours, theirs = pki_material.name("Clique"), pki_material.p256(), pki_material.p256()
        signers = [Pair(pki_material.certificate(name, key), key) for key in (ours, theirs)]
        pool = [pki_material.certificate(name, ours, signers[1]) for _ in range(15)]
        pool += [pki_material.certificate(name, theirs, signers[0]) for _ in range(15)]
        with ends():
            ordered = chains.order(pool[0], pool)
        chains.verify(pool[0], ordered)
        assert len(ordered) == 2

    @settings(max_examples=20, deadline=None)
    @given(data=st.data(), length=st.integers(1, 6))
    def test_a_shuffled_chain_comes_back_in_order(self, data, length):
        line = long_line()[:length]
        pool = data.draw(st.permutations([*line, root(), material().other_root.certificate]))
        ordered = chains.order(line[-1], pool)
        assert ordered == [*line[-2::-1], root()]
        chains.verify(line[-1], ordered)


@cache
def long_line():
    """Authorities below `root`, each issued by the one before."""
    pairs = [material().root]
    for level in range(6):
        pairs.append(material().intermediate_with(pairs[-1], cn=f"Level {level}"))
    return [pair.certificate for pair in pairs[1:]]


class TestIssuerOf:
    def test_is_found_by_name_and_signature(self):
        pool = [root(), material().other_root.certificate, intermediate()]
        assert chains.issuer_of(leaf(), pool) == intermediate()
        assert chains.issuer_of(intermediate(), pool) == root()
        assert chains.issuer_of(root(), pool) == root()
        assert chains.issuer_of(leaf(), [root()]) is None

    def test_of_several_the_longest_valid(self):
        key, subject = material().intermediate.key, intermediate().subject
        longer = pki_material.certificate(
            subject, key, material().root, not_after=pki_material.now() + timedelta(days=3000)
        )
        assert chains.issuer_of(leaf(), [intermediate(), longer]) == longer
        assert chains.issuers_of(leaf(), [intermediate(), longer]) == [longer, intermediate()]

    def test_one_that_cannot_be_checked_is_better_than_none(self):
        assert chains.issuer_of(with_unknown_algorithm(leaf()), [root(), intermediate()]) == intermediate()

    def test_a_name_that_cannot_be_read_is_a_bad_chain(self):
        der = material().leaf.der.replace(b"Example Issuing CA", b"\xff" * 18)
        broken = x509.load_der_x509_certificate(der)
        for attempt in (lambda: chains.issuer_of(broken, [root()]), lambda: chains.order(broken, [root()])):
            with pytest.raises((BadChain, BadCertificate), match="cannot be read"):
                attempt()


def test_without_root():
    assert chains.without_root([intermediate(), root()]) == [intermediate()]
    assert chains.without_root([]) == []


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_mutated_bundles_give_certificates_or_a_pki_error(data):
    text = bytearray(as_pem(leaf(), intermediate(), root()), "ascii")
    for _ in range(data.draw(st.integers(1, 5))):
        text[data.draw(st.integers(0, len(text) - 1))] = data.draw(st.integers(0, 255))
    try:
        found = chains.split(bytes(text), limit=3)
        chains.verify(found[0], found[1:])
    except PkiError:
        return
    assert set(chains.order(found[0], found)) <= set(found)
