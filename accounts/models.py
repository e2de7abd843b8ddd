"""Users, roles, and tokens."""

from __future__ import annotations

import hashlib
import uuid
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, ClassVar

from django.conf import settings
from django.contrib.auth.models import AbstractUser
from django.contrib.sessions.base_session import AbstractBaseSession, BaseSessionManager
from django.db import models
from django.urls import reverse
from django.utils.module_loading import import_string
from django.utils.timezone import now as clock

from core.fields import SealedField
from core.statements import Statement

ADMIN, OPERATOR, READ_ONLY = "admin", "operator", "read-only"
DEFAULT_ROLES = frozenset({ADMIN, OPERATOR, READ_ONLY})
BUILT_IN = DEFAULT_ROLES | {"global_cert_issuer"}
SYSTEM = "system"


class Role(models.Model):
    """A group of people: a team behind an owner's address, those who run an authority, or a built-in one."""

    name = models.CharField(max_length=128, unique=True)
    description = models.CharField(max_length=255, blank=True)
    third_party = models.BooleanField(default=False, help_text="Comes from an identity provider, not from here.")
    username = models.CharField(max_length=128, blank=True, help_text="A log-in that its members share.")
    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    password = SealedField()
    demo = models.BooleanField(default=False, editable=False)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        """Its page."""
        return reverse("role", args=[self.pk])

    @property
    def built_in(self) -> bool:
        """Part of the product: it can be held, but neither renamed nor deleted."""
        return self.name in BUILT_IN


class User(AbstractUser):
    """A person, or ``system``, in whose name background work is done.

    Rights come from roles alone. They are read once per request, since a user object lives no longer than that.
    """

    email = models.EmailField(unique=True)
    roles = models.ManyToManyField(Role, blank=True, related_name="users")
    demo = models.BooleanField(default=False, editable=False)

    def get_absolute_url(self) -> str:
        """The person's page."""
        return reverse("person", args=[self.pk])

    # Set by authentication when the caller's token may only read.
    token_is_read_only = False

    @property
    def logs_in_locally(self) -> bool:
        """With a password of this installation, as far as the settings leave that to this person."""
        few = settings.LOCAL_LOGIN_USERS
        return self.has_usable_password() and (not few or self.get_username() in few)

    @property
    def is_administrator(self) -> bool:
        """Holds the role admin, or installed this system."""
        return self.is_superuser or ADMIN in self.role_names

    @property
    def is_operator(self) -> bool:
        """Holds operator, or more."""
        return OPERATOR in self.role_names or self.is_administrator

    @property
    def is_read_only(self) -> bool:
        """May look but not touch: by role, or by the token that was shown."""
        return self.token_is_read_only or READ_ONLY in self.role_names

    @property
    def role_ids(self) -> list[int]:
        """Primary keys of the roles held."""
        return list(self._roles)

    @property
    def role_names(self) -> frozenset[str]:
        """Names of the roles held."""
        return frozenset(self._roles.values())

    @cached_property
    def _roles(self) -> dict[int, str]:
        return dict(_HELD.rows([self.pk])) if self.pk else {}

    def refresh_from_db(self, *args: Any, **kwargs: Any) -> None:
        """Forget the roles as well."""
        self.__dict__.pop("_roles", None)
        super().refresh_from_db(*args, **kwargs)


_HELD = Statement(lambda users: Role.objects.filter(users__in=users).order_by().values_list("pk", "name"))
"""The roles of a user: on the way of every request."""


class ApiKeyQuerySet(models.QuerySet["ApiKey"]):
    """Tokens."""

    def open(self) -> ApiKeyQuerySet:
        """Those that still open something."""
        return self.filter(models.Q(expires_at=None) | models.Q(expires_at__gt=clock()), revoked=False)


