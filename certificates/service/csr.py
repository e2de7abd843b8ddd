"""The seed's helper that makes a CSR."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from authorities.models import Authority
from certificates.extensions import as_invalid, parse
from certificates.spec import CertificateSpec
from pki import keys, requests
from pki.errors import PkiError

FIELDS = ("owner", "common_name", "organization", "organizational_unit", "country", "state", "location", "key_type")


def create_csr(**csr_config: Any) -> tuple[str, str]:
    """The seed's helper: a CSR and a new private key, both as PEM. Nothing is stored.

    Takes owner, common_name, organization, organizational_unit, country, state, location, key_type and extensions.
    """
    config: Mapping[str, Any] = {name: csr_config[name] for name in FIELDS if csr_config.get(name) is not None}
    spec = CertificateSpec(
        authority=Authority(), **{"owner": "", **config}, extensions=parse(csr_config.get("extensions"))
    )
    try:
        key = keys.generate(keys.KeySpec.parse(spec.key_type))
        return requests.build(spec.subject().to_name(), spec.extensions, key), keys.private_key_pem(key)
    except PkiError as error:
        raise as_invalid(error, default="csr") from error
