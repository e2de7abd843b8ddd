"""Pages of connectors, whatever they connect to: the list, the kinds to choose from, one of them, its changes.

An app says in a :class:`Shelf` what is its own about them, and fills in the templates of its folder.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe
from django.views.decorators.vary import vary_on_headers

from core.audit import HISTORY, about
from core.connectors import Connector
from core.permissions import Permissions, permissions_of
from core.plugins import addressed_plugin, in_words, offered
from web.forms import ConnectorForm, option_label
from web.lists import FilterSet, Listing
from web.views import act, get_or_404, person

ROWS = 25

Text = str | Promise


@dataclass(frozen=True, kw_only=True)
class Words:
    """What the pages say: the plural, what one is for, and what is asked of whoever makes one."""

    several: Text
    one: Text
    lead: Text
    create: Text
    question: Text
    none: Text
    first: Text
    delete: Text
    used: Text


@dataclass(frozen=True, kw_only=True)
class Verbs:
    """Of the app's service. ``create`` takes a NewConnector, the others the row; all of them who does it, as ``by``."""

    create: Callable[..., Any]
    update: Callable[..., Any]
    delete: Callable[..., Any]
    check: Callable[..., str]


@dataclass(frozen=True, kw_only=True)
class Shelf:
    """Connectors of one kind: what the pages need to know. ``pages`` is the name of their URLs.

    ``used`` counts what a row is used for. ``beside`` and ``lost`` are what the page of a row, and the one that asks
    before it is deleted, say besides: ``folder`` has the templates ``detail.html`` and ``delete.html``.
    """

    model: type[Connector]
    pages: str
    folder: str
    icon: str
    filters: type[FilterSet]
    words: Words
    verbs: Verbs
    used: Count
    beside: Callable[[Any], Mapping[str, Any]]
    lost: Callable[[Any], Mapping[str, Any]]

    @property
    def kind(self) -> str:
        """Of its plugins."""
        return self.model.kind

    @property
    def name_field(self) -> str:
        """By which lists are sorted."""
        return self.model.name_field

    @property
    def permissions(self) -> Permissions:
        return permissions_of(self.model)

    def row(self, request: HttpRequest, pk: int) -> Any:
        """One of them, if the person may see it."""
        return get_or_404(request, self.permissions, self.model._default_manager.all(), pk=pk)


def pages(shelf: Shelf) -> list[URLPattern]:
    """The addresses that all of them have."""
    which: dict[str, Any] = {"shelf": shelf}
    return [
        path("", connector_list, which, name="list"),
        path("new", kinds, which, name="kinds"),
        path("new/<slug:slug>", create, which, name="create"),
        path("<int:pk>", detail, which, name="detail"),
        path("<int:pk>/edit", edit, which, name="edit"),
        path("<int:pk>/delete", delete, which, name="delete"),
        path("<int:pk>/check", check, which, name="check"),
    ]


@login_required
@require_safe
@vary_on_headers("HX-Request")
def connector_list(request: HttpRequest, shelf: Shelf) -> HttpResponse:
    """All of them, narrowed and ordered as asked, each with how much it is used for."""
    rows = shelf.permissions.allowed(request.user, "view").annotate(held=shelf.used)
    listing = Listing(shelf.filters, rows, request.GET, request=request, count=ROWS)
    template = "connectors/_rows.html" if request.htmx else "connectors/list.html"  # type: ignore[attr-defined]
    can = {"create"} if shelf.permissions.can(request.user, "create") else set()
    return render(request, template, {"shelf": shelf, "listing": listing, "can": can})


@login_required
@require_safe
def kinds(request: HttpRequest, shelf: Shelf) -> HttpResponse:
    """Which kinds there are to choose from."""
    shelf.permissions.require(request.user, "create")
    return render(request, "connectors/kinds.html", {"shelf": shelf, "kinds": offered(shelf.kind)})


@login_required
def create(request: HttpRequest, shelf: Shelf, slug: str) -> HttpResponse:
    """A new one of this kind."""
    shelf.permissions.require(request.user, "create")
    plugin = addressed_plugin(slug, shelf.kind)
    form = ConnectorForm(plugin.Options, request.POST or None, row=shelf.model())

    def make(**_: Any) -> Any:
        return shelf.verbs.create(form.as_new(slug), by=person(request))

    context = {"shelf": shelf, "kind": in_words(plugin)}
    return act(request, form, make, done=_("It was created."), template="connectors/create.html", context=context)


@login_required
@require_safe
def detail(request: HttpRequest, shelf: Shelf, pk: int) -> HttpResponse:
    """One of them: how it is configured, and what it is used for."""
    row = shelf.row(request, pk)
    can, happened = set(shelf.permissions.actions(request.user, row)), about(row)
    context = {
        "shelf": shelf,
        "row": row,
        **configured(row, secrets="change" in can),
        "entries": permissions_of(happened.model).allowed(request.user, "view", happened)[:HISTORY],
        "can": can,
        **shelf.beside(row),
    }
    return render(request, f"{shelf.folder}/detail.html", context)


def configured(row: Connector, *, secrets: bool) -> dict[str, Any]:
    """What a page says of how a row is configured; and with ``secrets`` which of the secret options are stored."""
    return {
        "title": row.described_plugin()["title"],
        "options": [{**option, "label": option_label(option["name"])} for option in row.described_options()],
        "secrets": row.secret_names if secrets else None,
    }


@login_required
def edit(request: HttpRequest, shelf: Shelf, pk: int) -> HttpResponse:
    """Change how it is configured; its kind stays."""
    row = shelf.row(request, pk)
    shelf.permissions.require(request.user, "change", row)
    plugin = row.plugin_class
    form = ConnectorForm(plugin.Options, request.POST or None, row=row)

    def change(**_: Any) -> Any:
        return shelf.verbs.update(row, by=person(request), **form.as_changes())

    context = {"shelf": shelf, "row": row, "kind": in_words(plugin)}
    return act(request, form, change, done=_("Saved."), template="connectors/edit.html", context=context)


@login_required
def delete(request: HttpRequest, shelf: Shelf, pk: int) -> HttpResponse:
    """Say what it means, then delete it."""
    row = shelf.row(request, pk)
    shelf.permissions.require(request.user, "delete", row)
    if request.method == "POST":
        shelf.verbs.delete(row, by=person(request))
        messages.success(request, _("%(label)s was deleted.") % {"label": row})
        return redirect(f"{shelf.pages}:list")
    return render(request, f"{shelf.folder}/delete.html", {"shelf": shelf, "row": row, **shelf.lost(row)})


@login_required
@require_POST
def check(request: HttpRequest, shelf: Shelf, pk: int) -> HttpResponse:
    """Try the connection, and say how that went."""
    row = shelf.row(request, pk)
    problem = shelf.verbs.check(row, by=person(request))
    if problem:
        messages.error(request, _("It does not work: %(problem)s") % {"problem": problem})
    else:
        messages.success(request, _("The connection works."))
    return redirect(row)
