"""Tags of certificates: giving them, taking them away, and which ones there are."""

from __future__ import annotations

from collections.abc import Collection

from django.db.models import Count, QuerySet

from accounts.models import User
from certificates.models import Certificate, Tag
from certificates.permissions import permissions
from certificates.service.editing import Difference, update
from certificates.tags import normal_tags


def update_tags(cert: Certificate, names: Collection[str], *, by: User | None = None) -> Certificate:
    """Give it these tags in the place of those that it has. Whoever may change it may; raises Invalid."""
    return update(cert.pk, by=by, tags=names)


def tag(cert: Certificate, names: Collection[str], *, by: User | None = None) -> Certificate:
    """Give it these besides those that it has. Raises Invalid if these are too many together."""
    return update(cert.pk, by=by, tags=Difference(added=normal_tags(names)))


def untag(cert: Certificate, names: Collection[str], *, by: User | None = None) -> Certificate:
    """Take these away from it, as far as it has them."""
    return update(cert.pk, by=by, tags=Difference(removed=normal_tags(names)))


def tags_in_use(user: User) -> QuerySet[Tag]:
    """Those of the certificates that the person may see, each with their ``number``."""
    visible = permissions.allowed(user, "view", Certificate.objects.present())
    return Tag.objects.filter(certificates__in=visible).annotate(number=Count("certificates"))
