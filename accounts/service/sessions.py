"""Sessions: where somebody is logged in, and ending that; over the API, log-in tokens are the same."""

from __future__ import annotations

from accounts import permissions
from accounts.models import ApiKey, Session, User
from accounts.service.identity import acting
from accounts.service.tokens import revoke_tokens
from core.audit import Event, record
from core.commits import committing
from core.errors import NotFound


@committing("session.end")
def end_session(user: User, handle: str, *, by: User | None = None) -> None:
    """End the one of the person's sessions that has this :attr:`~accounts.models.Session.handle`."""
    by = acting(by)
    found = next((one for one in Session.objects.filter(user=user) if one.handle == handle), None)
    if found is None:
        raise NotFound("There is no such session; it may have ended.")
    permissions.sessions.require(by, "end", found)
    found.delete()
    record(Event.SESSION_ENDED, user, by=by, sessions=1, address=found.address)


def end_sessions(user: User, *, keep: str | None = None, by: User | None = None) -> None:
    """End all of the person's log-ins, in browsers and over the API, but the session with the key ``keep``."""
    by = acting(by)
    if by != user:
        permissions.users.require(by, "change", user)
    drop_sessions(user, keep=keep, by=by)


@committing("session.drop")
def drop_sessions(user: User, *, keep: str | None = None, by: User) -> None:
    """The same for whoever has asked already whether it may be done."""
    ended = Session.objects.filter(user=user).exclude(session_key=keep or "").delete()[0]
    tokens = ApiKey.objects.filter(user=user, kind=ApiKey.Kind.LOGIN, revoked=False).update(revoked=True)
    if ended or tokens:
        record(Event.SESSION_ENDED, user, by=by, sessions=ended, tokens=tokens)


@committing("session.shut-out")
def shut_out(user: User, *, by: User) -> None:
    """From now on nothing that was given to this person opens anything: sessions, tokens, API keys."""
    drop_sessions(user, by=by)
    revoke_tokens(user, by=by)
