"""How long database and broker may keep us waiting when the network takes what is sent and brings nothing back.

Without a limit of our own that is up to the kernel, which goes on for a quarter of an hour, or for ever.
"""

from __future__ import annotations

from typing import Any, Final

# Of libpq. A server that is silent is asked whether it is there, so that a statement may take as long as it wants.
_POSTGRESQL: Final = {
    "connect_timeout": 5,
    "tcp_user_timeout": 10_000,  # milliseconds
    "keepalives_idle": 10,
    "keepalives_interval": 3,
    "keepalives_count": 3,
}
_REDIS: Final = {
    "socket_connect_timeout": 2,
    "socket_timeout": 5,
    "health_check_interval": 10,  # seconds; a worker that hears nothing for twice as long connects anew
}


def of_database(settings: dict[str, Any]) -> dict[str, Any]:
    """Settings of a database with these limits, if it is a PostgreSQL; those that DATABASE_URL names come first."""
    if settings["ENGINE"] != "django.db.backends.postgresql":
        return settings
    return {**settings, "OPTIONS": {**_POSTGRESQL, **settings.get("OPTIONS", {})}}


def of_broker(url: str) -> dict[str, Any]:
    """Options of Celery's transport, if it is Redis. Of RabbitMQ only the connecting has a limit, as of any broker."""
    return dict(_REDIS) if url.startswith(("redis", "sentinel")) else {}
