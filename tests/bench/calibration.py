"""What this machine can do: the yardsticks that make the results of two machines comparable."""

from __future__ import annotations

import json
import os
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import astuple, dataclass
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context

import psycopg2
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID


@dataclass(frozen=True)
class Calibration:
    """Operations per second of one core, and how many cores there are.

    ``rsa2048_keygen_all_per_s`` is what all cores do at once: less than so many times one of them where virtual cores
    share a real one.
    """

    p256_cert_per_s: float
    rsa2048_keygen_per_s: float
    rsa2048_keygen_all_per_s: float
    select1_per_s: float
    python_text_per_s: float
    cores: int

    def mean(self, other: Calibration) -> Calibration:
        """Between this and the other."""
        pairs = zip(astuple(self), astuple(other), strict=True)
        *rates, _ = (round((one + two) / 2, 1) for one, two in pairs)
        return Calibration(*rates, self.cores)


def calibrate(dsn: str, *, seconds: float) -> Calibration:
    """Measure for less than three times as many ``seconds``; RSA keys take most of that, so unequal are they."""
    cores = len(os.sched_getaffinity(0))
    return Calibration(
        p256_cert_per_s=_rate(_certify(), seconds=seconds / 4),
        rsa2048_keygen_per_s=_rsa_rate(seconds),
        rsa2048_keygen_all_per_s=_at_once(_rsa_rate, seconds, cores=cores),
        select1_per_s=_rate(_select1(dsn), seconds=seconds / 4),
        python_text_per_s=_rate(_text(), seconds=seconds / 4),
        cores=cores,
    )


def _rate(operation: Callable[[], object], *, seconds: float, pieces: int = 5) -> float:
    """Per second: the median of several pieces of time, so that one disturbance does not count."""
    operation()
    rates = []
    for _ in range(pieces):
        done, start = 0, time.perf_counter()
        while (spent := time.perf_counter() - start) < seconds / pieces:
            operation()
            done += 1
        rates.append(done / spent)
    return round(statistics.median(rates), 1)


def _at_once(rate: Callable[[float], float], seconds: float, *, cores: int) -> float:
    """The sum of what as many processes reach side by side."""
    with ProcessPoolExecutor(cores, get_context("spawn")) as pool:  # a forked one would share our connections
        return round(sum(pool.map(rate, [seconds] * cores)), 1)


def _rsa_rate(seconds: float) -> float:
    return _rate(_new_rsa_key, seconds=seconds, pieces=1)


def _new_rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _certify() -> Callable[[], x509.Certificate]:
    """A P-256 key and a certificate for it under an RSA-2048 issuer, and nothing else."""
    issuer, now = _new_rsa_key(), datetime.now(UTC)
    issued_by = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Raw CA")])
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "raw.example.org")])
    names = x509.SubjectAlternativeName([x509.DNSName("raw.example.org")])

    def certify() -> x509.Certificate:
        key = ec.generate_private_key(ec.SECP256R1())
        builder = x509.CertificateBuilder(issued_by, subject, key.public_key(), x509.random_serial_number())
        builder = builder.not_valid_before(now).not_valid_after(now + timedelta(days=90))
        return builder.add_extension(names, critical=False).sign(issuer, hashes.SHA256())

    return certify


def _text() -> Callable[[], str]:
    """What the interpreter does alone, with more memory than the processor's caches hold: where that is slow, requests
    are slower than keys and statements tell.
    """
    rows = [{"id": number, "names": [f"alt{number}.example.org"] * 3, "active": True} for number in range(1_000)]
    return lambda: json.dumps(rows, indent=1)  # indented, it is written by Python instead of C


def _select1(dsn: str) -> Callable[[], object]:
    connection = psycopg2.connect(dsn)
    connection.autocommit = True
    cursor = connection.cursor()

    def select() -> object:
        cursor.execute("SELECT 1")
        return cursor.fetchone()

    return select
