"""What a person keeps of lists, to look at it again."""

from __future__ import annotations

from django.http import QueryDict
from django.urls import Resolver404, resolve

from accounts import permissions
from accounts.models import SavedView, User
from accounts.service.identity import acting
from core.audit import Event, record
from core.commits import committing
from core.errors import Invalid

MOST = 50
NAME = "Give the view a name of 1 to 64 printable characters."
DROPPED = ("page", "after")


@committing("view.save")
def save_view(*, page: str, name: str, query: str, by: User | None = None) -> SavedView:
    """Keep how a list is narrowed and sorted; a view of the same name and page is replaced. Raises Invalid."""
    by = acting(by)
    permissions.saved_views.require(by, "change")
    name, asked = _checked_name(name), _checked_query(query)
    page = _checked_page(page)
    kept = SavedView.objects.filter(user=by)
    if kept.count() >= MOST and not kept.filter(page=page, name=name).exists():
        raise Invalid.field("name", f"You keep {MOST} views already; remove one first.")
    view, _ = SavedView.objects.update_or_create(user=by, page=page, name=name, defaults={"query": asked})
    record(Event.VIEW_SAVED, view, by=by, page=page)
    return view


@committing("view.remove")
def remove_view(view: SavedView, *, by: User | None = None) -> None:
    """Keep it no longer."""
    by = acting(by)
    permissions.saved_views.require(by, "change", view)
    record(Event.VIEW_REMOVED, view, by=by, page=view.page)
    view.delete()


def _checked_name(name: str) -> str:
    name = name.strip()
    if not name or len(name) > SavedView._meta.get_field("name").max_length or not name.isprintable():  # type: ignore[operator]
        raise Invalid.field("name", NAME)
    return name


def _checked_page(page: str) -> str:
    """An address of this site, and nothing else: the view becomes a link."""
    try:
        resolve(page)
    except Resolver404 as error:
        raise Invalid.field("page", "There is no such list.") from error
    if len(page) > SavedView._meta.get_field("page").max_length:  # type: ignore[operator]
        raise Invalid.field("page", "There is no such list.")
    return page


def _checked_query(query: str) -> str:
    asked = QueryDict(query, mutable=True)
    for name in DROPPED:
        asked.pop(name, None)
    text = asked.urlencode()
    if len(text) > SavedView._meta.get_field("query").max_length:  # type: ignore[operator]
        raise Invalid.field("query", "This is more than a view can keep.")
    return text
