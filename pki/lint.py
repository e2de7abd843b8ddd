"""Findings about a certificate or a draft of one: pkilint's RFC 5280 validators behind one function."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from pkilint import loader
from pkilint.document import PDUNode
from pkilint.pkix import certificate as pkix
from pkilint.pkix import extension, name
from pkilint.validation import ValidationResult, ValidatorContainer
from pyasn1.error import PyAsn1Error

from pki import names
from pki.errors import UNREADABLE, BadCertificate, BadName
from pki.names import NameType

SEVERITIES: Final = ("FATAL", "ERROR", "WARNING", "NOTICE", "INFO", "DEBUG")
"""Worst first. FATAL and ERROR break a "MUST", WARNING a "SHOULD"."""

# The linter is stricter than the RFCs: it knows no wildcards, no hosts of one label, and few schemes of URIs.
_STRICTER: Final = {
    "pkix.invalid_domain_name_syntax": NameType.DNS,
    "pkix.invalid_uri_syntax": NameType.URI,
}


@dataclass(frozen=True)
class Finding:
    """`code` is pkilint's, such as "pkix.unknown_subject_key_identifier_calculation_method"."""

    severity: str
    code: str
    message: str

    @property
    def is_error(self) -> bool:
        return self.severity in SEVERITIES[:2]


def lint(certificate: x509.Certificate) -> list[Finding]:
    """Worst first. A certificate too broken for the linter is a BadCertificate."""
    try:
        document = loader.RFC5280CertificateDocumentLoader().load_der_document(
            certificate.public_bytes(Encoding.DER), "certificate"
        )
        found = list(_findings(_validators().validate(document.root)))
    except (*UNREADABLE, PyAsn1Error) as error:
        raise BadCertificate(f"The certificate cannot be linted: {error}.") from error
    return sorted(found, key=lambda finding: (SEVERITIES.index(finding.severity), finding.code, finding.message))


def _findings(results: Iterable[ValidationResult]) -> Iterator[Finding]:
    for result in results:
        for finding, message in result.finding_descriptions:
            if not _is_waived(finding.code, result.node):
                yield Finding(severity=finding.severity.name, code=finding.code, message=message or "")


def _is_waived(code: str, node: PDUNode) -> bool:
    kind = _STRICTER.get(code)
    try:
        return kind is not None and bool(names.parse(kind, str(node.pdu)))
    except BadName:
        return False


@cache
def _validators() -> ValidatorContainer:
    return pkix.create_pkix_certificate_validator_container(
        pkix.create_decoding_validators(name.ATTRIBUTE_TYPE_MAPPINGS, extension.EXTENSION_MAPPINGS),
        [
            pkix.create_issuer_validator_container([]),
            pkix.create_validity_validator_container(),
            pkix.create_subject_validator_container([]),
            pkix.create_extensions_validator_container([]),
            pkix.create_spki_validator_container([]),
        ],
    )
