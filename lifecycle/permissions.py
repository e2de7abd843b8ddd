"""Who may do what to endpoints and alarms: they are seen by everybody, and changed by what is found alone."""

from __future__ import annotations

from core.permissions import Permissions, members, readers
from lifecycle.models import Alarm, Endpoint

endpoint_permissions = Permissions(Endpoint, view=readers(members))
alarm_permissions = Permissions(Alarm, view=readers(members))
