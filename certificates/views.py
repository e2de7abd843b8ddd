"""Pages of certificates, and the overview: the same permissions, filters and services as the API."""

from __future__ import annotations

from functools import partial
from typing import Any, cast

from django.contrib.auth.decorators import login_required
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.text import get_valid_filename
from django.utils.timezone import now as clock
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from accounts.permissions import audit_log
from accounts.service import require_recent_proof
from authorities.models import Authority, Profile
from authorities.permissions import permissions as authority_permissions
from certificates import anatomy, service
from certificates.filters import CertificatePageFilter
from certificates.forms import EditForm, ExportForm, ImportForm, OrderForm
from certificates.models import Certificate, Order
from certificates.models.certificate import CertificateQuerySet
from certificates.models.revocation import unfinished_revocation
from certificates.permissions import permissions
from certificates.views_orders import made
from core.audit import HISTORY, about
from core.errors import Forbidden
from core.forms import MOST_DIGITS
from notifications.models import Notice
from notifications.permissions import notice_permissions
from notifications.service import topic
from plugins import Exporter, registry
from web.lists import Listing
from web.views import act, get_or_404, person

NOTICES = 10
RECENT = 10
ROWS = 25
WORDS = {"create": "order"}
ALIASES = {"java-export"}  # Lemur's older name of two plugins that are listed themselves
USUAL = ["pem-export", "openssl-export"]  # what most people want, so it stands first


def visible(request: HttpRequest) -> CertificateQuerySet:
    """The certificates that the person may see, as lists show them."""
    rows: CertificateQuerySet = permissions.allowed(request.user, "view")  # type: ignore[assignment]
    return rows.present().without_texts().with_replaced().select_related("authority")


def may(request: HttpRequest, *actions: str) -> set[str]:
    """Which of these the person may do at all, in the pages' words."""
    return {WORDS.get(action, action) for action in actions if permissions.can(request.user, action)}


def demo_banner(request: HttpRequest) -> dict[str, Any]:
    """Context of every page: is there demo data? Asked only where a page is shown to somebody."""
    return {"demo_banner": lambda: Authority.objects.filter(demo=True).exists()}


@login_required
@require_safe
def overview(request: HttpRequest) -> HttpResponse:
    """What a person should know first."""
    now, rows = clock(), visible(request)
    authority, certificate = Authority.objects.exists(), Certificate.objects.filter(root_authority=None).exists()
    may_create = {"create"} if authority_permissions.can(request.user, "create") else set()
    context = {
        "counts": service.phases(rows),
        "expiring": rows.current(now).unreplaced().order_by("not_after")[:RECENT],
        "entries": audit_log.allowed(request.user, "view")[:RECENT],
        "guide": None if authority and certificate else {"authority": authority, "certificate": certificate},
        "can": may(request, "create", "upload") | may_create,
    }
    return render(request, "overview.html", context)


@login_required
@require_safe
@vary_on_headers("HX-Request")
def certificate_list(request: HttpRequest) -> HttpResponse:
    """The certificates the person may see, narrowed and ordered as asked."""
    listing = Listing(CertificatePageFilter, visible(request), request.GET, request=request, count=ROWS)
    template = "certificates/_rows.html" if request.htmx else "certificates/list.html"  # type: ignore[attr-defined]
    return render(request, template, {"listing": listing, "can": may(request, "create", "upload")})


@login_required
@require_safe
def detail(request: HttpRequest, pk: int) -> HttpResponse:
    """One certificate, with everything about it."""
    certificate = _certificate(request, pk)
    can = permissions.actions(request.user, certificate)
    targets = [certificate, *Order.objects.filter(certificate=certificate)]
    if certificate.root_authority is not None:
        targets.append(certificate.root_authority)
    context = {
        "certificate": certificate,
        "names": anatomy.names_as_text(certificate.facts),
        "names_total": len(certificate.facts.names),
        "chain": anatomy.chain_links([certificate.parsed, *certificate.issuers], now=clock()),
        "policy": anatomy.policy(certificate.facts),
        "replaces": certificate.replaces.with_replaced(),
        "replaced": certificate.replaced.with_replaced(),
        "deployments": certificate.deployments.select_related("destination"),
        "endpoints": certificate.endpoints.select_related("source"),
        "exporters": exporters_for(certificate, can),
        "revocation": unfinished_revocation(certificate),
        "entries": audit_log.allowed(request.user, "view", about(*targets))[:HISTORY],
        "can": can,
        **_told(request, certificate),
    }
    return render(request, "certificates/detail.html", context)


def _told(request: HttpRequest, certificate: Certificate) -> dict[str, Any]:
    """What was told about it and about its deliveries, and what of that this person may answer."""
    topics = [topic(row) for row in (certificate, *certificate.deployments.all())]
    told = notice_permissions.allowed(request.user, "view", Notice.objects.filter(topic__in=topics))
    answerable = notice_permissions.allowed(request.user, "answer", told).values_list("pk", flat=True)
    return {"notices": told.select_related("acknowledged_by")[:NOTICES], "answerable": set(answerable)}


def _certificate(request: HttpRequest, pk: int) -> Certificate:
    rows = (
        Certificate.objects.present()
        .with_replaced()
        .select_related("authority", "user", "rotation_policy")
        .prefetch_related("roles", "notifications")
    )
    found: Certificate = get_or_404(request, permissions, rows, pk=pk)
    return found


