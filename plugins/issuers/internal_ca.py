"""A certificate authority of our own: signs what was drafted for it with the key its authority holds."""

from __future__ import annotations

from cryptography import x509

from pki import inspection, keys, requests, signing
from plugins.contracts import CreatesAuthorities, Issuer, Revokes
from plugins.errors import Misconfigured, Permanent, refusing
from plugins.values import CaMaterial, CaRequest, Issued, IssueRequest, RevokeRequest


class InternalCa(Issuer, CreatesAuthorities, Revokes):
    """No options, no network. Signing a draft twice gives the same to-be-signed bytes: asking again does no harm."""

    slug = "cryptography-issuer"
    title = "Internal CA"
    description = "Signs with a key this installation holds: roots, intermediates and certificates for internal use."

    def issue(self, request: IssueRequest) -> Issued:
        """Misconfigured without material or with a key of another CA; Permanent when draft and request disagree."""
        material = _usable(request.material)
        draft = request.draft
        if draft is None:
            raise Permanent(f"The internal CA needs a draft of the certificate to sign ({request.reference}).")
        if disagreement := _disagreement(draft, request, material.certificate):
            raise Permanent(f"The draft is not what was ordered ({request.reference}): {disagreement}.")
        return _signed(draft, material)

    def create_authority(self, request: CaRequest) -> Issued:
        """A root when there is no parent; otherwise an intermediate, signed by the parent."""
        draft = request.draft
        if draft.subject != request.subject or not keys.belongs(request.key, draft.public_key()):
            raise Permanent("The draft of the new authority has another subject or another key than was asked for.")
        if request.parent is not None:
            parent = _usable(request.parent)
            if draft.issuer != parent.certificate.subject:
                raise Permanent("The draft of the new authority names another issuer than its parent.")
            return _signed(draft, parent)
        if draft.issuer != draft.subject:
            raise Permanent("The draft of a new root names another issuer than itself.")
        return _signed(draft, CaMaterial(draft, (), request.key), root=True)

    def revoke(self, request: RevokeRequest) -> None:
        """Nothing to tell anybody: the ledger of the authority is what its CRL is made from."""


def _usable(material: CaMaterial | None) -> CaMaterial:
    if material is None:
        raise Misconfigured("The internal CA cannot sign: the authority has no certificate with a private key.")
    if not keys.belongs(material.key, material.certificate.public_key()):
        raise Misconfigured("The internal CA cannot sign: the authority's private key belongs to another certificate.")
    return material


def _disagreement(draft: x509.Certificate, request: IssueRequest, issuer: x509.Certificate) -> str:
    if draft.issuer != issuer.subject:
        return "it names another issuer"
    if draft.serial_number != request.serial:
        return "it has another serial number"
    if (draft.not_valid_before_utc, draft.not_valid_after_utc) != (request.not_before, request.not_after):
        return "it has another validity"
    with refusing(f"The CSR cannot be used ({request.reference})"):
        wanted = requests.read(request.csr).public_key
    return "" if keys.spki_sha256(draft.public_key()) == keys.spki_sha256(wanted) else "it has another public key"


def _signed(draft: x509.Certificate, material: CaMaterial, *, root: bool = False) -> Issued:
    with refusing("The internal CA cannot sign this certificate"):
        certificate = signing.sign(draft, material.key)  # which verifies what it signed
    if signing.tbs_sha256(certificate) != signing.tbs_sha256(draft):
        raise Permanent("What the internal CA signed is not what was drafted; nothing was issued.")
    upwards = () if root else (material.certificate, *material.chain)
    return Issued(body=inspection.pem(certificate), chain=tuple(inspection.pem(c) for c in upwards))
