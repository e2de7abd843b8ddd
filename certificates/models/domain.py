"""Names that certificates are for: one row per name, shared by all certificates that hold it."""

from __future__ import annotations

from django.db import models

from pki.names import printable

LONGEST = 255


class Domain(models.Model):
    """A DNS name or IP address. A sensitive one may only be asked for by those whom the site trusts with it."""

    name = models.CharField(max_length=LONGEST, unique=True)
    sensitive = models.BooleanField(default=False)

    def __str__(self) -> str:
        return printable(self.name)


class CertificateDomain(models.Model):
    """That a certificate holds a name, and at which place in its list."""

    certificate = models.ForeignKey("certificates.Certificate", models.CASCADE, related_name="certificate_domains")
    domain = models.ForeignKey(Domain, models.PROTECT, related_name="certificate_domains")
    ports = models.JSONField(default=list, help_text="Where it was last seen served under this name.")

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["certificate", "domain"], name="one_domain_per_certificate")]

    def __str__(self) -> str:
        return f"{self.domain} in {self.certificate}"
