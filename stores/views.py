"""Pages of destinations and sources, as far as they are not those of all connectors."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from certificates import service as certificates
from certificates.models import Certificate, Deployment
from core.connectors import NewConnector
from core.errors import NotFound
from stores import service
from stores.filters import DestinationFilter, SourceFilter
from stores.models import Destination, Scan, Source
from web.connectors import Shelf, Verbs, Words
from web.views import person

SHOWN = 50
ASK_AGAIN = "2"  # seconds, as the header has it
PRESENT = Count("certificates", filter=Q(certificates__deleted=False))


def _create(model: type[Destination] | type[Source], new: NewConnector, *, by: Any) -> Destination | Source:
    return service.create(model, **vars(new), by=by)


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


def _lost(store: Destination | Source) -> dict[str, Any]:
    """What is said before one is deleted."""
    where = "destinations" if isinstance(store, Destination) else "sources"
    certificates_there = Certificate.objects.present().filter(**{where: store})
    return {
        "total": certificates_there.count(),
        "certificates": certificates_there.without_texts().with_replaced()[:SHOWN],
        "endpoints": store.endpoints.count() if isinstance(store, Source) else 0,
    }


DESTINATIONS = Shelf(
    model=Destination,
    pages="destinations",
    folder="stores",
    icon="server",
    filters=DestinationFilter,
    words=Words(
        several=gettext_lazy("Destinations"),
        one=gettext_lazy("Destination"),
        lead=gettext_lazy("Places that certificates are delivered to."),
        create=gettext_lazy("Create a destination"),
        question=gettext_lazy("Where shall certificates be delivered?"),
        none=gettext_lazy("No destinations yet"),
        first=gettext_lazy(
            "A destination is a machine or a service that gets certificates, and their successors, by itself."
        ),
        delete=gettext_lazy("Delete the destination"),
        used=gettext_lazy("Certificates"),
    ),
    verbs=Verbs(
        create=partial(_create, Destination),
        update=service.update,
        delete=certificates.withdraw,
        check=service.try_connection,
    ),
    used=PRESENT,
    beside=_deliveries,
    lost=_lost,
)
SOURCES = Shelf(
    model=Source,
    pages="sources",
    folder="stores",
    icon="radar",
    filters=SourceFilter,
    words=Words(
        several=gettext_lazy("Sources"),
        one=gettext_lazy("Source"),
        lead=gettext_lazy("Places that are looked at for certificates."),
        create=gettext_lazy("Create a source"),
        question=gettext_lazy("Where shall certificates be looked for?"),
        none=gettext_lazy("No sources yet"),
        first=gettext_lazy("A source is a place where certificates lie that nobody may have told us of."),
        delete=gettext_lazy("Delete the source"),
        used=gettext_lazy("Certificates"),
    ),
    verbs=Verbs(
        create=partial(_create, Source), update=service.update, delete=service.delete, check=service.try_connection
    ),
    used=PRESENT,
    beside=_holdings,
    lost=_lost,
)


@login_required
@require_POST
def retry(request: HttpRequest, shelf: Shelf, pk: int) -> HttpResponse:
    """Deliver again what was given up."""
    store = shelf.row(request, pk)
    count = certificates.deliver_again(store, by=person(request))
    messages.success(request, _("Deliveries that are tried again within a minute: %(n)d.") % {"n": count})
    return redirect(store)


@login_required
@require_POST
def look(request: HttpRequest, shelf: Shelf, pk: int) -> HttpResponse:
    """Have a worker look what a source holds now."""
    store = shelf.row(request, pk)
    service.ask_to_scan(store, by=person(request))
    return redirect("sources:found", pk)


@login_required
@require_safe
def found(request: HttpRequest, shelf: Shelf, pk: int) -> HttpResponse:
    """What was there when somebody had it looked into; while a worker is at it, the page asks again by itself."""
    store = shelf.row(request, pk)
    shelf.permissions.require(request.user, "change", store)
    scan = Scan.objects.filter(source=store).first()
    if scan is None:
        raise NotFound(f"Nobody has had {store} looked into yet.")
    waiting = scan.state == Scan.State.WAITING
    context = {"shelf": shelf, "row": store, "scan": scan, "waiting": waiting, "found": _known(scan)}
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
