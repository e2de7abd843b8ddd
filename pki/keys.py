"""Key pairs: their kinds, generation, loading and serialising, and whether a key is fit to be certified."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from hashlib import sha256
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, mldsa, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes as PrivateKey
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes as PublicKey
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

from pki import encrypted, pem
from pki.errors import UNREADABLE, BadKey, PkiError, WeakKey

if TYPE_CHECKING:
    from types import ModuleType

__all__ = [
    "KEY_SPECS",
    "KeySpec",
    "PrivateKey",
    "PublicKey",
    "belongs",
    "bits",
    "check_strength",
    "generate",
    "hash_for",
    "key_type",
    "load_private_key",
    "load_private_key_trusted",
    "private_key_der",
    "private_key_pem",
    "spki_sha256",
]

FIELD: Final = "private_key"

SMALLEST_RSA: Final = 2048
LARGEST_RSA: Final = 8192
"""Bits. Loading proves a private key prime: 3 seconds at this size, half a minute at twice the size."""
SMALLEST_EXPONENT: Final = 65537
SMALLEST_CURVE: Final = 224

# Every check of badkeys that needs no downloaded list: its default set has "blocklist", which ends the process then.
_RSA_CHECKS: Final = ("fermat", "roca", "rsainvalid", "rsapoly", "sharedprimes", "smalld", "smallfactors", "pattern")
_DSA_CHECKS: Final = ("dsasparse",)

_CURVE_NAMES: Final[Mapping[str, str]] = {
    "secp192r1": "ECCPRIME192V1",
    "secp256r1": "ECCPRIME256V1",
    "secp224r1": "ECCSECP224R1",
    "secp384r1": "ECCSECP384R1",
    "secp521r1": "ECCSECP521R1",
    "secp256k1": "ECCSECP256K1",
    "sect163k1": "ECCSECT163K1",
    "sect233k1": "ECCSECT233K1",
    "sect283k1": "ECCSECT283K1",
    "sect409k1": "ECCSECT409K1",
    "sect571k1": "ECCSECT571K1",
    "sect163r2": "ECCSECT163R2",
    "sect233r1": "ECCSECT233R1",
    "sect283r1": "ECCSECT283R1",
    "sect409r1": "ECCSECT409R1",
    "sect571r1": "ECCSECT571R2",  # R2: the name this curve has always had on the wire
}
_HASH_BY_CURVE: Final[Mapping[int, type[hashes.SHA256 | hashes.SHA384 | hashes.SHA512]]] = {
    384: hashes.SHA384,
    521: hashes.SHA512,
}
_KINDS_OF_ONE_SIZE: Final = (
    (ed25519.Ed25519PublicKey, "ED25519"),
    (ed448.Ed448PublicKey, "ED448"),
    (mldsa.MLDSA44PublicKey, "MLDSA44"),
    (mldsa.MLDSA65PublicKey, "MLDSA65"),
    (mldsa.MLDSA87PublicKey, "MLDSA87"),
)
_SIGNING_KINDS: Final = (
    rsa.RSAPrivateKey,
    ec.EllipticCurvePrivateKey,
    dsa.DSAPrivateKey,
    ed25519.Ed25519PrivateKey,
    ed448.Ed448PrivateKey,
    mldsa.MLDSA44PrivateKey,
    mldsa.MLDSA65PrivateKey,
    mldsa.MLDSA87PrivateKey,
)
SYNONYMS: Final[Mapping[str, str]] = {
    "ECCSECP192R1": "ECCPRIME192V1",
    "ECCSECP256R1": "ECCPRIME256V1",
    "ECCSECT571R1": "ECCSECT571R2",
}


@dataclass(frozen=True)
class KeySpec:
    """A kind of key that can be generated; `name` is its canonical name on the wire, `size` its length in bits."""

    name: str
    family: str
    size: int

    @classmethod
    def parse(cls, text: str) -> KeySpec:
        """Accepts synonyms in any case; BadKey says why a known kind is not offered."""
        asked = text.upper()
        name = SYNONYMS.get(asked, asked)
        if name in KEY_SPECS:
            return KEY_SPECS[name]
        reason = _not_offered(name)
        if not reason:
            raise BadKey("Not a valid choice.", field="key_type")
        raise BadKey(f"{asked} is not offered: {reason}. Choose one of {', '.join(KEY_SPECS)}.", field="key_type")


# One row per kind that is offered, in the order they are shown.
_GENERATORS: Final[Mapping[KeySpec, Callable[[], PrivateKey]]] = {
    KeySpec("RSA2048", "RSA", 2048): partial(rsa.generate_private_key, 65537, 2048),
    KeySpec("RSA3072", "RSA", 3072): partial(rsa.generate_private_key, 65537, 3072),
    KeySpec("RSA4096", "RSA", 4096): partial(rsa.generate_private_key, 65537, 4096),
    KeySpec("ECCPRIME256V1", "EC", 256): partial(ec.generate_private_key, ec.SECP256R1()),
    KeySpec("ECCSECP384R1", "EC", 384): partial(ec.generate_private_key, ec.SECP384R1()),
    KeySpec("ECCSECP521R1", "EC", 521): partial(ec.generate_private_key, ec.SECP521R1()),
    KeySpec("ED25519", "ED25519", 256): ed25519.Ed25519PrivateKey.generate,
}
KEY_SPECS: Final[Mapping[str, KeySpec]] = MappingProxyType({spec.name: spec for spec in _GENERATORS})


def generate(spec: KeySpec) -> PrivateKey:
    """A new key. BadKey for a type that is only recognised, not made."""
    if spec not in _GENERATORS:
        raise BadKey(f"Keys of type {spec.name} cannot be generated.", field="key_type")
    return _GENERATORS[spec]()


def load_private_key(data: str | bytes, *, passphrase: bytes | None = None, proven: bool = True) -> PrivateKey:
    """Exactly one private key that can sign, from PEM, or from DER when `data` is bytes. BadKey otherwise.

    RSA keys are proven consistent, so that none is taken in that would sign wrongly or give itself away by signing;
    without `proven` they are not, for who only wants to know to which certificate one belongs.
    """
    key = _load(data, passphrase)
    if not proven or not isinstance(key, rsa.RSAPrivateKey):
        return key
    if key.key_size > LARGEST_RSA:
        raise BadKey(f"RSA keys longer than {LARGEST_RSA} bits are not supported.", field=FIELD)
    try:
        return _signing(serialization.load_der_private_key(private_key_der(key), None))
    except UNREADABLE as error:
        raise BadKey("Private key presented is not valid: its numbers do not make an RSA key.", field=FIELD) from error


def load_private_key_trusted(der: bytes) -> PrivateKey:
    """From what `private_key_der` gave and our own sealed store kept: the slow RSA checks are left out."""
    return _load(der, None)


def private_key_pem(key: PrivateKey) -> str:
    """Unencrypted; the traditional form for RSA and EC keys (contract 6.2), PKCS#8 for the others."""
    traditional = isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey)
    form = serialization.PrivateFormat.TraditionalOpenSSL if traditional else serialization.PrivateFormat.PKCS8
    return _private_bytes(key, serialization.Encoding.PEM, form).decode("ascii")


