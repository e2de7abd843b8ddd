"""The seed's helpers about names and replacement (contract 4 and 5)."""

from __future__ import annotations

from typing import Any

from certificates.models.certificate import Certificate
from certificates.models.deployment import Deployment
from core.queue import enqueue
from core.statements import Statement
from pki import naming
from pki.naming import get_sequence
from stores.models import Destination

__all__ = ["get_or_increase_name", "get_sequence", "update_destinations", "update_replacement"]


_NAMED = Statement(lambda names: Certificate.objects.filter(name__in=names).order_by().values_list("pk"))


def get_or_increase_name(name: str, serial: str | int | None = None) -> str:
    """The name, or the nearest one that is free: with the serial in hex, then with a number (contract 4.5).

    Two workers may be told the same name; the unique constraint decides, and the loser asks again.
    """
    return naming.increase(
        name,
        None if serial is None else int(serial),
        taken=lambda candidate: bool(_NAMED.rows([candidate])),
        starting_with=lambda start: Certificate.objects.filter(name__startswith=start).values_list("name", flat=True),
    )


def update_destinations(target: Certificate, value: Destination, initiator: Any = None) -> None:
    """``target`` shall be at ``value`` as well: written down here, delivered by a worker after the commit."""
    made, created = Deployment.objects.get_or_create(certificate=target, destination=value)
    if created:
        enqueue("certificates.deploy", made.pk)


def update_replacement(target: Certificate, value: Certificate, initiator: Any = None) -> None:
    """``value`` is replaced by ``target``: nobody need be told any more that it expires."""
    if value.notify:
        Certificate.objects.filter(pk=value.pk).update(notify=False)
        value.notify = False
