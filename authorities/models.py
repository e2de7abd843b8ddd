"""Authorities, the profiles they offer, and the ledger."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, ClassVar

from cryptography import x509
from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.timezone import now as clock

from accounts.models import Role
from core.connectors import Connector
from pki import chains, inspection, profiles
from pki.extensions import KeyUsage
from pki.names import NameType

ISSUER_PLUGIN = "cryptography-issuer"
MOST_RENEWALS = 1_000_000


class Profile(models.Model):
    """What may be issued: usages, kinds of key and name, validity.

    An authority lists the profiles that it offers, an order names one of them.
    """

    name = models.SlugField(max_length=64, unique=True)
    description = models.CharField(max_length=255, blank=True)
    ca = models.BooleanField(default=False, verbose_name="for certificate authorities")
    path_length = models.PositiveSmallIntegerField(null=True, blank=True)
    key_usage = models.JSONField(default=list, help_text="Key usages that may be asked for.")
    default_key_usage = models.JSONField(default=list)
    extended_key_usage = models.JSONField(default=list, help_text="Extended key usages that may be asked for, as OIDs.")
    default_extended_key_usage = models.JSONField(default=list, blank=True)
    key_types = models.JSONField(default=list)
    name_types = models.JSONField(default=list, blank=True)
    longest_days = models.PositiveIntegerField(validators=[MinValueValidator(1)])
    default_days = models.PositiveIntegerField(validators=[MinValueValidator(1)])
    subject_fields = models.JSONField(default=list, blank=True)
    subject_required = models.JSONField(default=list, blank=True)
    custom_oids = models.JSONField(default=list, blank=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def value(self) -> profiles.Profile:
        """The profile as pki works with it."""
        return profiles.Profile(
            name=self.name,
            ca=self.ca,
            path_length=self.path_length,
            key_usage=frozenset(map(KeyUsage, self.key_usage)),
            default_key_usage=frozenset(map(KeyUsage, self.default_key_usage)),
            extended_key_usage=frozenset(self.extended_key_usage),
            default_extended_key_usage=frozenset(self.default_extended_key_usage),
            key_types=frozenset(self.key_types),
            name_types=frozenset(map(NameType, self.name_types)),
            longest=timedelta(days=self.longest_days),
            default=timedelta(days=self.default_days),
            subject_fields=frozenset(self.subject_fields),
            subject_required=frozenset(self.subject_required),
            custom_oids=frozenset(self.custom_oids),
        )

    @staticmethod
    def fields_of(value: profiles.Profile) -> dict[str, Any]:
        """The columns of a pki profile: the inverse of :meth:`value`."""
        return {
            "name": value.name,
            "ca": value.ca,
            "path_length": value.path_length,
            "key_usage": sorted(value.key_usage),
            "default_key_usage": sorted(value.default_key_usage),
            "extended_key_usage": sorted(value.extended_key_usage),
            "default_extended_key_usage": sorted(value.default_extended_key_usage),
            "key_types": sorted(value.key_types),
            "name_types": sorted(value.name_types),
            "longest_days": value.longest.days,
            "default_days": value.default.days,
            "subject_fields": sorted(value.subject_fields),
            "subject_required": sorted(value.subject_required),
            "custom_oids": sorted(value.custom_oids),
        }


class Authority(Connector):
    """A certificate authority that can be asked for certificates through its plugin.

    ``body`` is its own certificate; ``chain`` holds every issuer above it, the direct one first, the root
    last; a root's is empty. ``private_key`` is a key URI, or null where somebody else keeps the key.
    """

    kind: ClassVar[str] = "issuer"
    name_field: ClassVar[str] = "name"

    name = models.CharField(max_length=128, unique=True)
    owner = models.EmailField(max_length=128)
    body = models.TextField()
    chain = models.TextField(null=True)
    private_key = models.CharField(max_length=64, null=True, editable=False)
    cn_optional = models.BooleanField(default=True, help_text="May a certificate have names but no common name?")
    cab_compliant = models.BooleanField(null=True, help_text="Does it follow the CA/Browser Forum's rules?")
    pki_base_url = models.CharField(
        max_length=255,
        blank=True,
        help_text="Where its CRL, OCSP responder and certificate are found, over plain HTTP; empty: nowhere.",
    )
    parent = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="children")
    not_before = models.DateTimeField()
    not_after = models.DateTimeField(help_text="The end of the shortest certificate in its chain.")
    roles = models.ManyToManyField(Role, blank=True, related_name="authorities")
    profiles = models.ManyToManyField(Profile, blank=True, related_name="authorities")
    dns_provider = models.ForeignKey(
        "DnsProvider",
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="authorities",
        help_text="Where its challenges are answered, if an order says nothing else.",
    )
    created_at = models.DateTimeField(auto_now_add=True)
    renewals_per_hour = models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(MOST_RENEWALS)],
        help_text="How many certificates it is asked for in an hour by renewals that happen by themselves; empty: any.",
    )
    demo = models.BooleanField(default=False, editable=False)
    ledger_version = models.PositiveBigIntegerField(
        default=0, editable=False, help_text="How often its ledger has changed what a revocation list must say."
    )

    class Meta:
        ordering = ["name"]
        verbose_name_plural = "authorities"

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        """Its page."""
        return f"/authorities/{self.pk}"

    @property
    def phase(self) -> str:
        """Where it stands in its life, in the words of certificates."""
        now = clock()
        if self.not_after <= now:
            return "expired"
        return "not-yet-valid" if self.not_before > now else "valid"

    @property
    def longest_days(self) -> int | None:
        """For how long it may issue at most, if it follows the CA/Browser Forum's rules (contract 6.7)."""
        return settings.PUBLIC_CA_MAX_VALIDITY_DAYS if self.cab_compliant else None

    @property
    def default_days(self) -> int:
        """How long its certificates are valid if nobody says otherwise; the profile may say less."""
        days: int = settings.DEFAULT_VALIDITY_DAYS
        if self.cab_compliant:
            days = min(settings.PUBLIC_CA_DEFAULT_VALIDITY_DAYS, settings.PUBLIC_CA_MAX_VALIDITY_DAYS)
        return days

    @property
    def certificate(self) -> x509.Certificate:
        """Its own certificate."""
        return inspection.load(self.body)

    @property
    def issuers(self) -> list[x509.Certificate]:
        """The certificates above it, the direct issuer first."""
        return chains.split(self.chain, limit=1_000) if self.chain else []


