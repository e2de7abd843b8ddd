"""Sorting what somebody brings: whatever the order and the files, the same certificates with the same keys come out."""

from __future__ import annotations

import random

import pytest
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pki import chains, containers, encrypted, gathering, keys
from pki.gathering import File, Gathered, gather
from tests.pki_material import Pair, as_pem, certificate, key_as_pem, material, name, p256

PASSPHRASE = "correct horse ☃"
LIMIT = 100


def gathered(*data: bytes | str, passphrase: str | None = None, limit: int = LIMIT) -> Gathered:
    files = [File(f"{n}", one.encode() if isinstance(one, str) else one) for n, one in enumerate(data)]
    return gather(files, passphrase, limit=limit)


def leaf() -> Pair:
    return material().leaf


def other() -> Pair:
    return material().p384_leaf


def reasons(found: Gathered) -> list[tuple[str, str]]:
    return [(problem.file, problem.reason) for problem in found.problems]


def pkcs8(pair: Pair, encoding: Encoding = Encoding.PEM, passphrase: bytes = b"") -> bytes:
    encryption = BestAvailableEncryption(passphrase) if passphrase else NoEncryption()
    return pair.key.private_bytes(encoding, PrivateFormat.PKCS8, encryption)


class TestKindsOfFiles:
    """Each with the leaf, and where it can hold them with its chain and key."""

    @pytest.mark.parametrize("legacy", [True, False])
    def test_pkcs12(self, legacy):
        data = containers.pkcs12("www", leaf().key, leaf().certificate, material().chain, PASSPHRASE, legacy=legacy)
        [found] = gathered(data, passphrase=PASSPHRASE).found
        assert (found.certificate, found.chain, found.file) == (leaf().certificate, material().chain, "0")
        assert found.key is not None
        assert found.reaches_root

    @pytest.mark.parametrize("der", [True, False])
    def test_pkcs7(self, der):
        [found] = gathered(containers.pkcs7([*material().chain, leaf().certificate], der=der)).found
        assert (found.certificate, found.chain, found.key) == (leaf().certificate, material().chain, None)

    @pytest.mark.parametrize("encoding", [Encoding.PEM, Encoding.DER])
    def test_certificate_and_key_in_files_of_their_own(self, encoding):
        [found] = gathered(pkcs8(leaf(), encoding), leaf().certificate.public_bytes(encoding)).found
        assert found.key is not None
        assert found.file == "1"
        assert not found.reaches_root

    def test_an_rsa_key_in_der(self):
        pair = material().rsa_leaf
        for form in (PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL):
            data = pair.key.private_bytes(Encoding.DER, form, NoEncryption())
            assert gathered(pair.der, data).found[0].key is not None

    def test_an_encrypted_key_in_pem(self):
        given_ = (leaf().pem, pkcs8(leaf(), passphrase=b"x"))
        assert gathered(*given_, passphrase="x").found[0].key is not None
        without = gathered(*given_)
        assert without.found[0].key is None
        assert reasons(without) == [("1", "The private key is encrypted: give its passphrase, or the key unencrypted.")]

    def test_what_else_a_pem_file_may_hold_is_passed_over(self):
        request = "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n"
        assert gathered(f"comment\n{request}{leaf().pem}").problems == ()
        assert reasons(gathered(request)) == [("0", "It holds neither a certificate nor a private key.")]


class TestWhatBelongsTogether:
    def test_chains_are_put_together_from_all_files(self):
        root, intermediate = material().root.pem, material().intermediate.pem
        found = gathered(root, other().pem, leaf().pem, intermediate).found
        assert [one.certificate for one in found] == [other().certificate, leaf().certificate]
        assert {one.chain for one in found} == {material().chain}

    def test_the_same_certificate_twice_is_one(self):
        found = gathered(leaf().pem, leaf().der, leaf().key_pem, leaf().pem + leaf().key_pem)
        assert [one.file for one in found.found] == ["0"]
        assert found.problems == ()

    def test_a_key_of_nobody_is_told_of(self):
        found = gathered(leaf().pem, key_as_pem(p256()))
        assert reasons(found) == [("1", "The private key in it belongs to none of the certificates.")]
        assert not found.found[0].stray_key

    def test_a_certificate_with_the_key_of_nobody_in_its_own_file(self):
        assert gathered(leaf().pem + key_as_pem(p256())).found[0].stray_key
        assert not gathered(leaf().pem + key_as_pem(p256()), leaf().key_pem).found[0].stray_key

    def test_a_ca_that_issued_none_of_them_is_there_as_well(self):
        found = gathered(as_pem(leaf().certificate, material().other_root.certificate)).found
        assert [one.certificate for one in found] == [leaf().certificate, material().other_root.certificate]

    def test_two_that_signed_themselves_with_one_key_are_two(self):
        key = p256()
        both = [certificate(name("localhost"), key) for _ in range(2)]
        found = gathered(as_pem(*both)).found
        assert [one.certificate for one in found] == both
        assert all(one.chain == () and one.reaches_root for one in found)

    def test_two_cas_that_signed_each_other_are_both_there(self):
        one, two = p256(), p256()
        first = certificate(name("One"), one, Pair(certificate(name("Two"), two), two))
        second = certificate(name("Two"), two, Pair(first, one))
        assert {found.certificate for found in gathered(as_pem(first, second)).found} == {first, second}