class ApiKey(models.Model):
    """A token: an opaque random string of which only the digest is kept, so that it can be revoked at once.

    Log-in tokens and API keys are the same thing with a different life.
    """

    class Kind(models.TextChoices):
        LOGIN = "login"
        KEY = "key"

    class Scope(models.TextChoices):
        FULL = "full"
        READ = "read"

    user = models.ForeignKey(User, models.CASCADE, related_name="api_keys")
    name = models.CharField(max_length=128)
    kind = models.CharField(max_length=5, choices=Kind, default=Kind.KEY)
    scope = models.CharField(max_length=4, choices=Scope, default=Scope.FULL)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, editable=False)
    revoked = models.BooleanField(default=False)

    # Of a key that was made just now, for whom to show it to this once.
    token: str | None = None

    objects = ApiKeyQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.name} of {self.user}"

    @property
    def days(self) -> int:
        """How long it lives, counted from when it was made; -1: until it is revoked."""
        return -1 if self.expires_at is None else round((self.expires_at - self.created_at).total_seconds() / 86_400)

    def expired(self, now: datetime) -> bool:
        """Has its time run out?"""
        return self.expires_at is not None and self.expires_at <= now

    def sleeps(self, now: datetime, *, after: timedelta) -> bool:
        """Has its owner, whom only the identity provider lets in, not been let in for so long? No time: never."""
        seen = self.user.last_login
        return bool(after) and seen is not None and not self.user.logs_in_locally and now - seen > after


class SavedView(models.Model):
    """What a person looks for again and again in a list: the page, and how it is narrowed and sorted."""

    user = models.ForeignKey(User, models.CASCADE, related_name="saved_views")
    page = models.CharField(max_length=128, help_text="The address of the list.")
    name = models.CharField(max_length=64)
    query = models.CharField(max_length=2000, help_text="As it stands in the address, without the number of the page.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["user", "page", "name"], name="one_view_per_name")]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        """The list as it was."""
        return f"{self.page}?{self.query}"


class FailedLogin(models.Model):
    """A log-in that failed or is being tried, kept for as long as it counts against its address and its account.

    ``account`` is a keyed digest of the user name as it was typed, whether or not anybody is called so.
    """

    address = models.CharField(max_length=64)
    account = models.CharField(max_length=64, default="")
    at = models.DateTimeField(db_index=True)

    class Meta:
        indexes = [
            models.Index(fields=["address", "at"], name="failed_login_recent"),
            models.Index(fields=["account", "at"], name="failed_login_of_account"),
        ]

    def __str__(self) -> str:
        return f"{self.address} at {self.at:%Y-%m-%d %H:%M:%S}"


class SessionManager(BaseSessionManager):  # type: ignore[type-arg]
    """As Django's."""

    def live(self) -> models.QuerySet[Session]:
        """Those that still open something, last seen first."""
        return self.filter(expire_date__gt=clock()).order_by("-seen_at")


class Session(AbstractBaseSession):
    """A browser, in the place of Django's own table: with whose it is, and where and when it was seen last."""

    user = models.ForeignKey(User, models.CASCADE, null=True, related_name="sessions")
    began_at = models.DateTimeField(null=True)
    seen_at = models.DateTimeField(null=True)
    address = models.CharField(max_length=64, blank=True)
    agent = models.CharField(max_length=200, blank=True, help_text="What the browser calls itself.")

    objects: ClassVar[SessionManager] = SessionManager()

    def __str__(self) -> str:
        return f"session of {self.user}" if self.user_id else "session of nobody"

    @classmethod
    def get_session_store_class(cls) -> Any:
        """As Django wants it."""
        return import_string(f"{settings.SESSION_ENGINE}.SessionStore")

    @property
    def handle(self) -> str:
        """A name for it that opens nothing, unlike its key."""
        return hashlib.sha256(str(self.session_key).encode()).hexdigest()[:16]


class SecondFactor(models.Model):
    """The authenticator app of somebody who logs in with a password; asked for once it was confirmed.

    ``last_period`` is that of the newest code that was taken: none is taken twice.
    """

    user = models.OneToOneField(User, models.CASCADE, related_name="second_factor")
    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    secret = SealedField()
    last_period = models.BigIntegerField(default=0, editable=False)
    confirmed_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"second factor of {self.user}"


class RecoveryCode(models.Model):
    """A code in the place of the app's, good for one log-in; only its digest is kept."""

    user = models.ForeignKey(User, models.CASCADE, related_name="recovery_codes")
    digest = models.CharField(max_length=64, editable=False)
    used_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "digest"], name="recovery_code_of_user")]

    def __str__(self) -> str:
        return f"recovery code of {self.user}"
