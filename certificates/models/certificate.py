"""The certificate: the aggregate root, and the vocabulary of questions about many of them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import cached_property, lru_cache
from typing import Any, Self

from cryptography import x509
from django.conf import settings
from django.db import models
from django.db.models import DurationField, Exists, ExpressionWrapper, F, OuterRef, Q, Value
from django.db.models.functions import Now
from django.utils.timezone import now as clock

from accounts.models import Role
from authorities.models import Authority, DnsProvider
from certificates import extensions
from certificates.models.domain import Domain
from certificates.models.rotation import RotationPolicy
from core.audit import about
from core.models import AuditEntry
from notifications.models import Notification
from pki import chains, inspection, validity
from pki.subjects import Subject, rfc4514
from stores.models import Destination, Source
from web.wildcards import plain

SOON = timedelta(days=30)


class Status(models.TextChoices):
    """What the last revocation check said; null: never asked."""

    VALID = "valid"
    REVOKED = "revoked"
    UNKNOWN = "unknown"


def _days(number: int) -> timedelta:
    return timedelta(days=number)


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


class CertificateQuerySet(models.QuerySet["Certificate"]):
    """Questions about certificates, as adjectives."""

    def present(self) -> Self:
        """Not deleted."""
        return self.filter(deleted=False)

    def current(self, now: datetime) -> Self:
        """Valid by date and not revoked."""
        return self.present().filter(not_before__lte=now, not_after__gt=now).exclude(status=Status.REVOKED)

    def expired(self, now: datetime) -> Self:
        """Over by date."""
        return self.present().filter(not_after__lte=now)

    def revoked(self) -> Self:
        """Revoked, as far as we know."""
        return self.present().filter(status=Status.REVOKED)

    def in_rotation_window(self, now: datetime) -> Self:
        """To be renewed now by its rotation policy, or by LEMUR_DEFAULT_ROTATION_INTERVAL if it has none.

        The same as :attr:`Certificate.in_rotation_window`. One statement more, which reads the few policies.
        """
        near = Q(rotation_policy=None, not_after__lte=now + _days(settings.LEMUR_DEFAULT_ROTATION_INTERVAL))
        for pk, days in RotationPolicy.objects.values_list("pk", "days"):
            near |= Q(rotation_policy=pk, not_after__lte=now + _days(days))
        third = ExpressionWrapper((F("not_after") - F("not_before")) / 3, output_field=DurationField())
        left = ExpressionWrapper(F("not_after") - Value(now), output_field=DurationField())
        return self.filter(near, not_before__lte=now).alias(left=left, third=third).filter(left__lte=F("third"))

    def pending_reissue(self, now: datetime) -> Self:
        """Renews itself, is due, and has neither a successor nor an order for one; revoked and expired ones are out."""
        asked = self.filter(rotation=True, root_authority=None, authority__isnull=False).in_rotation_window(now)
        return asked.current(now).unreplaced().exclude(reissues__state="waiting").exclude(reissues__state="unknown")

    def with_replaced(self) -> Self:
        """Annotated with ``was_replaced``: is there a newer certificate in its place?"""
        successors = Certificate.objects.present().filter(replaces=OuterRef("pk"))
        return self.annotate(was_replaced=Exists(successors.exclude(status=Status.REVOKED)))

    def unreplaced(self) -> Self:
        """Without a newer certificate in its place."""
        return self.with_replaced().filter(Q(was_replaced=False))

    def already_replaced(self) -> Self:
        """With a newer certificate in its place."""
        return self.with_replaced().filter(Q(was_replaced=True))

    def watched(self) -> Self:
        """Of whose end somebody wants to hear: not revoked, replaced, muted, made up for a demo, or left out.

        EXCLUDE_CN_FROM_NOTIFICATION leaves out: its entries are parts of names, in which ``%`` stands for any text.
        """
        rows = self.present().filter(notify=True, demo=False).exclude(status=Status.REVOKED).unreplaced()
        for part in settings.EXCLUDE_CN_FROM_NOTIFICATION:
            text = plain(part).replace("_", r"\_")
            rows = rows.exclude(name__wildcards=f"%{text}%")
        return rows

    def ending(self, now: datetime, *, within: timedelta) -> Self:
        """Not over yet, and over within so long; the first to end come first."""
        return self.filter(not_after__gt=now, not_after__lte=now + within).order_by("not_after", "pk")

    def count_by_phase(self, now: datetime) -> dict[str, int]:
        """How many are valid, expiring, expired and revoked; replaced ones count as valid no more.

        One statement each: that is how the database can count from indexes alone.
        """
        fresh = self.current(now).unreplaced()
        return {
            "valid": fresh.filter(not_after__gt=now + SOON).count(),
            "expiring": fresh.filter(not_after__lte=now + SOON).count(),
            "expired": self.expired(now).exclude(status=Status.REVOKED).count(),
            "revoked": self.revoked().count(),
        }

    def without_texts(self) -> Self:
        """For lists: leaves body, chain and CSR in the database until somebody asks for them."""
        return self.defer("body", "chain", "csr", "domain_names")


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
            models.Index(fields=["serial"], name="certificate_serial"),
            models.Index(fields=["fingerprint"], name="certificate_fingerprint"),
            models.Index(fields=["spki_sha256"], name="certificate_spki"),
            models.Index(fields=["cn"], name="certificate_cn"),
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
        return extensions.describe(self.facts)

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
        policy = self.rotation_policy
        days = policy.days if policy else settings.LEMUR_DEFAULT_ROTATION_INTERVAL
        return validity.renewal_opens(self.not_before, self.not_after, days=days) <= clock()

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