def private_key_der(key: PrivateKey) -> bytes:
    """Unencrypted PKCS#8."""
    return _private_bytes(key, serialization.Encoding.DER, serialization.PrivateFormat.PKCS8)


def key_type(public_key: PublicKey) -> str | None:
    """The name on the wire ("RSA2048", "ECCPRIME256V1", contract 3.3); None for kinds that have none."""
    match public_key:
        case rsa.RSAPublicKey():
            return f"RSA{public_key.key_size}"
        case ec.EllipticCurvePublicKey():
            return _CURVE_NAMES.get(public_key.curve.name)
    return next((name for kind, name in _KINDS_OF_ONE_SIZE if isinstance(public_key, kind)), None)


def bits(public_key: PublicKey) -> int | None:
    """Of the modulus or the curve; None where a length in bits says nothing about the key."""
    match public_key:
        case rsa.RSAPublicKey() | ec.EllipticCurvePublicKey() | dsa.DSAPublicKey():
            return public_key.key_size
        case ed25519.Ed25519PublicKey():
            return 256
        case ed448.Ed448PublicKey():
            return 456
    return None


def spki_sha256(public_key: PublicKey) -> str:
    """Lower-case hex of the SHA-256 of the DER SubjectPublicKeyInfo."""
    return sha256(_spki(public_key)).hexdigest()


def belongs(private_key: PrivateKey, public_key: PublicKey) -> bool:
    """Whether the two are halves of one pair."""
    return _spki(private_key.public_key()) == _spki(public_key)


def check_strength(public_key: PublicKey, *, for_import: bool = False, field: str = "key_type") -> None:
    """WeakKey when the key must not be certified; `for_import` refuses what is known to be broken, not what is small.

    `field` is where the key came from.
    """
    if not for_import:
        reason = _too_weak(public_key)
        if reason:
            raise WeakKey(f"The key is too weak: {reason}.", field=field)
    finding = _compromised(public_key)
    if finding:
        raise WeakKey(f"The key is known to be compromised ({finding}): make a new one.", field=field)


def hash_for(key: PrivateKey | PublicKey) -> hashes.SHA256 | hashes.SHA384 | hashes.SHA512 | None:
    """The hash to sign with; None where the signature scheme has its own."""
    match key:
        case ec.EllipticCurvePrivateKey() | ec.EllipticCurvePublicKey():
            return _HASH_BY_CURVE.get(key.curve.key_size, hashes.SHA256)()
        case rsa.RSAPrivateKey() | rsa.RSAPublicKey() | dsa.DSAPrivateKey() | dsa.DSAPublicKey():
            return hashes.SHA256()
    return None


def _not_offered(name: str) -> str:
    if name not in _CURVE_NAMES.values():
        return ""
    if name.startswith("ECCSECT"):
        return "curves over binary fields are too weak and hardly any software knows them"
    if name == "ECCPRIME192V1":
        return "a curve of 192 bits is too weak"
    return "browsers and most TLS software refuse this curve"