@login_required
def order(request: HttpRequest) -> HttpResponse:
    """Order a certificate."""
    permissions.require(request.user, "create", message=_("You are not authorized to create a new certificate."))
    initial = _order_defaults(request)
    form = OrderForm(request.POST or None, user=person(request), initial=initial)
    authorities: QuerySet[Authority] = form.fields["authority"].queryset  # type: ignore[attr-defined]
    form.initial.setdefault("authority", _usual_authority(authorities))
    context = {"authorities": authorities.exists(), "profiles": Profile.objects.filter(ca=False)}
    return act(
        request,
        form,
        partial(service.create, by=person(request)),
        done=made,
        template="certificates/order.html",
        context=context,
    )


def _order_defaults(request: HttpRequest) -> dict[str, Any]:
    """The usual owner, and what the link that led here said: an authority, or a certificate to replace."""
    initial: dict[str, Any] = {"owner": person(request).email, "profile": "server"}
    if authority := request.GET.get("authority", ""):
        initial["authority"] = authority
    if (old := _to_replace(request)) is not None:
        names = "\n".join(name.value for name in old.facts.names)
        initial |= {"replaces": [old.pk], "names": names, "owner": old.owner, "authority": old.authority_id}
        initial["description"] = old.description
    return initial


def _to_replace(request: HttpRequest) -> Certificate | None:
    """The certificate that the link which led here wants to see replaced."""
    pk = request.GET.get("replaces", "")
    if not pk.isdecimal() or len(pk) > MOST_DIGITS:
        return None
    return permissions.allowed(request.user, "replace").filter(pk=pk).first()


def _usual_authority(authorities: QuerySet[Authority]) -> int | None:
    """The one that a person most likely wants: the only one, or the only one that is no root."""
    few = list(authorities[:20])
    below = [one for one in few if one.parent_id is not None]
    only = below if len(below) == 1 else few if len(few) == 1 else []
    return only[0].pk if only else None


@login_required
def import_(request: HttpRequest) -> HttpResponse:
    """Import a certificate."""
    permissions.require(request.user, "upload", message=_("You are not authorized to upload a certificate."))
    initial = {"owner": person(request).email}
    if (old := _to_replace(request)) is not None:
        initial |= {"owner": old.owner, "replaces": old.name, "description": old.description}
    form = ImportForm(request.POST or None, request.FILES or None, initial=initial)
    return act(
        request,
        form,
        partial(service.upload, by=person(request)),
        done=_("The certificate was imported."),
        template="certificates/import.html",
    )


@login_required
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Change what is known about a certificate."""
    certificate = _certificate(request, pk)
    permissions.require(request.user, "change", certificate)
    return act(
        request,
        EditForm(request.POST or None, instance=certificate),
        partial(service.update, certificate.pk, by=person(request)),
        done=_("Saved."),
        template="certificates/edit.html",
        context={"certificate": certificate},
    )


@login_required
def key(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask first, then show the private key once; seeing it is written down."""
    certificate = _certificate(request, pk)
    permissions.require(request.user, "reveal_key", certificate, message=_("You are not authorized to view this key"))
    require_recent_proof()
    shown = service.reveal(certificate, by=person(request)) if request.method == "POST" else None
    return render(request, "certificates/key.html", {"certificate": certificate, "private_key": shown})


def exporters_for(certificate: Certificate, can: frozenset[str]) -> list[dict[str, str]]:
    """The export plugins of use here: those that need the key only where there is one and the person may have it."""
    with_key = certificate.has_private_key and "export" in can
    entries = [entry for entry in registry.of_kind("export") if entry.slug not in ALIASES and not entry.problem]
    entries.sort(key=lambda entry: USUAL.index(entry.slug) if entry.slug in USUAL else len(USUAL))
    plugins = [cast("type[Exporter]", entry.load()) for entry in entries]
    useful = [plugin for plugin in plugins if with_key or plugin.needs_key is not Exporter.needs_key]
    return [{"slug": one.slug, "title": one.title, "description": one.description} for one in useful]


@login_required
def export(request: HttpRequest, pk: int) -> HttpResponse:
    """Choose a form, set its options, download the file."""
    certificate = _certificate(request, pk)
    exporters = exporters_for(certificate, permissions.actions(request.user, certificate))
    chosen = _chosen(exporters, request.GET.get("plugin") or exporters[0]["slug"])
    plugin: type[Exporter] = registry.get(chosen["slug"], "export")
    if plugin.needs_key is Exporter.needs_key:
        require_recent_proof()  # before a passphrase is shown, which would be another one afterwards
    form = ExportForm(plugin.Options, request.POST or None)
    if form.is_bound and form.is_valid():
        return _download(certificate, chosen["slug"], form, request)
    context = {"certificate": certificate, "exporters": exporters, "exporter": chosen, "form": form}
    return render(request, "certificates/export.html", context, status=400 if form.is_bound else 200)


def _chosen(exporters: list[dict[str, str]], slug: str) -> dict[str, str]:
    for one in exporters:
        if one["slug"] == slug:
            return one
    raise Forbidden(_("You are not authorized to export this certificate with %(slug)s.") % {"slug": slug[:64]})


def _download(certificate: Certificate, slug: str, form: ExportForm, request: HttpRequest) -> HttpResponse:
    extension, _passphrase, data = service.export(
        certificate, {"slug": slug, "plugin_options": form.given()}, by=person(request)
    )
    file_name = get_valid_filename(f"{certificate.name}.{extension}").lstrip(".")
    headers = {"Content-Disposition": f'attachment; filename="{file_name}"', "Cache-Control": "no-store"}
    return HttpResponse(data, content_type="application/octet-stream", headers=headers)
