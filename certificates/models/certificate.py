"""The certificate: the aggregate root."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import cached_property, lru_cache
from typing import Any

from cryptography import x509
from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now, Upper
from django.utils.timezone import now as clock

from accounts.models import Role
from authorities.models import Authority, DnsProvider
from certificates import extensions
from certificates.models.domain import Domain
from certificates.models.questions import SOON, CertificateQuerySet, Status
from certificates.models.rotation import RotationPolicy
from certificates.models.tag import Tag
from core.audit import about
from core.models import AuditEntry
from notifications.models import Notification
from pki import chains, inspection, renewal
from pki.subjects import Subject, rfc4514
from stores.models import Destination, Source

__all__ = ["LONGEST_CHAIN", "SOON", "Certificate", "CertificateQuerySet", "Flag", "Status"]


def _split(chain: str) -> tuple[x509.Certificate, ...]:
    return tuple(chains.split(chain, limit=LONGEST_CHAIN))


class Flag:
    """True or None of a certificate, as in Lemur; of the class the condition: ``filter(Certificate.expired)``."""

    def __init__(self, condition: Q, holds: Callable[[Certificate], bool], doc: str) -> None:
        self.condition, self.holds, self.__doc__ = condition, holds, doc

    def __get__(self, certificate: Certificate | None, owner: type[Certificate]) -> Any:
        if certificate is None:
            return self.condition
        return True if self.holds(certificate) else None


# All that one authority issues has the same chain.
_split_again = lru_cache(maxsize=64)(_split)
LONGEST_REMEMBERED = 16 * 1024
LONGEST_CHAIN = 1_000  # what was let in is read again, whatever MAX_CHAIN says today


class Certificate(models.Model):
    """A certificate that exists, and what we know about it.

    Everything that follows from ``body`` is filled in one place, :meth:`from_body`. ``private_key`` is a key URI,
    never a key: ``certificates.service.reveal`` hands out the key, and writes down that it did.
    """

    name = models.CharField(max_length=256, unique=True)
    owner = models.EmailField(max_length=128)
    description = models.CharField(max_length=1024, blank=True)
    notify = models.BooleanField(default=True)
    rotation = models.BooleanField(default=False)
    renews_at = models.DateTimeField(
        null=True,
        editable=False,
        help_text="From when on it is renewed by itself, or tried again; null: to be found out.",
    )
    status = models.CharField(max_length=8, choices=Status, null=True, blank=True)
    status_checked_at = models.DateTimeField(null=True, blank=True, editable=False)
    deleted = models.BooleanField(default=False)
    handed_over = models.BooleanField(default=False, editable=False)
    demo = models.BooleanField(default=False, editable=False)
    date_created = models.DateTimeField(default=clock, editable=False)

    body = models.TextField()
    chain = models.TextField(null=True)
    csr = models.TextField(null=True)
    private_key = models.CharField(max_length=64, null=True, editable=False)
    external_id = models.CharField(max_length=512, null=True, editable=False)

    cn = models.CharField(max_length=255, null=True)
    issuer = models.CharField(max_length=128)
    serial = models.CharField(max_length=255)
    not_before = models.DateTimeField()
    not_after = models.DateTimeField()
    bits = models.PositiveIntegerField(null=True)
    key_type = models.CharField(max_length=128, null=True)
    signing_algorithm = models.CharField(max_length=128)
    san = models.BooleanField(null=True)
    fingerprint = models.CharField(max_length=64, help_text="SHA-256 of the DER, in hex.")
    spki_sha256 = models.CharField(max_length=64)
    domain_names = models.TextField(
        blank=True, editable=False, help_text="Its domains, one per line: what is searched for a part of a name."
    )

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="certificates")
    authority = models.ForeignKey(Authority, models.PROTECT, null=True, blank=True, related_name="certificates")
    root_authority = models.ForeignKey(
        Authority, models.CASCADE, null=True, blank=True, related_name="own_certificates", editable=False
    )
    rotation_policy = models.ForeignKey(
        RotationPolicy, models.PROTECT, null=True, blank=True, related_name="certificates"
    )
    dns_provider = models.ForeignKey(DnsProvider, models.SET_NULL, null=True, blank=True, related_name="certificates")
    roles = models.ManyToManyField(Role, blank=True, related_name="certificates")
    domains = models.ManyToManyField(Domain, through="CertificateDomain", related_name="certificates")
    destinations = models.ManyToManyField(Destination, through="Deployment", blank=True, related_name="certificates")
    notifications = models.ManyToManyField(Notification, blank=True, related_name="certificates")
    sources = models.ManyToManyField(Source, blank=True, related_name="certificates")
    tags = models.ManyToManyField(Tag, blank=True, related_name="certificates")
    replaces = models.ManyToManyField("self", symmetrical=False, blank=True, related_name="replaced")

    objects = CertificateQuerySet.as_manager()

    # What hangs on a certificate that was made just now, by the name of the relation; it need not be read again.
    made_with: dict[str, list[Any]] | None = None

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["authority", "serial"], condition=Q(authority__isnull=False), name="one_certificate_per_serial"
            )
        ]
        indexes = [
            # These two answer how many, and where a distant page is, without a look at the rows, which are long.
            models.Index(fields=["id"], condition=Q(deleted=False), name="certificate_present"),
            models.Index(
                fields=["not_after", "not_before", "status", "id"],
                condition=Q(deleted=False),
                name="certificate_not_after",
            ),
            models.Index(fields=["not_before"], name="certificate_not_before"),
            models.Index(
                fields=["renews_at", "not_after"], condition=Q(rotation=True, deleted=False), name="certificate_renews"
            ),
            # Nearly always those that were replaced and are not retired yet.
            models.Index(
                fields=["id"], condition=Q(rotation=True, notify=False, deleted=False), name="certificate_muted"
            ),
            models.Index(fields=["status_checked_at"], condition=Q(deleted=False), name="certificate_checked"),
            models.Index(fields=["serial"], name="certificate_serial"),
            models.Index(fields=["fingerprint"], name="certificate_fingerprint"),
            models.Index(fields=["spki_sha256"], name="certificate_spki"),
            models.Index(fields=["cn"], name="certificate_cn"),
            models.Index(Upper("cn"), name="certificate_cn_upper"),
            models.Index(fields=["owner"], name="certificate_owner"),
            models.Index(fields=["issuer"], name="certificate_issuer"),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        """Its page."""
        return f"/certificates/{self.pk}"

    @classmethod
    def from_body(cls, body: str, **fields: Any) -> Certificate:
        """A certificate whose columns follow from its PEM text; not saved, and without a name yet.

        Raises :class:`pki.errors.BadCertificate` if anything of it cannot be read.
        """
        parsed = inspection.load(body)
        facts = inspection.facts(parsed)
        certificate = cls(
            body=inspection.pem(parsed),
            cn=facts.cn[:255] if facts.cn else facts.cn,
            issuer=facts.issuer[:128],
            serial=str(facts.serial),
            not_before=facts.not_before,
            not_after=facts.not_after,
            bits=facts.bits,
            key_type=facts.key_type,
            signing_algorithm=facts.signing_algorithm,
            san=facts.san,
            fingerprint=facts.fingerprint,
            spki_sha256=facts.spki_sha256,
            domain_names="\n".join(facts.domains),
            **fields,
        )
        certificate.__dict__.update(parsed=parsed, facts=facts)
        return certificate

    @cached_property
    def parsed(self) -> x509.Certificate:
        """The certificate itself."""
        return inspection.load(self.body)

    @cached_property
    def facts(self) -> inspection.Facts:
        """Everything that can be read from it."""
        return inspection.facts(self.parsed)

    @property
    def issuers(self) -> list[x509.Certificate]:
        """The certificates of its chain, the direct issuer first."""
        chain = self.chain or ""
        return list(_split_again(chain) if len(chain) <= LONGEST_REMEMBERED else _split(chain))

    def is_current(self, now: datetime) -> bool:
        """Is it among :meth:`~certificates.models.questions.CertificateQuerySet.current`?"""
        return not self.deleted and self.not_before <= now < self.not_after and self.status != Status.REVOKED

    @property
    def active(self) -> bool:
        """Lemur's name for ``notify``."""
        return self.notify

    @property
    def serial_hex(self) -> str:
        """The serial number as most tools print it."""
        return inspection.serial_hex(int(self.serial))

    @property
    def has_private_key(self) -> bool:
        """Do we keep its key?"""
        return self.private_key is not None

    @cached_property
    def subject_fields(self) -> Subject:
        """The first value of each usual attribute of the subject."""
        return Subject.from_name(self.parsed.subject)

    @property
    def subject(self) -> x509.Name:
        """The subject."""
        return self.parsed.subject

    @property
    def distinguished_name(self) -> str:
        """The subject as RFC 4514 text."""
        return rfc4514(self.parsed.subject)

    @property
    def public_key(self) -> Any:
        """The public key."""
        return self.parsed.public_key()

    @property
    def organization(self) -> str | None:
        """The subject's O."""
        return self.subject_fields.organization or None

    @property
    def organizational_unit(self) -> str | None:
        """The subject's OU."""
        return self.subject_fields.organizational_unit or None

    @property
    def country(self) -> str | None:
        """The subject's C."""
        return self.subject_fields.country or None

    @property
    def state(self) -> str | None:
        """The subject's ST. Where the certificate stands in its life is :attr:`phase`."""
        return self.subject_fields.state or None

    @property
    def location(self) -> str | None:
        """The subject's L."""
        return self.subject_fields.location or None

    @property
    def extensions(self) -> dict[str, Any]:
        """Its extensions in Lemur's form, see contract 3.4."""
        return extensions.describe(self.__dict__.get("facts") or inspection.extension_facts(self.parsed))

    @property
    def tag_names(self) -> list[str]:
        """Its tags, sorted."""
        if hasattr(self, "tag_text"):
            return sorted((self.tag_text or "").split())
        return list(self.tags.order_by("name").values_list("name", flat=True))

    @property
    def validity_range(self) -> timedelta:
        """How long it is valid in all."""
        return self.not_after - self.not_before

    @property
    def validity_remaining(self) -> timedelta:
        """How far from now its end is, in either direction."""
        return abs(self.not_after - clock())

    expired = Flag(Q(not_after__lte=Now()), lambda one: one.not_after <= clock(), "It is over.")
    revoked = Flag(Q(status=Status.REVOKED), lambda one: one.status == Status.REVOKED, "We know of its revocation.")

    @property
    def in_rotation_window(self) -> bool:
        """Is it time to renew it, by its rotation policy?"""
        return self.renewal_opens() <= clock()

    @property
    def renewal_begins(self) -> datetime:
        """When it is renewed, or tried again; as long as nobody has worked that out, by its policy."""
        return self.renews_at or self.renewal_opens()

    def renewal_opens(self, suggested: tuple[datetime, datetime] | None = None) -> datetime:
        """From when on it is to be renewed, by its rotation policy or in the window that its CA has suggested."""
        policy = self.rotation_policy
        rule = policy.rule if policy else renewal.Rule(settings.LEMUR_DEFAULT_ROTATION_INTERVAL)
        return renewal.opens(self.not_before, self.not_after, rule, fingerprint=self.fingerprint, suggested=suggested)

    @property
    def logs(self) -> models.QuerySet[AuditEntry]:
        """What happened to it, newest first."""
        return about(self)

    def get_arn(self, account_number: str | int) -> str:
        """Its address as a server certificate in AWS IAM."""
        return f"arn:aws:iam::{account_number}:server-certificate/{self.name}"

    @property
    def phase(self) -> str:
        """Where it stands in its life: the first that holds of the phases below, else valid."""
        now = clock()
        was_replaced = self.was_replaced if hasattr(self, "was_replaced") else self.replaced.exists()
        for phase, holds in (
            ("revoked", self.status == Status.REVOKED),
            ("expired", self.not_after <= now),
            ("replaced", was_replaced),
            ("not-yet-valid", self.not_before > now),
            ("expiring", self.not_after <= now + SOON),
        ):
            if holds:
                return phase
        return "valid"