class TestProblems:
    @pytest.mark.parametrize(
        ("data", "reason"),
        [
            (b"", "It is empty."),
            (b" \n", "It is empty."),
            (b"nonsense", "Neither PEM nor the DER of a certificate, a PKCS#7 or a PKCS#12."),
            (b"-----BEGIN CERTIFICATE-----\nAAAA", "PEM block 1 (CERTIFICATE) has no END line."),
            (b"\x30\x03\x02\x01\x00", "Private key presented is not valid."),
        ],
    )
    def test_a_file_that_cannot_be_read_says_why_and_harms_no_other(self, data, reason):
        found = gathered(data, leaf().pem)
        assert reasons(found) == [("0", reason)]
        assert [one.certificate for one in found.found] == [leaf().certificate]

    def test_another_passphrase(self):
        data = containers.pkcs12("www", leaf().key, leaf().certificate, [], PASSPHRASE)
        [problem] = gathered(data, passphrase="wrong").problems
        assert "does not open" in problem.reason

    def test_one_bad_block_does_not_take_its_neighbours_away(self):
        bad = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
        found = gathered(leaf().pem + bad + other().pem)
        assert len(found.found) == 2
        assert len(found.problems) == 1
        assert len(gathered(bad * 50).problems) == gathering.MOST_PROBLEMS

    def test_too_many(self):
        found = gathered(leaf().pem, other().pem, other().pem, material().root.pem, limit=2)
        assert len(found.found) == 2
        [(file, reason)] = reasons(found)
        assert file == "3"
        assert reason.startswith("At most 2 certificates")
        assert gathered(leaf().key_pem, other().key_pem, limit=1).problems[0].file == "1"

    def test_too_much_work_at_once(self, monkeypatch):
        monkeypatch.setattr(gathering, "MOST_WORK", 0)
        sealed = pkcs8(leaf(), passphrase=b"x")
        found = gathered(sealed, leaf().pem, passphrase="x")
        assert reasons(found)[0][0] == "1"
        assert "too long" in reasons(found)[0][1]

    def test_iterations_are_counted(self):
        assert encrypted.iterations(pkcs8(leaf(), Encoding.DER, b"x")) > 1
        assert encrypted.iterations(b"nonsense") == 0

    def test_no_key_is_in_what_is_said(self):
        found = gathered(leaf().pem, leaf().key_pem)
        assert "PrivateKey" not in repr(found)
        assert "PRIVATE" not in repr(File("a", leaf().key_pem.encode()))


PAIRS = ("leaf", "p384_leaf", "ed25519_leaf", "self_signed_leaf")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    chosen=st.sets(st.sampled_from(PAIRS), min_size=1),
    keyed=st.sets(st.sampled_from(PAIRS)),
    links=st.sets(st.sampled_from(["root", "intermediate"])),
    files=st.integers(1, 4),
    seed=st.integers(),
)
def test_in_whatever_files_and_order(chosen, keyed, links, files, seed):
    """The same rows, each with its own key and a chain of which each link was signed by the next."""
    pairs = {which: getattr(material(), which) for which in (*chosen, *links)}
    texts = [pair.pem for pair in pairs.values()]
    texts += [getattr(material(), which).key_pem for which in keyed & chosen]
    shuffled = random.Random(seed)  # noqa: S311  nothing secret
    shuffled.shuffle(texts)
    parts: list[list[str]] = [[] for _ in range(files)]
    for text in texts:
        shuffled.choice(parts).append(text)
    found = gathered(*("".join(part) for part in parts if part))
    assert found.problems == ()
    rows = {one.certificate: one for one in found.found}
    assert {pairs[which].certificate for which in chosen} <= set(rows)
    for which in chosen:
        row = rows[pairs[which].certificate]
        assert (row.key is not None) == (which in keyed)
        assert row.key is None or keys.belongs(row.key, pairs[which].certificate.public_key())
        chains.verify(row.certificate, row.chain)
        if which != "self_signed_leaf":
            assert (material().intermediate.certificate in row.chain) == ("intermediate" in links)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_whatever_it_is_given_it_raises_nothing(data):
    """Damaged files give fewer rows and a sentence, never an exception."""
    whole = [
        leaf().der,
        leaf().pem.encode() + leaf().key_pem.encode(),
        containers.pkcs7([leaf().certificate, *material().chain], der=True),
        pkcs8(leaf(), Encoding.DER),
        data.draw(st.binary(max_size=200)),
    ]
    files = []
    for one in data.draw(st.lists(st.sampled_from(whole), max_size=3)):
        changed = bytearray(one)
        for at in data.draw(st.lists(st.integers(0, max(len(one) - 1, 0)), max_size=3)) if one else []:
            changed[at] = data.draw(st.integers(0, 255))
        files.append(bytes(changed[: data.draw(st.integers(0, len(one)))] or changed))
    found = gathered(*files, passphrase=data.draw(st.one_of(st.none(), st.text(max_size=5))))
    assert all(problem.reason for problem in found.problems)
    assert found.found or found.problems or not files
