"""The product's settings for a process that carries out at once what it hands to the queue."""

from lemur_site.settings import *  # noqa: F403

CELERY_TASK_ALWAYS_EAGER = True
SEND_TASK = "tests.chaos.settle.send"
