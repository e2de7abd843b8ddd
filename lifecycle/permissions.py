"""Who may do what to endpoints: they are seen by everybody, and changed by sources alone."""

from __future__ import annotations

from core.permissions import Permissions, members, readers
from lifecycle.models import Endpoint

endpoint_permissions = Permissions(Endpoint, view=readers(members))
