"""The certificate: ordered, imported, shown, exported, changed. ``certificates.service`` has the verbs."""
