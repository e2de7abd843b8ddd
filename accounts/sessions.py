"""Where the sessions of browsers are kept: Django's database sessions, with columns that a person can read.

Named in SESSION_ENGINE. What a log-in wrote into the session under :data:`SIGNED_IN` is repeated in the row.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.utils.timezone import now as clock

from core.audit import acting

SIGNED_IN = "signed_in"
"""In the session: ``at`` (ISO 8601), ``address``, ``agent``."""
RESOLUTION = timedelta(minutes=1)


class SessionStore(DatabaseStore):
    """The store that Django's middleware opens for each request that brings a session."""

    @classmethod
    def get_model_class(cls) -> Any:
        from accounts.models import Session  # noqa: PLC0415  as in Django's own: models are not there yet

        return Session

    def create_model_instance(self, data: dict[str, Any]) -> Any:
        """The whole row is written each time."""
        row: Any = super().create_model_instance(data)
        signed_in = data.get(SIGNED_IN, {})
        row.user_id = data.get(SESSION_KEY)
        row.began_at = datetime.fromisoformat(signed_in["at"]) if signed_in else None
        row.seen_at, row.address = clock(), acting().address or signed_in.get("address", "")
        row.agent = signed_in.get("agent", "")
        return row

    def load(self) -> dict[str, Any]:
        """As Django's, and remembers that it was seen, once a minute."""
        row = self._get_session_from_db()  # type: ignore[attr-defined]
        if row is None:
            return {}
        if row.user_id and (row.seen_at is None or clock() - row.seen_at > RESOLUTION):
            self.get_model_class().objects.filter(pk=row.pk).update(seen_at=clock(), address=acting().address)
        return self.decode(row.session_data)