class DnsProvider(Connector):
    """A DNS service in which challenges of certificate authorities can be answered."""

    kind: ClassVar[str] = "dns"
    name_field: ClassVar[str] = "name"

    name = models.CharField(max_length=256, unique=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        """Its page."""
        return f"/dns-providers/{self.pk}"


class HttpChallenge(models.Model):
    """An answer that our web server gives to a certificate authority (RFC 8555, 8.3), written before it is asked for.

    ``text`` is the key authorization; it is no secret.
    """

    token = models.CharField(max_length=128, unique=True)
    text = models.CharField(max_length=256)
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"challenge {self.token}"


class Issuance(models.Model):
    """One line of the ledger: a serial number that this authority has used, written before the certificate is signed.

    ``tbs_sha256`` is the digest of exactly what may be signed under that serial.
    """

    authority = models.ForeignKey(Authority, models.CASCADE, related_name="issuances")
    serial = models.CharField(max_length=50)
    not_after = models.DateTimeField()
    tbs_sha256 = models.CharField(max_length=64)
    revoked_at = models.DateTimeField(null=True)
    reason = models.CharField(max_length=32, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["authority", "serial"], name="one_issuance_per_serial")]
        indexes = [
            models.Index(fields=["authority"], condition=models.Q(revoked_at__isnull=False), name="issuance_revoked")
        ]

    def __str__(self) -> str:
        return f"{self.serial} of {self.authority_id}"


class Crl(models.Model):
    """A revocation list that was published; the last one by ``number`` is the one in force."""

    authority = models.ForeignKey(Authority, models.CASCADE, related_name="crls")
    number = models.PositiveBigIntegerField()
    der = models.BinaryField()
    this_update = models.DateTimeField()
    next_update = models.DateTimeField()
    entries = models.PositiveIntegerField(default=0)
    ledger_version = models.PositiveBigIntegerField(
        default=0, help_text="Its authority's, read before the entries were: it lists at least what was known then."
    )

    class Meta:
        constraints = [models.UniqueConstraint(fields=["authority", "number"], name="one_crl_per_number")]

    def __str__(self) -> str:
        return f"CRL {self.number} of {self.authority_id}"


class Responder(models.Model):
    """A delegated OCSP responder: a certificate of the authority's, with a key of its own (RFC 6960 4.2.2.2).

    The key is destroyed once the certificate is over; then ``private_key`` is empty.
    """

    authority = models.ForeignKey(Authority, models.CASCADE, related_name="responders")
    body = models.TextField()
    private_key = models.CharField(max_length=64, editable=False)
    not_before = models.DateTimeField()
    not_after = models.DateTimeField()

    def __str__(self) -> str:
        return f"OCSP responder of {self.authority_id} until {self.not_after:%Y-%m-%d}"
