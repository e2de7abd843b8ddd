"""Who somebody is who logs in at the identity provider, and what their groups there make them here."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from allauth.socialaccount.models import SocialAccount
from django.conf import settings

from accounts.models import SYSTEM, Role, User
from accounts.service.identity import system_user
from accounts.service.people import create_user
from accounts.service.roles import create_role, set_roles
from accounts.service.sessions import shut_out
from core.audit import Event, record
from core.commits import committing
from core.errors import Conflict, Forbidden, Invalid

SINGLE_SIGN_ON = "single sign-on"
NO_GROUP = "You are in none of the groups that may log in here; ask whoever manages them."
NO_ADDRESS = "Your account there has no e-mail address that was verified; an administrator can say whether to trust it."
TAKEN = "There is already an account with your user name or address; an administrator can connect it or rename it."


@dataclass(frozen=True)
class Seen:
    """What the provider has just said of a person: verified, and not older than this log-in.

    ``authenticated_at`` is when they proved there who they are (seconds since 1970), 0 if it does not say.
    """

    issuer: str
    subject: str
    username: str
    email: str
    email_is_verified: bool
    groups: frozenset[str]
    authenticated_at: int

    @classmethod
    def of(cls, claims: dict[str, Any]) -> Seen:
        """By the names of OpenID Connect Core, section 5.1; those of groups are in ``OIDC_GROUPS_CLAIM``."""
        groups = claims.get(settings.OIDC_GROUPS_CLAIM) or []
        moment = claims.get("auth_time")
        return cls(
            issuer=str(claims["iss"]),
            subject=str(claims["sub"]),
            username=str(claims.get("preferred_username") or ""),
            email=str(claims.get("email") or ""),
            email_is_verified=claims.get("email_verified") is True,
            groups=frozenset(map(str, [groups] if isinstance(groups, str) else groups)),
            authenticated_at=moment if isinstance(moment, int) else 0,
        )

    @property
    def texts(self) -> tuple[str, ...]:
        """What is looked up or kept."""
        return self.subject, self.username, self.email


def log_in_by_provider(seen: Seen) -> User:
    """The person of this issuer and subject, made on the first log-in; their roles follow their groups.

    Forbidden, saying why, for who may not enter. Who was here before and may not enter any more, or has lost a group,
    loses every session, token and API key in the same moment.
    """
    user, system = _known(seen), system_user()
    try:
        if not _may_enter(seen):
            if user is not None:
                _expel(user, by=system)
            raise Forbidden(NO_GROUP)
        if user is not None and not user.is_active:
            raise Forbidden("Your account here is switched off; ask an administrator.")
        with committing("login.provider"):
            user = user or _newcomer(seen, by=system)
            _follow_groups(user, seen.groups, by=system)
    except Forbidden:
        refused_by_provider(user)
        raise
    return user


@committing("login.refused")
def refused_by_provider(user: User | None) -> None:
    """The log says so, whoever it was: None is somebody who is not known here."""
    system = system_user()
    record(Event.LOGIN_FAILED, user or system, by=system, known=user is not None, how=SINGLE_SIGN_ON)


def _known(seen: Seen) -> User | None:
    found = SocialAccount.objects.filter(provider=seen.issuer, uid=seen.subject).select_related("user").first()
    return found.user if found else None


def _may_enter(seen: Seen) -> bool:
    return not settings.OIDC_LOGIN_GROUPS or bool(seen.groups.intersection(settings.OIDC_LOGIN_GROUPS))


@committing("login.expelled")
def _expel(user: User, *, by: User) -> None:
    """Their roles from the provider go as well, unless they are the last who may administer."""
    shut_out(user, by=by)
    with suppress(Conflict, Invalid):
        _follow_groups(user, frozenset(), by=by)


def _newcomer(seen: Seen, *, by: User) -> User:
    """Matched by a verified address where the settings allow it; otherwise a new account, without a password."""
    if not seen.email or not (seen.email_is_verified or settings.OIDC_EMAILS_ARE_VERIFIED):
        raise Forbidden(NO_ADDRESS)  # certificates belong to addresses, so that a false one would take them over
    user = _of_address(seen.email) if settings.OIDC_MATCH_EMAILS else None
    if user is None:
        user = _created(seen, by=by)
    elif not user.is_active or SocialAccount.objects.filter(user=user, provider=seen.issuer).exists():
        raise Forbidden(TAKEN)
    SocialAccount.objects.get_or_create(provider=seen.issuer, uid=seen.subject, defaults={"user": user})
    record(Event.USER_CONNECTED, user, by=by, issuer=seen.issuer, subject=seen.subject)
    return user


def _of_address(email: str) -> User | None:
    """Databases take more letters for the same than e-mail does, and nobody becomes who does the background work."""
    found = User.objects.filter(email__iexact=email).exclude(username=SYSTEM).first()
    return found if found is not None and found.email.casefold() == email.casefold() else None


def _created(seen: Seen, *, by: User) -> User:
    try:
        return create_user(
            username=seen.username or seen.email, email=seen.email, roles=_roles_for(seen.groups, by=by), by=by
        )
    except Conflict as error:
        raise Forbidden(TAKEN) from error


def _follow_groups(user: User, groups: frozenset[str], *, by: User) -> None:
    """Roles that no group is mapped to stay as they are. To lose a mapped one ends all that was given before."""
    managed = {name for _, name in settings.OIDC_ROLES}
    if not managed:
        return
    held = set(user.roles.all())
    wanted = {role for role in held if role.name not in managed} | set(_roles_for(groups, by=by))
    if wanted == held:
        return
    set_roles(user, wanted, by=by)
    if held - wanted:
        shut_out(user, by=by)


def _roles_for(groups: frozenset[str], *, by: User) -> list[Role]:
    names = sorted({name for group, name in settings.OIDC_ROLES if group in groups})
    known = {role.name: role for role in Role.objects.filter(name__in=names)}
    return [known.get(name) or _third_party(name, by=by) for name in names]


def _third_party(name: str, *, by: User) -> Role:
    return create_role(name, description="From a group of the identity provider.", third_party=True, by=by)


def is_connected(user: Any) -> bool:
    """Can this person prove at the identity provider who they are?"""
    return (
        bool(settings.OIDC_ISSUER) and SocialAccount.objects.filter(user=user, provider=settings.OIDC_ISSUER).exists()
    )
