"""Weak keys of every known kind, made when asked for; a private key where the weakness leaves one."""

from __future__ import annotations

import secrets
from functools import cache

import gmpy2
from cryptography.hazmat.primitives.asymmetric import rsa

HALF = 1024  # bits of a prime
EXPONENT = 65537


def prime(bits: int = HALF) -> int:
    """Random, with its two highest bits set, so that two of them make a modulus of twice the length."""
    return int(gmpy2.next_prime(secrets.randbits(bits) | 3 << bits - 2))


def private_key(p: int, q: int, e: int = EXPONENT) -> rsa.RSAPrivateKey:
    """Of these primes. The library's own check is left out, as those who make weak keys have none."""
    d = pow(e, -1, (p - 1) * (q - 1))
    numbers = rsa.RSAPrivateNumbers(p, q, d, d % (p - 1), d % (q - 1), pow(q, -1, p), rsa.RSAPublicNumbers(e, p * q))
    return numbers.private_key(unsafe_skip_rsa_key_validation=True)


def primes_for(e: int) -> tuple[int, int]:
    """Two that go with this public exponent."""
    found: list[int] = []
    while len(found) < 2:
        candidate = prime()
        found += [candidate] if gmpy2.gcd(candidate - 1, e) == 1 else []
    return found[0], found[1]


@cache
def close_primes() -> rsa.RSAPrivateKey:
    """Fermat's method factors it at once (CVE-2022-26320)."""
    p = prime()
    return private_key(int(gmpy2.next_prime(p + (1 << 100))), p)


@cache
def roca() -> rsa.RSAPrivateKey:
    """Primes of the form k*M + 65537^a mod M (CVE-2017-15361)."""
    product = gmpy2.primorial(701)  # of the first 126 primes: for keys of 2048 bits

    spare = HALF - product.bit_length()

    def infineon() -> int:
        while True:
            rest = gmpy2.powmod(EXPONENT, secrets.randbits(256), product)
            found = (secrets.randbits(spare) | 3 << spare - 2) * product + rest
            if gmpy2.is_prime(found) and gmpy2.gcd(found - 1, EXPONENT) == 1:
                return int(found)

    return private_key(infineon(), infineon())


@cache
def small_factor() -> rsa.RSAPrivateKey:
    """One of its primes has 15 bits."""
    return private_key(prime(2048 - 15), 32_749)


@cache
def small_private_exponent() -> rsa.RSAPrivateKey:
    """Wiener's attack: the private exponent is below the fourth root of the modulus."""
    p, q = prime(), prime()
    while True:
        d = secrets.randbits(400) | 1
        if gmpy2.gcd(d, (p - 1) * (q - 1)) == 1:
            return private_key(p, q, pow(d, -1, (p - 1) * (q - 1)))


@cache
def repeating_octets() -> rsa.RSAPrivateKey:
    """A broken random generator: the modulus begins with the same octet many times."""
    wanted = int.from_bytes(b"\xc3" * 64 + secrets.token_bytes(192), "big")
    p = prime()
    return private_key(p, int(gmpy2.next_prime(wanted // p)))


COMPROMISED = {
    "fermat": close_primes,
    "roca": roca,
    "smallfactors": small_factor,
    "smalld": small_private_exponent,
    "pattern": repeating_octets,
}


def fresh_moduli(number: int) -> list[int]:
    """As many products of two random primes, of no more primes than are needed for that."""
    primes: list[int] = []
    while len(primes) * (len(primes) - 1) // 2 < number:
        key = rsa.generate_private_key(EXPONENT, 2048).private_numbers()
        primes += [key.p, key.q]
    return [p * q for place, p in enumerate(primes) for q in primes[:place]][:number]
