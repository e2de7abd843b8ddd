"""How gunicorn serves the pages and the API: for `manage.py up`, the Procfile and anyone who starts it by hand."""

import gc
import os
from pathlib import Path

bind = f"127.0.0.1:{os.environ.get('PORT') or 8000}"
workers = int(os.environ.get("WEB_CONCURRENCY") or 2)
threads = 4
timeout = 60
graceful_timeout = 3  # a stop takes less than five seconds; rows make an unfinished request harmless
keepalive = 5

loglevel = "warning"  # what is worth reading, the product logs itself
accesslog = None
control_socket_disable = True

# Django decides whom to believe about the client (TRUSTED_PROXIES); gunicorn believes nobody.
forwarded_allow_ips = ""

# The heartbeat file must not wait for a slow disk.
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108


# The product is imported once, before the workers are forked: they start at once and share that memory.
preload_app = True


def when_ready(server: object) -> None:
    """Import what a first request would, then spare the garbage collector looking at all of it again and again."""
    from django.urls import get_resolver  # noqa: PLC0415 - needs the settings, which gunicorn has loaded by now

    _ = get_resolver().url_patterns
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)