def _load(data: str | bytes, passphrase: bytes | None) -> PrivateKey:
    """Without proving RSA keys consistent."""
    text = pem.as_bytes(data)
    try:
        if isinstance(data, str) or pem.looks_like_pem(text):
            block = _only_block(text)
            if block.label != "ENCRYPTED PRIVATE KEY":
                key = serialization.load_pem_private_key(block.text, passphrase, unsafe_skip_rsa_key_validation=True)
                return _signing(key)
            # Decoded here, so that the bytes whose cost is judged are the bytes that are opened.
            text = block.content
        encrypted.refuse_costly(text)
        return _signing(serialization.load_der_private_key(text, passphrase, unsafe_skip_rsa_key_validation=True))
    except BadKey:
        raise
    except UNREADABLE as error:
        raise BadKey(_why_not_loaded(error, passphrase), field=FIELD) from error


def _only_block(text: bytes) -> pem.Block:
    try:
        found = [block for block in pem.blocks(text) if block.label != "EC PARAMETERS"]
    except PkiError as error:
        raise BadKey(error.message, field=FIELD) from error
    if not found:
        raise BadKey("Private key presented is not valid.", field=FIELD)
    strange = next((block.label for block in found if not block.is_private_key), None)
    if strange:
        raise BadKey(f"Expected a private key alone, but the text holds a block {strange!r}.", field=FIELD)
    if len(found) != 1:
        raise BadKey(f"Expected exactly one private key, but the text holds {len(found)}.", field=FIELD)
    return found[0]


def _why_not_loaded(error: Exception, passphrase: bytes | None) -> str:
    # The library tells these three cases apart only by type and text.
    text = str(error)
    if "Password was not given" in text:
        return "The private key is encrypted: give its passphrase, or the key unencrypted."
    if "Password was given" in text:
        return "A passphrase was given, but the private key is not encrypted."
    if "Incorrect password" in text:
        return "The passphrase does not open the private key."
    if passphrase:
        # One wrong passphrase in 256 gives octets with a correct padding, which are no key.
        return "Private key presented is not valid, or it has another passphrase."
    return "Private key presented is not valid."


def _signing(key: PrivateKeyTypes) -> PrivateKey:
    if not isinstance(key, _SIGNING_KINDS):
        raise BadKey("This kind of private key cannot sign, so no certificate can be asked for with it.", field=FIELD)
    return key


def _private_bytes(key: PrivateKey, encoding: serialization.Encoding, form: serialization.PrivateFormat) -> bytes:
    try:
        return key.private_bytes(encoding, form, serialization.NoEncryption())
    except UNREADABLE as error:
        raise BadKey("The private key cannot be written out.", field=FIELD) from error


def _spki(public_key: PublicKey) -> bytes:
    try:
        return public_key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    except UNREADABLE as error:
        raise BadKey("The public key cannot be written out.", field="key_type") from error


def _too_weak(public_key: PublicKey) -> str:
    match public_key:
        case rsa.RSAPublicKey():
            return _too_weak_rsa(public_key)
        case ec.EllipticCurvePublicKey() if public_key.curve.key_size < SMALLEST_CURVE:
            return f"the curve {public_key.curve.name} has fewer than {SMALLEST_CURVE} bits"
        case dsa.DSAPublicKey():
            return "DSA keys are not accepted; use RSA, EC or Ed25519"
    return ""


def _too_weak_rsa(public_key: rsa.RSAPublicKey) -> str:
    size, exponent = public_key.key_size, public_key.public_numbers().e
    if size < SMALLEST_RSA:
        return f"an RSA key needs at least {SMALLEST_RSA} bits, this one has {size}"
    if size > LARGEST_RSA:
        return f"RSA keys longer than {LARGEST_RSA} bits are not supported"
    if exponent % 2 == 0 or exponent < SMALLEST_EXPONENT:
        return f"the public exponent of an RSA key must be odd and at least {SMALLEST_EXPONENT}"
    return ""


def _compromised(public_key: PublicKey) -> str:
    """The names of the badkeys checks that found something, or ""."""
    try:
        match public_key:
            # The checks take minutes on keys of absurd size.
            case rsa.RSAPublicKey() if public_key.key_size <= 2 * LARGEST_RSA:
                numbers = public_key.public_numbers()
                return _names(_badkeys().checkrsa(numbers.n, e=numbers.e, checks=_RSA_CHECKS))
            case dsa.DSAPublicKey():
                found = public_key.public_numbers()
                return _names(_badkeys().checkdsa(found.y, p=found.parameter_numbers.p, checks=_DSA_CHECKS))
    except (ValueError, ArithmeticError):
        return "its numbers are not those of a real key"
    return ""


def _names(findings: Mapping[str, Any]) -> str:
    return ", ".join(findings)


@cache
def _badkeys() -> ModuleType:
    # Imported on first use: it brings SSH, TLS and pyOpenSSL with it, twice the start-up time of everything else here.
    from badkeys import checks  # noqa: PLC0415

    return checks  # type: ignore[no-any-return]
