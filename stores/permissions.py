"""Who may do what to destinations and sources: everybody sees them, administrators run them and look into them."""

from __future__ import annotations

from core.permissions import Permissions, members, nobody, readers, writers
from stores.models import Destination, Scan, Source

destination_permissions = Permissions(
    Destination, view=readers(members), create=writers(nobody), change=writers(nobody), delete=writers(nobody)
)
source_permissions = Permissions(
    Source, view=readers(members), create=writers(nobody), change=writers(nobody), delete=writers(nobody)
)
scan_permissions = Permissions(Scan, view=readers(members))  # what was found is shown to administrators alone
