"""The product's settings with what tests need otherwise: fast hashing, no collected static files, keys of their own."""

import os
import tempfile

if "LEMUR_HOME" not in os.environ:
    os.environ["LEMUR_HOME"] = tempfile.mkdtemp(prefix="lemur-test-")
os.environ.setdefault("SECRET_KEY", "tests-only-" + "x" * 50)
os.environ.setdefault("ENCRYPTION_KEYS", "dGVzdHMtb25seS10ZXN0cy1vbmx5LXRlc3RzLW9ubHk=")

from lemur_site.settings import *  # noqa: F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
CELERY_TASK_ALWAYS_EAGER = True
SEND_TASK = "tests.nudges.send"
ALLOWED_HOSTS = ["*"]
WHITENOISE_AUTOREFRESH = True  # else each test client looks for all static files anew
SOURCE_DIRECTORIES = ["/etc/ssl", str(LEMUR_HOME)]  # noqa: F405
ASK_ENDPOINTS_SECONDS = 0  # those of tests are invented
STEP_UP_MINUTES = 0  # those that are about it say how many
