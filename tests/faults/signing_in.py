"""Signing in, verb by verb: how a process carries each out, and what the audit log says of it then."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from unittest.mock import patch

import requests
from django.test import override_settings
from django.utils.timezone import now as clock

from accounts import provider, totp
from accounts import service as accounts
from accounts.models import FailedLogin, RecoveryCode, SecondFactor, Session, User
from accounts.service import attempts, second_factor, sessions, single_sign_on
from accounts.service.identity import system_user
from core.audit import Event
from core.secrets import digest
from plugins import network

ISSUER, ADDRESS = "https://idp.example.org", "192.0.2.9"
RECOVERY = "known"
NEWCOMER = single_sign_on.Seen(ISSUER, "1", "jane", "jane@example.org", True, frozenset(), 0)  # noqa: FBT003


def furnish() -> None:
    """Bob is logged in and has a second factor with a recovery code that is known; somebody tries to log in."""
    bob = _user("bob")
    Session.objects.create(session_key="s" * 32, session_data="", expire_date=clock().replace(year=2100), user=bob)
    factor = second_factor._begin(bob)
    SecondFactor.objects.filter(pk=factor.pk).update(confirmed_at=clock())
    RecoveryCode.objects.create(user=bob, digest=digest(RECOVERY))
    FailedLogin.objects.create(address=ADDRESS, account="x", at=clock())


def _user(name: str) -> User:
    return User.objects.get(username=name)


def _factor() -> SecondFactor:
    return SecondFactor.objects.get(user=_user("bob"))


def _code(factor: SecondFactor) -> str:
    return totp._totp(second_factor._secret(factor)).generate(int(clock().timestamp())).decode()


def _confirm() -> None:
    alice = _user("alice")
    second_factor.finish(alice, _code(second_factor.begin(alice)), address=ADDRESS)


def _end_session() -> None:
    accounts.end_session(_user("bob"), Session.objects.get(user__username="bob").handle, by=_user("bob"))


def _log_in_by_provider() -> None:
    """After having asked it for its document."""
    answer = requests.Response()
    answer.status_code = requests.codes.ok
    with override_settings(OIDC_ISSUER=ISSUER), patch.object(network, "session") as session:
        session.return_value.__enter__.return_value.send.return_value = answer
        provider.Outbound().get(f"{ISSUER}/.well-known/openid-configuration")
    single_sign_on.log_in_by_provider(NEWCOMER)


VERBS: Mapping[str, tuple[Callable[[], object], tuple[Event, ...], Mapping[str, int]]] = {
    "login.attempt": (lambda: attempts._count(ADDRESS, "x", clock()), (), {}),
    "login.attempt-over": (lambda: attempts._forgive(FailedLogin.objects.get(address=ADDRESS)), (), {}),
    "login.expelled": (
        lambda: single_sign_on._expel(_user("bob"), by=system_user()), (Event.SESSION_ENDED,), {}
    ),
    "login.provider": (_log_in_by_provider, (Event.USER_CREATED, Event.USER_CONNECTED), {}),
    "login.refused": (lambda: single_sign_on.refused_by_provider(_user("bob")), (Event.LOGIN_FAILED,), {}),
    "recovery-code.use": (
        lambda: second_factor._take_recovery_code(_user("bob"), RECOVERY, clock()), (Event.RECOVERY_CODE_USED,), {}
    ),
    "recovery-codes.renew": (
        lambda: second_factor.renew_recovery_codes(_user("bob")), (Event.RECOVERY_CODES_RENEWED,), {}
    ),
    "second-factor.begin": (lambda: second_factor._begin(_user("alice")), (), {}),
    "second-factor.confirm": (_confirm, (Event.SECOND_FACTOR_ADDED,), {"accounts_secondfactor": 1}),
    "second-factor.failed": (lambda: second_factor._remember_failure(_user("bob")), (Event.LOGIN_FAILED,), {}),
    "second-factor.remove": (
        lambda: second_factor._remove(_user("bob"), by=_user("root")), (Event.SECOND_FACTOR_REMOVED,), {}
    ),
    "second-factor.take": (lambda: second_factor._take_code(_factor(), _code(_factor()), clock()), (), {}),
    "session.drop": (
        lambda: sessions.drop_sessions(_user("bob"), by=_user("root")), (Event.SESSION_ENDED,), {}
    ),
    "session.end": (_end_session, (Event.SESSION_ENDED,), {}),
    "session.shut-out": (
        lambda: sessions.shut_out(_user("alice"), by=_user("root")), (Event.APIKEY_REVOKED,) * 2, {}
    ),
}  # fmt: skip
CALLS = {"provider.ask": ("login.provider",)}
