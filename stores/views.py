"""Pages of destinations and sources: they differ in words, and in what happens at them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe
from django.views.decorators.vary import vary_on_headers

from accounts.permissions import audit_log
from certificates import service as certificates
from certificates.models import Certificate, Deployment
from core.audit import HISTORY, about
from core.errors import NotFound
from core.permissions import Permissions, permissions_of
from core.plugins import addressed_plugin, in_words, offered
from stores import service
from stores.filters import DestinationFilter, SourceFilter, StoreFilter
from stores.forms import StoreForm
from stores.models import Destination, Scan, Source
from web.lists import Listing
from web.spelling import snake
from web.views import act, get_or_404, person

ROWS = 25
SHOWN = 50
ASK_AGAIN = "2"  # seconds, as the header has it
PRESENT = Count("certificates", filter=Q(certificates__deleted=False))


@dataclass(frozen=True)
class Shelf:
    """Destinations, or sources: what the pages of both need to know. ``kind`` is the plugins', ``pages`` the URLs'."""

    kind: str
    pages: str
    model: type[Destination] | type[Source]
    filters: type[StoreFilter]

    @property
    def permissions(self) -> Permissions:
        return permissions_of(self.model)

    def store(self, request: HttpRequest, pk: int) -> Any:
        """One of them, if the person may see it."""
        return get_or_404(request, self.permissions, self.model._default_manager.all(), pk=pk)


DESTINATIONS = Shelf("destination", "destinations", Destination, DestinationFilter)
SOURCES = Shelf("source", "sources", Source, SourceFilter)


@login_required
@require_safe
@vary_on_headers("HX-Request")
def store_list(request: HttpRequest, shelf: Shelf) -> HttpResponse:
    """All of them, narrowed and ordered as asked, each with how many certificates it has."""
    rows = shelf.permissions.allowed(request.user, "view").annotate(held=PRESENT)
    listing = Listing(shelf.filters, rows, request.GET, request=request, count=ROWS)
    template = "stores/_rows.html" if request.htmx else "stores/list.html"  # type: ignore[attr-defined]
    can = {"create"} if shelf.permissions.can(request.user, "create") else set()
    return render(request, template, {"shelf": shelf, "listing": listing, "can": can})


@login_required
@require_safe
def kinds(request: HttpRequest, shelf: Shelf) -> HttpResponse:
    """Which kinds there are to choose from."""
    shelf.permissions.require(request.user, "create")
    return render(request, "stores/kinds.html", {"shelf": shelf, "kinds": offered(shelf.kind)})


@login_required
def create(request: HttpRequest, shelf: Shelf, slug: str) -> HttpResponse:
    """A new one of this kind."""
    shelf.permissions.require(request.user, "create")
    plugin = addressed_plugin(slug, shelf.kind)
    form = StoreForm(plugin.Options, request.POST or None)

    def make(**_: Any) -> Destination | Source:
        return service.create(shelf.model, plugin=slug, by=person(request), **form.as_changes())

    context = {"shelf": shelf, "kind": in_words(plugin)}
    return act(request, form, make, done=_("It was created."), template="stores/create.html", context=context)


@login_required
@require_safe
def detail(request: HttpRequest, shelf: Shelf, pk: int) -> HttpResponse:
    """One of them: how it is configured, and what is there."""
    store = shelf.store(request, pk)
    can = set(shelf.permissions.actions(request.user, store))
    context = {
        "shelf": shelf,
        "store": store,
        "title": store.described_plugin()["title"],
        "options": [{**option, "label": _label(option["name"])} for option in store.described_options()],
        "secrets": store.secret_names if "change" in can else None,
        "entries": audit_log.allowed(request.user, "view", about(store))[:HISTORY],
        "can": can,
    }
    context |= _deliveries(store) if isinstance(store, Destination) else _holdings(store)
    return render(request, "stores/detail.html", context)


def _label(option: str) -> str:
    """As the form has it."""
    return snake(option).replace("_", " ").capitalize()


def _deliveries(destination: Destination) -> dict[str, Any]:
    """Certificates at a destination, what failed first; and how many are in which state."""
    rows = destination.deployments.filter(certificate__deleted=False).select_related("certificate")
    states = dict(rows.order_by().values_list("state").annotate(Count("pk")))
    failed, waiting = Deployment.State.FAILED, Deployment.State.WAITING
    shown = [row for state in (failed, waiting, Deployment.State.DONE) for row in rows.filter(state=state)[:SHOWN]]
    return {"deployments": shown[:SHOWN], "total": sum(states.values()), "failed": states.get(failed, 0)}


def _holdings(source: Source) -> dict[str, Any]:
    """Certificates that were found at a source."""
    rows = Certificate.objects.present().filter(sources=source).without_texts().with_replaced()
    return {"certificates": rows[:SHOWN], "total": rows.count()}


@login_required
def edit(request: HttpRequest, shelf: Shelf, pk: int) -> HttpResponse:
    """Change how it is configured; its kind stays."""
    store = shelf.store(request, pk)
    shelf.permissions.require(request.user, "change", store)
    plugin = store.plugin_class
    form = StoreForm(plugin.Options, request.POST or None, store=store)

    def change(**_: Any) -> Destination | Source:
        changed: Destination | Source = service.update(store, by=person(request), **form.as_changes())
        return changed

    context = {"shelf": shelf, "store": store, "kind": in_words(plugin)}
    return act(request, form, change, done=_("Saved."), template="stores/edit.html", context=context)


@login_required
def delete(request: HttpRequest, shelf: Shelf, pk: int) -> HttpResponse:
    """Say what it means, then delete it."""
    store = shelf.store(request, pk)
    shelf.permissions.require(request.user, "delete", store)
    if request.method == "POST":
        forget = certificates.withdraw if isinstance(store, Destination) else service.delete
        forget(store, by=person(request))
        messages.success(request, _("%(label)s was deleted.") % {"label": store.label})
        return redirect(f"{shelf.pages}:list")
    certificates_there = Certificate.objects.present().filter(**{shelf.pages: store})
    context = {
        "shelf": shelf,
        "store": store,
        "total": certificates_there.count(),
        "certificates": certificates_there.without_texts().with_replaced()[:SHOWN],
        "endpoints": store.endpoints.count() if isinstance(store, Source) else 0,
    }
    return render(request, "stores/delete.html", context)


@login_required
@require_POST
def check(request: HttpRequest, shelf: Shelf, pk: int) -> HttpResponse:
    """Try the connection, and say how that went."""
    store = shelf.store(request, pk)
    problem = service.try_connection(store, by=person(request))
    if problem:
        messages.error(request, _("It does not work: %(problem)s") % {"problem": problem})
    else:
        messages.success(request, _("The connection works."))
    return redirect(store)


@login_required
@require_POST
def retry(request: HttpRequest, shelf: Shelf, pk: int) -> HttpResponse:
    """Deliver again what was given up."""
    store = shelf.store(request, pk)
    count = certificates.deliver_again(store, by=person(request))
    messages.success(request, _("Deliveries that are tried again within a minute: %(n)d.") % {"n": count})
    return redirect(store)


@login_required
@require_POST
def look(request: HttpRequest, shelf: Shelf, pk: int) -> HttpResponse:
    """Have a worker look what a source holds now."""
    store = shelf.store(request, pk)
    service.ask_to_scan(store, by=person(request))
    return redirect("sources:found", pk)


@login_required
@require_safe
def found(request: HttpRequest, shelf: Shelf, pk: int) -> HttpResponse:
    """What was there when somebody had it looked into; while a worker is at it, the page asks again by itself."""
    store = shelf.store(request, pk)
    shelf.permissions.require(request.user, "change", store)
    scan = Scan.objects.filter(source=store).first()
    if scan is None:
        raise NotFound(f"Nobody has had {store} looked into yet.")
    waiting = scan.state == Scan.State.WAITING
    context = {"shelf": shelf, "store": store, "scan": scan, "waiting": waiting, "found": _known(scan)}
    answer = render(request, "stores/found.html", context)
    if waiting:
        answer["Refresh"] = ASK_AGAIN
    return answer


def _known(scan: Scan) -> list[dict[str, Any]]:
    """What was found, each with its page where we have it already."""
    rows = Certificate.objects.present().filter(fingerprint__in={one["fingerprint"] for one in scan.found})
    pages = {row.fingerprint: row.get_absolute_url() for row in rows.only("pk", "fingerprint")}
    return [
        {**one, "not_after": datetime.fromisoformat(one["not_after"]), "url": pages.get(one["fingerprint"], "")}
        for one in scan.found
    ]
