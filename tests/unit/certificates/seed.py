"""The names that early Lemur documented of its package ``certificates``, with their arguments as printed there."""

MODEL = ["active", "authority_id", "bits", "body", "chain", "cn", "country", "date_created", "deleted", "description", "destinations", "domains", "endpoints", "expired", "extensions", "get_arn", "id", "issuer", "key_type", "location", "logs", "name", "not_after", "not_before", "notifications", "notify", "organization", "organizational_unit", "owner", "private_key", "public_key", "replaces", "revoked", "roles", "root_authority_id", "rotation", "san", "serial", "signing_algorithm", "sources", "state", "status", "subject", "user_id", "validity_range", "validity_remaining"]

FUNCTIONS = {
    "certificates.models": {
        "get_or_increase_name": "(name)",
        "get_sequence": "(name)",
        "update_destinations": "(target, value, initiator)",
        "update_replacement": "(target, value, initiator)",
    },
    "certificates.service": {
        "calculate_reissue_range": "(start, end)",
        "create": "(**kwargs)",
        "create_certificate_roles": "(**kwargs)",
        "create_csr": "(**csr_config)",
        "delete": "(cert_id)",
        "export": "(cert, export_plugin)",
        "find_duplicates": "(cert)",
        "get": "(cert_id)",
        "get_account_number": "(arn)",
        "get_all_certs": "()",
        "get_all_pending_cleaning": "(source)",
        "get_all_pending_reissue": "()",
        "get_by_name": "(name)",
        "get_certificate_primitives": "(certificate)",
        "get_name_from_arn": "(arn)",
        "import_certificate": "(**kwargs)",
        "mint": "(**kwargs)",
        "reissue_certificate": "(certificate, replace=None, user=None)",
        "render": "(args)",
        "stats": "(**kwargs)",
        "update": "(cert_id, **kwargs)",
        "upload": "(**kwargs)",
    },
    "certificates.verify": {
        "crl_verify": "(cert_path)",
        "ocsp_verify": "(cert_path, issuer_chain_path)",
        "verify": "(cert_path, issuer_chain_path)",
        "verify_string": "(cert_string, issuer_string)",
    },
}

RESOURCES = {
    "GET /certificates": "CertificatesList",
    "POST /certificates": "CertificatesList",
    "GET /certificates/1": "Certificates",
    "PUT /certificates/1": "Certificates",
    "GET /certificates/1/key": "CertificatePrivateKey",
    "POST /certificates/1/export": "CertificateExport",
    "GET /certificates/1/replacements": "CertificatesReplacementsList",
    "GET /certificates/stats": "CertificatesStats",
    "POST /certificates/upload": "CertificatesUpload",
    "GET /notifications/1/certificates": "NotificationCertificatesList",
}

