"""Sorting what somebody brings: files of any usual kind in, certificates with their chains and keys out."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from cryptography import x509

from pki import chains, containers, encrypted, inspection, keys, pem, signatures
from pki.containers import Held
from pki.errors import BadContainer, PkiError
from pki.inspection import Facts
from pki.keys import PrivateKey

MOST_WORK: Final = 10 * encrypted.MOST_ITERATIONS
"""Iterations for all files under a passphrase together: some seconds."""
MOST_NAMESAKES: Final = 10
"""How many bearers of an issuer's name are tried as who signed a certificate; a CA has a few from its renewals."""
MOST_PROBLEMS: Final = 3
"""Of one file. A file of which so much cannot be read is read no further."""

# How a private key in DER begins: a sequence with version 0 or 1, where a PKCS#12 has 3.
_DER_KEY: Final = re.compile(rb"\x30(?:[\x00-\x7f]|\x81.|\x82..|\x83...)\x02\x01[\x00\x01]", re.DOTALL)


@dataclass(frozen=True)
class File:
    """What was brought under one name; it may hold private keys."""

    name: str
    data: bytes = field(repr=False)


@dataclass(frozen=True)
class Problem:
    """Why a file, or a part of it, is of no use: one sentence."""

    file: str
    reason: str


@dataclass(frozen=True)
class Found:
    """A certificate that issued none of the others, with what belongs to it, and the file in which it came first.

    `stray_key`: its own file holds a private key that belongs to none of the certificates, and nothing holds its own.
    """

    certificate: x509.Certificate
    facts: Facts
    file: str
    chain: tuple[x509.Certificate, ...]
    key: PrivateKey | None = field(repr=False)
    stray_key: bool

    @property
    def reaches_root(self) -> bool:
        """Whether its chain is whole."""
        return signatures.is_self_signed((self.certificate, *self.chain)[-1])


@dataclass(frozen=True)
class Gathered:
    """Everything that was made out, in the order in which it was brought."""

    found: tuple[Found, ...]
    problems: tuple[Problem, ...]


def gather(files: Iterable[File], passphrase: str | None, *, limit: int) -> Gathered:
    """What the files hold together, at most `limit` certificates and as many keys; raises nothing.

    RSA keys are not proven consistent here: that takes a while, and is for who takes them in.
    """
    pool = _Pool(passphrase, limit)
    for file in files:
        pool.take(file)
    return Gathered(tuple(pool.found()), (*pool.problems, *pool.stray_keys()))


class _Pool:
    """The certificates and keys that were read so far, each with the name of the file in which it came first."""

    def __init__(self, passphrase: str | None, limit: int) -> None:
        self.passphrase, self.limit = passphrase, limit
        self.certificates: dict[x509.Certificate, tuple[Facts, str]] = {}
        self.keys: dict[str, tuple[PrivateKey, str]] = {}
        self.problems: list[Problem] = []
        self.work = 0

    def take(self, file: File) -> None:
        """Read a file as far as it can be read."""
        something = wrong = 0
        for part in _parts(file.data):
            try:
                something += self._take(part, file.name)
            except PkiError as error:
                wrong += 1
                self.problems.append(Problem(file.name, error.message))
            if wrong == MOST_PROBLEMS:
                break
        if not something and not wrong:
            self.problems.append(Problem(file.name, "It holds neither a certificate nor a private key."))

    def _take(self, part: pem.Block | bytes | PkiError, file: str) -> int:
        """How many certificates and keys there were in it."""
        if isinstance(part, PkiError):
            raise part
        if self.work > MOST_WORK:
            raise BadContainer("Opening so many files would take too long: import the rest of them afterwards.")
        held = self._read(part)
        self.work += held.work
        for certificate in held.certificates:
            if certificate not in self.certificates:
                self._refuse_more_than(len(self.certificates))
                self.certificates[certificate] = inspection.facts(certificate), file
        for key in held.keys:
            self._refuse_more_than(len(self.keys))
            self.keys.setdefault(keys.spki_sha256(key.public_key()), (key, file))
        return len(held.certificates) + len(held.keys)

    def _read(self, part: pem.Block | bytes) -> Held:
        if isinstance(part, pem.Block):
            return containers.read_block(part, self.passphrase, proven=False)
        if _DER_KEY.match(part):
            return Held(keys=(keys.load_private_key(part, proven=False),))
        return containers.read_der(part, self.passphrase)

    def _refuse_more_than(self, number: int) -> None:
        if number >= self.limit:
            raise BadContainer(
                f"At most {self.limit} certificates, chains included, and as many keys are taken at once: "
                "import the rest of them afterwards."
            )

    def found(self) -> Iterator[Found]:
        """Those that issued none of the others; all of them, should they have issued each other in a circle."""
        issuers = self._issuers()
        issued = {issuer for one in issuers.values() for issuer in one}
        strays = {problem.file for problem in self.stray_keys()}
        for certificate in [one for one in self.certificates if one not in issued] or self.certificates:
            facts, file = self.certificates[certificate]
            key, _ = self.keys.get(facts.spki_sha256, (None, ""))
            chain = tuple(chains.path(certificate, issuers.__getitem__))
            yield Found(certificate, facts, file, chain, key, stray_key=key is None and file in strays)

    def _issuers(self) -> dict[x509.Certificate, list[x509.Certificate]]:
        """Of each certificate those that signed it. By their names first: checking signatures takes longer."""
        by_name = defaultdict(list)
        for certificate in sorted(self.certificates, key=lambda one: not self.certificates[one][0].is_ca):
            by_name[certificate.subject].append(certificate)
        issuers: dict[x509.Certificate, list[x509.Certificate]] = {}
        for certificate, (facts, _) in self.certificates.items():
            namesakes = [one for one in by_name[certificate.issuer] if one != certificate]
            tried = [] if facts.self_signed else namesakes[:MOST_NAMESAKES]
            issuers[certificate] = chains.issuers_of(certificate, tried)
        return issuers

    def stray_keys(self) -> Iterator[Problem]:
        """The keys of no certificate."""
        known = {facts.spki_sha256 for facts, _ in self.certificates.values()}
        for spki, (_, file) in self.keys.items():
            if spki not in known:
                yield Problem(file, "The private key in it belongs to none of the certificates.")


def _parts(data: bytes) -> Iterator[pem.Block | bytes | PkiError]:
    """The blocks of PEM, or all of it; an error where it cannot be cut."""
    if not data.strip():
        yield BadContainer("It is empty.")
    elif not pem.looks_like_pem(data):
        yield data
    else:
        try:
            yield from pem.blocks(data)
        except PkiError as error:
            yield error
