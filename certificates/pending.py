"""Orders in the shape of the certificates that they will become: what was asked for, and null where the CA decides."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.db.models import Model, QuerySet

from accounts.models import Role
from authorities.models import DnsProvider
from certificates import extensions
from certificates.models import Certificate, Domain, Order, RotationPolicy
from notifications.models import Notification
from pki import keys, requests
from pki.names import NameType
from pki.subjects import Subject, rfc4514
from stores.models import Destination

UNRESOLVED = (Order.State.WAITING, Order.State.UNKNOWN)
SAID = ("owner", "name", "description", "notify", "rotation")
SUBJECT = ("country", "state", "location", "organization", "organizational_unit")
# What is known of the certificate alone, once there is one.
OF_THE_CERTIFICATE = ("body", "chain", "issuer", "serial", "serial_hex", "signing_algorithm", "fingerprint")
Rows = Mapping[str, Mapping[Any, Any]]


def with_everything() -> QuerySet[Order]:
    """Orders with the single rows that :func:`in_shape` shows."""
    return Order.objects.select_related("authority", "by", "certificate")


def in_shape(orders: Sequence[Order]) -> list[dict[str, Any]]:
    """Each as what :class:`~certificates.serializers_orders.OrderOutput` shows, in a fixed number of statements."""
    asked = {order.pk: requests.read(order.csr) for order in orders}
    names = {name for request in asked.values() for name in _addresses(request)}
    rows: Rows = {
        "roles": _named(orders, "roles", Role.objects.all()),
        "replaces": _named(orders, "replaces", Certificate.objects.select_related("rotation_policy")),
        "destinations": _named(orders, "destinations", Destination.objects.all()),
        "notifications": _named(orders, "notifications", Notification.objects.all()),
        "rotation_policy": _named(orders, "rotation_policy", RotationPolicy.objects.all()),
        "dns_provider": _named(orders, "dns_provider", DnsProvider.objects.all()),
        "domains": Domain.objects.in_bulk(sorted(names), field_name="name"),
    }
    return [_shape(order, asked[order.pk], rows) for order in orders]


def _named(orders: Iterable[Order], name: str, rows: QuerySet[Any]) -> Mapping[int, Model]:
    return rows.in_bulk(sorted({pk for order in orders for pk in _ids(order, name)}))


def _ids(order: Order, name: str) -> list[int]:
    found = order.spec.get(name) or []
    return found if isinstance(found, list) else [found]


def _shape(order: Order, asked: requests.Request, rows: Rows) -> dict[str, Any]:
    certificate, cn = order.certificate, order.spec.get("common_name")
    policy, provider = (_rows(order, name, rows) for name in ("rotation_policy", "dns_provider"))
    return {
        **{name: order.spec.get(name) for name in SAID},
        **{name: getattr(certificate, name, None) for name in OF_THE_CERTIFICATE},
        **{name: _rows(order, name, rows) for name in ("roles", "replaces", "destinations", "notifications")},
        **_of_the_request(asked, rows),
        **_of_the_job(order),
        "id": order.pk,
        "active": order.spec.get("notify"),
        "deleted": False,
        "cn": cn or None,
        "common_name": cn or "",
        "csr": order.csr,
        "external_id": order.external_id,
        "date_created": order.created_at,
        "not_before": order.not_before_asked,
        "not_after": order.not_after_asked,
        "has_private_key": order.private_key is not None,
        "user": order.by,
        "authority": order.authority,
        "rotation_policy": next(iter(policy), None),
        "dns_provider_id": order.spec.get("dns_provider"),
        "dns_provider": next(iter(provider), None),
        "tags": order.spec.get("tags", []),
        "replaced": [],
        "endpoints": [],
    }


def _rows(order: Order, name: str, rows: Rows) -> list[Any]:
    """As far as they still exist."""
    return [rows[name][pk] for pk in _ids(order, name) if pk in rows[name]]


def _of_the_request(asked: requests.Request, rows: Rows) -> dict[str, Any]:
    names, subject = _addresses(asked), Subject.from_name(asked.subject)
    return {
        "distinguished_name": rfc4514(asked.subject),
        "bits": keys.bits(asked.public_key),
        "key_type": asked.key_type,
        "san": True if len(names) > 1 else None,
        "domains": [rows["domains"].get(name) or Domain(name=name) for name in names],
        "extensions": extensions.described(asked.extensions),
        "subject_fields": {name: value for name in SUBJECT if (value := getattr(subject, name))},
    }


def _of_the_job(order: Order) -> dict[str, Any]:
    return {
        "pending": order.state in UNRESOLVED,
        "status": order.state,
        "last_error": order.last_error,
        "number_attempts": order.attempts,
        "last_updated": order.not_before,
        "resolved": order.state not in UNRESOLVED,
        "resolved_cert_id": order.certificate_id,
    }


def _addresses(asked: requests.Request) -> list[str]:
    """Its domains, then its IP addresses, as those of a certificate stand."""
    named = asked.extensions.names
    return list(dict.fromkeys(one.value for kind in (NameType.DNS, NameType.IP) for one in named if one.type is kind))
