"""Everything that an order for a certificate can say, as one frozen value."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from dataclasses import fields as dataclass_fields
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import Model, QuerySet

from accounts.models import Role
from authorities.models import Authority, DnsProvider
from certificates import extensions as wire
from certificates.models import Certificate, RotationPolicy
from certificates.tags import normal_tags
from core.errors import Invalid
from core.statements import ModelStatement
from notifications.models import Notification
from pki.extensions import Extensions
from pki.subjects import Subject
from stores.models import Destination

SUBJECT_FIELDS = ("organization", "organizational_unit", "country", "state", "location")
# The seed's synonyms, and what get_certificate_primitives returns twice.
SYNONYMS = {
    "cn": "common_name",
    "replacements": "replaces",
    "not_before": "validity_start",
    "not_after": "validity_end",
}


MANY = ("replaces", "roles", "destinations", "notifications")


def filled(name: str, value: str | None) -> str:
    """A field of a subject as given, or the site's default where nothing was given."""
    default: str = getattr(settings, f"LEMUR_DEFAULT_{name.upper()}")
    return default if value is None else value


@dataclass(frozen=True, kw_only=True)
class CertificateSpec:
    """What was asked for.

    A subject field that is None takes the site's default, an empty one is left out. ``csr`` means that the requester
    keeps the key: then subject, names and usages come from it. Without ``profile`` the first that fits is taken.
    """

    authority: Authority
    owner: str
    common_name: str = ""
    organization: str | None = None
    organizational_unit: str | None = None
    country: str | None = None
    state: str | None = None
    location: str | None = None
    key_type: str = "ECCPRIME256V1"
    csr: str | None = None
    extensions: Extensions = field(default_factory=Extensions)
    profile: str | None = None
    validity_start: datetime | None = None
    validity_end: datetime | None = None
    validity_years: int | None = None
    name: str | None = None
    description: str = ""
    notify: bool = True
    rotation: bool = False
    replaces: tuple[Certificate, ...] = ()
    roles: tuple[Role, ...] = ()
    destinations: tuple[Destination, ...] = ()
    notifications: tuple[Notification, ...] = ()
    tags: tuple[str, ...] = ()
    rotation_policy: RotationPolicy | None = None
    dns_provider: DnsProvider | None = None

    @classmethod
    def of(cls, **fields: Any) -> CertificateSpec:
        """From keyword arguments as the seed's ``create`` takes them; unknown ones are ignored (contract 6.4)."""
        given = {SYNONYMS.get(name, name): value for name, value in fields.items()}
        known = {one.name: given[one.name] for one in dataclass_fields(cls) if one.name in given}
        if not known.get("owner"):
            raise Invalid.field("owner", "Missing data for required field.")
        if not isinstance(known.get("authority"), Authority):
            raise Invalid.rule("Missing Authority.")
        known["owner"] = known["owner"].strip().lower()
        known["common_name"] = (known.get("common_name") or "").strip()
        known["extensions"] = wire.parse(known.get("extensions"))
        known["description"] = known.get("description") or ""
        for many in MANY:
            known[many] = tuple(dict.fromkeys(known.get(many) or ()))
        known["tags"] = normal_tags(known.get("tags") or ())
        known["rotation_policy"] = known.get("rotation_policy") or RotationPolicy.usual()
        for name in ("key_type", "profile", "notify", "rotation"):
            if known.get(name) is None:
                known.pop(name, None)
        return cls(**known)

    def subject(self) -> Subject:
        """The subject of the request, the site's defaults filled in."""
        chosen = {name: filled(name, getattr(self, name)) for name in SUBJECT_FIELDS}
        email = self.owner if settings.LEMUR_OWNER_EMAIL_IN_SUBJECT else ""
        return Subject(common_name=self.common_name, email=email, **chosen)

    def row_fields(self) -> Mapping[str, Any]:
        """What the certificate's row will need of this, as JSON."""
        return {
            "owner": self.owner,
            "common_name": self.common_name,
            "name": self.name,
            "description": self.description,
            "notify": self.notify,
            "rotation": self.rotation,
            **{name: _pks(getattr(self, name)) for name in MANY},
            "tags": list(self.tags),
            "managed_by": managed_by(_pks(self.roles)),
            "rotation_policy": self.rotation_policy and self.rotation_policy.pk,
            "dns_provider": self.dns_provider and self.dns_provider.pk,
        }


def related(spec: Mapping[str, Any]) -> dict[str, Any]:
    """The rows that :meth:`CertificateSpec.row_fields` named, as far as they still exist, and the tags, of which older
    orders say nothing: arguments of ``place``."""
    return {**{name: here.rows(spec[name]) for name, here in _NAMED.items()}, "tags": spec.get("tags", ())}


def _named(model: type[Model]) -> Callable[[Sequence[int]], QuerySet[Any, Any]]:
    return lambda pks: model._default_manager.filter(pk__in=pks)


_NAMED = {
    "replaces": ModelStatement[Any](_named(Certificate)),
    "roles": ModelStatement[Any](_named(Role)),
    "destinations": ModelStatement[Any](_named(Destination)),
    "notifications": ModelStatement[Any](_named(Notification)),
}


def single(spec: Mapping[str, Any]) -> dict[str, Any]:
    """The same for what there is one of at most: columns of the certificate."""
    policy = RotationPolicy.objects.filter(pk=spec["rotation_policy"]).first() if spec["rotation_policy"] else None
    provider = DnsProvider.objects.filter(pk=spec["dns_provider"]).first() if spec["dns_provider"] else None
    return {"rotation_policy": policy, "dns_provider": provider}


def managed_by(roles: Iterable[int]) -> str:
    """Ids of roles as one text, in which both databases find one of them."""
    return f",{','.join(map(str, roles))},"


def _pks(rows: Iterable[Any]) -> list[int]:
    return [row.pk for row in rows]
