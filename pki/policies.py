"""Certificate policies along a path (RFC 5280, 6.1), for who accepts any policy: is one left where one is required?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Final

from cryptography import x509
from cryptography.hazmat import asn1
from cryptography.x509.oid import CertificatePoliciesOID, ExtensionOID

from pki import subjects
from pki.errors import BadChain
from pki.extensions import find

_ANY: Final = CertificatePoliciesOID.ANY_POLICY
_Policies = frozenset[x509.ObjectIdentifier]


@asn1.sequence
class _Mapping:
    issuers: x509.ObjectIdentifier
    subjects: x509.ObjectIdentifier


@asn1.sequence
class _Content:
    value: asn1.TLV


@asn1.sequence
class _Mappings:
    mappings: list[_Mapping]


class Policies:
    """Fed with the certificates of a path from the top, without the trust anchor.

    Only the policies that the next certificate may assert are kept, not the tree of how they came about: that is
    enough to tell whether the tree would be empty (as in RFC 9618), and does not grow exponentially.
    """

    def __init__(self, length: int) -> None:
        self._expected: _Policies = frozenset({_ANY})
        self._explicit = self._mapping = self._any = length + 1

    def follow(self, certificate: x509.Certificate, *, is_last: bool) -> None:
        """BadChain: a policy is required and none is left. Also raises what UNREADABLE lists."""
        self_issued = subjects.are_same(certificate.subject, certificate.issuer)
        self._expected = self._asserted(certificate, any_allowed=self._any > 0 or (self_issued and not is_last))
        self._require()
        if not is_last:
            self._map(_mappings(certificate))
        if not self_issued or is_last:
            self._explicit, self._mapping, self._any = (
                max(0, n - 1) for n in (self._explicit, self._mapping, self._any)
            )
        self._tighten(certificate, is_last=is_last)
        if is_last:
            self._require()

    def _asserted(self, certificate: x509.Certificate, *, any_allowed: bool) -> _Policies:
        extension = find(certificate, x509.CertificatePolicies)
        found = {policy.policy_identifier for policy in extension or ()}
        kept = {one for one in found - {_ANY} if one in self._expected or _ANY in self._expected}
        return frozenset(kept | self._expected) if _ANY in found and any_allowed else frozenset(kept)

    def _map(self, mappings: Mapping[x509.ObjectIdentifier, set[x509.ObjectIdentifier]]) -> None:
        known = {one for one in mappings if one in self._expected or _ANY in self._expected}
        mapped = {one for key in known for one in mappings[key]} if self._mapping > 0 else set()
        self._expected = (self._expected - known) | mapped

    def _tighten(self, certificate: x509.Certificate, *, is_last: bool) -> None:
        constraints = find(certificate, x509.PolicyConstraints)
        inhibited = find(certificate, x509.InhibitAnyPolicy)
        explicit = constraints.require_explicit_policy if constraints else None
        mapping = constraints.inhibit_policy_mapping if constraints else None
        if explicit is not None and (explicit == 0 or not is_last):
            self._explicit = min(self._explicit, explicit)
        if mapping is not None:
            self._mapping = min(self._mapping, mapping)
        if inhibited is not None:
            self._any = min(self._any, inhibited.skip_certs)

    def _require(self) -> None:
        if self._explicit == 0 and not self._expected:
            raise BadChain("The chain requires a certificate policy, and none holds for all of it.", field="chain")


def _mappings(certificate: x509.Certificate) -> Mapping[x509.ObjectIdentifier, set[x509.ObjectIdentifier]]:
    found: dict[x509.ObjectIdentifier, set[x509.ObjectIdentifier]] = defaultdict(set)
    for extension in certificate.extensions:
        if extension.oid == ExtensionOID.POLICY_MAPPINGS and isinstance(extension.value, x509.UnrecognizedExtension):
            # The library decodes lists within sequences only.
            content = asn1.encode_der(_Content(value=asn1.decode_der(asn1.TLV, extension.value.value)))
            for mapping in asn1.decode_der(_Mappings, content).mappings:
                found[mapping.issuers].add(mapping.subjects)
    if _ANY in found or any(_ANY in mapped for mapped in found.values()):
        raise BadChain("A certificate of the chain maps the policy anyPolicy, which is forbidden.", field="chain")
    return found
