"""The one settings file: everything comes from the environment, with defaults that suit a laptop.

docs/reference/settings.md lists each variable; a test compares it with this file.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import environ
import structlog
from django.core.exceptions import ImproperlyConfigured

from lemur_site import home, mail, network_limits, pairs, queue
from lemur_site.schedule import beat_schedule

env = environ.FileAwareEnv(interpolate=False)

BASE_DIR = Path(__file__).resolve().parent.parent
LEMUR_HOME = Path(env.str("LEMUR_HOME", default=str(BASE_DIR / "var"))).resolve()
try:
    PORT = env.int("PORT", default=8000)
except ValueError:
    raise ImproperlyConfigured(f"PORT must be a number, not {env.str('PORT')!r}.") from None
DEBUG = env.bool("DEBUG", default=False)
EMBEDDED = not env.str("DATABASE_URL", default="")

SECRET_KEY = env.str("SECRET_KEY", default="") or home.read_secret(LEMUR_HOME, "secret-key", create=EMBEDDED)
ENCRYPTION_KEYS = env.str("ENCRYPTION_KEYS", default="") or home.read_secret(
    LEMUR_HOME, "encryption-keys", create=EMBEDDED
)

# Addresses
SITE_ROOT = env.str("SITE_ROOT", default=f"http://127.0.0.1:{PORT}").rstrip("/")
PKI_ROOT = env.str("PKI_ROOT", default="").rstrip("/")
_own_hosts = [host for root in (SITE_ROOT, PKI_ROOT) if (host := urlsplit(root).hostname)]
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["127.0.0.1", "localhost", "[::1]", *_own_hosts])
TRUSTED_PROXIES = env.list("TRUSTED_PROXIES", default=[])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[SITE_ROOT] if SITE_ROOT.startswith("https") else [])

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django_filters",
    "django_htmx",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "allauth",
    "allauth.account",
    "allauth.socialaccount",
    "core",
    "web",
    "accounts",
    "authorities",
    "stores",
    "notifications",
    "certificates",
    "lifecycle",
    "lemur_site",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "web.middleware.RequestContext",
    "web.middleware.SecurityHeaders",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "web.middleware.BodyLimit",
    "web.middleware.NoNul",
    "web.middleware.AnyHost",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "web.middleware.ActingUser",
    "web.middleware.DomainErrorPages",
]

ROOT_URLCONF = "lemur_site.urls"
WSGI_APPLICATION = "lemur_site.wsgi.application"
APPEND_SLASH = False

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "certificates.views.demo_banner",
            ],
        },
    }
]

# Database: SQLite that several processes can write to, unless DATABASE_URL names a PostgreSQL
SQLITE = {
    "ENGINE": "django.db.backends.sqlite3",
    "NAME": LEMUR_HOME / "lemur.sqlite3",
    "OPTIONS": {
        # IMMEDIATE: a transaction that reads first would otherwise fail at its first write, whatever the time-out.
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;",
    },
}
DATABASES = {"default": SQLITE if EMBEDDED else env.db("DATABASE_URL")}
DATABASES["default"].setdefault("CONN_MAX_AGE", 600)
DATABASES["default"].setdefault("CONN_HEALTH_CHECKS", not EMBEDDED)
DATABASES["default"] = network_limits.of_database(DATABASES["default"])
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# People
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.ModelBackend", "core.permissions.PermissionBackend"]
# The second one only verifies hashes that `import_lemur` took over; a log-in replaces them.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher", "accounts.passwords.LemurHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "accounts.passwords.FourKindsOfCharacters"},
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "overview"
LOGOUT_REDIRECT_URL = "login"
SESSION_ENGINE = "accounts.sessions"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SITE_ROOT.startswith("https")
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 12 * 3600
LOGIN_TOKEN_LIFETIME = env.int("LEMUR_TOKEN_LIFETIME_HOURS", default=24)
LOGIN_ATTEMPTS = env.int("LOGIN_ATTEMPTS", default=10)  # per address in five minutes
LOCAL_LOGIN_USERS = env.list("LOCAL_LOGIN_USERS", default=[])  # empty: everybody who has a password
REQUIRE_TOTP = env.bool("REQUIRE_TOTP", default=False)
STEP_UP_MINUTES = env.int("STEP_UP_MINUTES", default=15)
LOGIN_ATTEMPTS_PER_ACCOUNT = env.int("LOGIN_ATTEMPTS_PER_ACCOUNT", default=20)

# Single sign-on by OpenID Connect, if there is an issuer
OIDC_ISSUER = env.str("OIDC_ISSUER", default="")
OIDC_CLIENT_ID = env.str("OIDC_CLIENT_ID", default="")
OIDC_CLIENT_SECRET = env.str("OIDC_CLIENT_SECRET", default="")
OIDC_CA_FILE = env.str("OIDC_CA_FILE", default="")
OIDC_NAME = env.str("OIDC_NAME", default="single sign-on")
OIDC_SCOPES = env.list("OIDC_SCOPES", default=["profile", "email"])
OIDC_GROUPS_CLAIM = env.str("OIDC_GROUPS_CLAIM", default="groups")
OIDC_LOGIN_GROUPS = env.list("OIDC_LOGIN_GROUPS", default=[])
OIDC_ROLES = pairs.of_roles("OIDC_ROLES", env.list("OIDC_ROLES", default=[]))
OIDC_MATCH_EMAILS = env.bool("OIDC_MATCH_EMAILS", default=False)
OIDC_EMAILS_ARE_VERIFIED = env.bool("OIDC_EMAILS_ARE_VERIFIED", default=False)
OIDC_KEYS_SLEEP_DAYS = env.int("OIDC_KEYS_SLEEP_DAYS", default=30)
SOCIALACCOUNT_ADAPTER = "accounts.provider.Adapter"

# Transport security, as far as SITE_ROOT says that there is any
SECURE_SSL_REDIRECT = False  # the proxy in front redirects; we serve plain HTTP on loopback
SECURE_HSTS_SECONDS = 31_536_000 if SITE_ROOT.startswith("https") else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = False
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
if TRUSTED_PROXIES:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
# What `check --deploy` would otherwise ask of a service whose TLS ends at a proxy
SILENCED_SYSTEM_CHECKS = [
    "security.W004",
    "security.W005",
    "security.W008",
    "security.W012",
    "security.W016",
    "security.W021",
]

# Pages and API
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"
USE_I18N = True
STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = LEMUR_HOME / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "lemur_site.static_files.Storage"},
}
WHITENOISE_AUTOREFRESH = DEBUG
WHITENOISE_USE_FINDERS = DEBUG or not (STATIC_ROOT / "staticfiles.json").exists()  # `runserver` without collectstatic

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.authentication.TokenAuthentication",
        "accounts.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "web.rest.schema.AutoSchema",
    "EXCEPTION_HANDLER": "web.rest.errors.handle",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
    "COERCE_DECIMAL_TO_STRING": False,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Lemur",
    "DESCRIPTION": "The certificate manager's API. Lemur's own clients work unchanged.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": "/api/1",
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "POSTPROCESSING_HOOKS": ["web.rest.schema.tidy"],
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
}

# Input limits, in bytes and counts
MAX_BODY = env.int("MAX_BODY", default=4 * 1024 * 1024)
DATA_UPLOAD_MAX_MEMORY_SIZE = MAX_BODY
DATA_UPLOAD_MAX_NUMBER_FIELDS = 5_000
MAX_PEM_IN_ORDER = env.int("MAX_PEM_IN_ORDER", default=256 * 1024)
MAX_PEM_IN_IMPORT = env.int("MAX_PEM_IN_IMPORT", default=2 * 1024 * 1024)
MAX_CERTIFICATES_IN_IMPORT = env.int("MAX_CERTIFICATES_IN_IMPORT", default=100)
MAX_NAMES_IN_ORDER = env.int("MAX_NAMES_IN_ORDER", default=1_000)
MAX_NAMES_IN_IMPORT = env.int("MAX_NAMES_IN_IMPORT", default=20_000)
MAX_CHAIN = env.int("MAX_CHAIN", default=10)

# Background work: rows are the truth, messages only nudges
CELERY_BROKER_URL = env.str("CELERY_BROKER_URL", default="filesystem://localhost")
CELERY_BEAT_SCHEDULE = beat_schedule()
CELERY_TASK_QUEUES = queue.queues()
CELERY_TASK_DEFAULT_QUEUE = queue.QUEUES[0]
CELERY_TASK_ROUTES = [queue.route]
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_CONSUMER = "lemur_site.consumer:Consumer"
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_TIMEOUT = 2  # a request waits for it
CELERY_TIMEZONE = "UTC"
CELERY_BROKER_TRANSPORT_OPTIONS = network_limits.of_broker(CELERY_BROKER_URL)
SEND_TASK = "lemur_site.celery.send"
if CELERY_BROKER_URL.startswith("filesystem"):
    QUEUE_DIR = LEMUR_HOME / "queue"
    CELERY_BROKER_TRANSPORT = "lemur_site.queue:Transport"
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "data_folder_in": str(QUEUE_DIR),
        "data_folder_out": str(QUEUE_DIR),
        "control_folder": str(QUEUE_DIR / "control"),
        "polling_interval": 0.1,
    }

# Figures for Prometheus at /metrics, for whoever shows this token; without one, for nobody
METRICS_TOKEN = env.str("METRICS_TOKEN", default="")

# Mail
globals().update(mail.read(env.str("EMAIL_URL", default="")))  # Django's EMAIL_HOST, EMAIL_PORT and so on
EMAIL_CA_FILE = env.str("EMAIL_CA_FILE", default="")
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = SERVER_EMAIL = mail.sender(env.str("LEMUR_EMAIL", default=""), SITE_ROOT)

# Whom requests to the outside may reach
ASK_ENDPOINTS_SECONDS = env.float("ASK_ENDPOINTS_SECONDS", default=5)
OUTBOUND_ALLOW = env.list("OUTBOUND_ALLOW", default=[])
LEMUR_TRUSTED_OCSP_HOSTS = env.list("LEMUR_TRUSTED_OCSP_HOSTS", default=[])
LEMUR_TRUSTED_CRL_HOSTS = env.list("LEMUR_TRUSTED_CRL_HOSTS", default=[])

# Who keeps private keys
KEY_CUSTODY = env.str("KEY_CUSTODY", default="sealed")

# What of this machine sources may look into, destinations may write to, and deliveries may run
SOURCE_DIRECTORIES = env.list("SOURCE_DIRECTORIES", default=[])
DESTINATION_DIRECTORIES = env.list("DESTINATION_DIRECTORIES", default=[])
RELOAD_COMMANDS = pairs.of_commands("RELOAD_COMMANDS", env.list("RELOAD_COMMANDS", default=[]))

# Product defaults, by Lemur's names
LEMUR_ALLOWED_DOMAINS = env.list("LEMUR_ALLOWED_DOMAINS", default=[])
LEMUR_DEFAULT_COUNTRY = env.str("LEMUR_DEFAULT_COUNTRY", default="")
LEMUR_DEFAULT_STATE = env.str("LEMUR_DEFAULT_STATE", default="")
LEMUR_DEFAULT_LOCATION = env.str("LEMUR_DEFAULT_LOCATION", default="")
LEMUR_DEFAULT_ORGANIZATION = env.str("LEMUR_DEFAULT_ORGANIZATION", default="")
LEMUR_DEFAULT_ORGANIZATIONAL_UNIT = env.str("LEMUR_DEFAULT_ORGANIZATIONAL_UNIT", default="")
LEMUR_OWNER_EMAIL_IN_SUBJECT = env.bool("LEMUR_OWNER_EMAIL_IN_SUBJECT", default=False)
LEMUR_SECURITY_TEAM_EMAIL = env.list("LEMUR_SECURITY_TEAM_EMAIL", default=[])
LEMUR_DEFAULT_AUTHORITY = env.str("LEMUR_DEFAULT_AUTHORITY", default="")
LEMUR_DEFAULT_ROTATION_INTERVAL = env.int("LEMUR_DEFAULT_ROTATION_INTERVAL", default=30)  # days
AUTOROTATE_AUTHORITIES = env.list(
    "AUTOROTATE_AUTHORITIES", default=[]
)  # whose certificates renew themselves once in use
AUTOROTATE_OFF_FILTER = env.str("AUTOROTATE_OFF_FILTER", default="")  # a function of a certificate that nothing serves
ENDPOINT_TTL_HOURS = env.int("ENDPOINT_TTL_HOURS", default=2)  # since a source has shown it last
REISSUE_FILTER = env.str("REISSUE_FILTER", default="")  # a function of a certificate: shall it be renewed by itself?
RENEWALS_PERCENT_PER_HOUR = env.int("RENEWALS_PERCENT_PER_HOUR", default=5)  # of all that is valid
RENEWALS_AT_LEAST_PER_HOUR = env.int("RENEWALS_AT_LEAST_PER_HOUR", default=25)
LEMUR_EXPIRING_DEPLOYED_CERT_THRESHOLD_DAYS = env.int("LEMUR_EXPIRING_DEPLOYED_CERT_THRESHOLD_DAYS", default=14)
ROTATE_AUTHORITY_TRANSLATION = pairs.of_ids(
    "ROTATE_AUTHORITY_TRANSLATION", env.list("ROTATE_AUTHORITY_TRANSLATION", default=[])
)
LEMUR_AUTOROTATION_USE_DEFAULT_VALIDITY = env.bool("LEMUR_AUTOROTATION_USE_DEFAULT_VALIDITY", default=False)
DEFAULT_VALIDITY_DAYS = env.int("DEFAULT_VALIDITY_DAYS", default=365)
PUBLIC_CA_MAX_VALIDITY_DAYS = env.int("PUBLIC_CA_MAX_VALIDITY_DAYS", default=397)
PUBLIC_CA_DEFAULT_VALIDITY_DAYS = env.int("PUBLIC_CA_DEFAULT_VALIDITY_DAYS", default=PUBLIC_CA_MAX_VALIDITY_DAYS)
HIDE_EXPIRED_CERTS_AFTER_MONTHS = env.int("HIDE_EXPIRED_CERTS_AFTER_MONTHS", default=0)
ALLOW_CERT_DELETION = env.bool("ALLOW_CERT_DELETION", default=False)
LEMUR_DEFAULT_EXPIRATION_NOTIFICATION_INTERVALS = mail.days(
    "LEMUR_DEFAULT_EXPIRATION_NOTIFICATION_INTERVALS",
    env.list("LEMUR_DEFAULT_EXPIRATION_NOTIFICATION_INTERVALS", default=["30", "15", "2"]),
)
LEMUR_SECURITY_TEAM_EMAIL_INTERVALS = mail.days(
    "LEMUR_SECURITY_TEAM_EMAIL_INTERVALS", env.list("LEMUR_SECURITY_TEAM_EMAIL_INTERVALS", default=["30", "15", "2"])
)
LEMUR_AUTHORITY_CERT_EXPIRATION_EMAIL_INTERVALS = mail.days(
    "LEMUR_AUTHORITY_CERT_EXPIRATION_EMAIL_INTERVALS",
    env.list("LEMUR_AUTHORITY_CERT_EXPIRATION_EMAIL_INTERVALS", default=["365", "180"]),
    longest=3650,
)
LEMUR_EXPIRATION_SUMMARY_EMAIL_THRESHOLD_DAYS = env.int("LEMUR_EXPIRATION_SUMMARY_EMAIL_THRESHOLD_DAYS", default=14)
LEMUR_ESCALATION_DAYS = env.int("LEMUR_ESCALATION_DAYS", default=0)
LEMUR_ESCALATION_EMAIL = env.list("LEMUR_ESCALATION_EMAIL", default=[])
LEMUR_WEEKLY_DIGEST = env.bool("LEMUR_WEEKLY_DIGEST", default=False)
EXCLUDE_CN_FROM_NOTIFICATION = env.list("EXCLUDE_CN_FROM_NOTIFICATION", default=[])
LEMUR_ALLOW_WEEKEND_EXPIRATION = env.bool("LEMUR_ALLOW_WEEKEND_EXPIRATION", default=True)
LEMUR_STRICT_ROLE_ENFORCEMENT = env.bool("LEMUR_STRICT_ROLE_ENFORCEMENT", default=False)
SENSITIVE_DOMAIN_ROLES = env.list("SENSITIVE_DOMAIN_ROLES", default=[])
ADMIN_ONLY_AUTHORITY_CREATION = env.bool("ADMIN_ONLY_AUTHORITY_CREATION", default=True)
ENFORCE_REPLACES_AUTHORIZATION = env.bool("ENFORCE_REPLACES_AUTHORIZATION", default=True)

# Logs: one JSON object a line on standard error
LOG_LEVEL = env.str("LOG_LEVEL", default="INFO")
_shared: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "json": {
            "()": structlog.stdlib.ProcessorFormatter,
            "processors": [
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                structlog.processors.JSONRenderer(),
            ],
            "foreign_pre_chain": [*_shared, structlog.stdlib.ExtraAdder()],
        }
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
    "root": {"handlers": ["stderr"], "level": LOG_LEVEL},
    "loggers": {
        # Django's own handlers would print and mail a second copy of everything.
        "django": {"handlers": [], "propagate": True},
        "django.server": {"handlers": [], "propagate": True},
        # What the audit log says leaves whatever LOG_LEVEL is.
        "audit": {"level": "INFO"},
    },
}
structlog.configure(
    processors=[*_shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
    logger_factory=structlog.stdlib.LoggerFactory(),
    wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
    cache_logger_on_first_use=True,
)
