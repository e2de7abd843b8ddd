"""Who may do what to destinations and sources: everybody sees them, administrators run them."""

from __future__ import annotations

from django.db.models import Model

from core.permissions import Permissions, members, nobody, readers, writers
from stores.models import Destination, Source

destination_permissions = Permissions(
    Destination, view=readers(members), create=writers(nobody), change=writers(nobody), delete=writers(nobody)
)
source_permissions = Permissions(
    Source, view=readers(members), create=writers(nobody), change=writers(nobody), delete=writers(nobody)
)


def permissions_of(store: Model | type[Model]) -> Permissions:
    """The rules of a destination or source, or of all of them."""
    return Permissions.by_model[store if isinstance(store, type) else type(store)]
