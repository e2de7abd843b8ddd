"""Pages of certificates, and the overview: the same permissions, filters and services as the API."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any, cast

from django.contrib.auth.decorators import login_required
from django.core.cache import cache
from django.db.models import Exists, Model, OuterRef, QuerySet, Value
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.text import get_valid_filename
from django.utils.timezone import now as clock
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.permissions import audit_log
from accounts.service import require_recent_proof
from authorities.models import Authority, Profile
from certificates import anatomy, service
from certificates.forms import EditForm, ExportForm, OrderForm
from certificates.forms_importing import ImportForm
from certificates.models import Certificate
from certificates.models.revocation import unfinished_revocation
from certificates.permissions import permissions
from certificates.preview import look_ahead
from certificates.spec import SUBJECT_FIELDS
from certificates.views_orders import made
from core.audit import HISTORY, about
from core.errors import DomainError, Forbidden
from core.forms import MOST_DIGITS
from notifications.models import Notice
from notifications.permissions import notice_permissions
from notifications.service import topic
from pki.errors import PkiError
from plugins import Exporter, registry
from web.views import act, get_or_404, person

NOTICES = 10
DEMO_KEPT = 10  # seconds
RECENT = 10
ALIASES = {"java-export"}  # Lemur's older name of two plugins that are listed themselves
USUAL = ["pem-export", "openssl-export"]  # what most people want, so it stands first


def demo_banner(request: HttpRequest) -> dict[str, Any]:
    """Context of every page: is there demo data? Asked only where a page is shown to somebody."""
    there_is = Authority.objects.filter(demo=True).exists
    return {"demo_banner": lambda: cache.get_or_set("certificates.demo_banner", there_is, DEMO_KEPT)}


@login_required
@require_safe
def detail(request: HttpRequest, pk: int) -> HttpResponse:
    """One certificate, with everything about it."""
    certificate = _certificate(request, pk)
    can = permissions.actions(request.user, certificate)
    deployments = list(certificate.deployments.select_related("destination"))
    targets = [one for one in (certificate, getattr(certificate, "order", None), certificate.root_authority) if one]
    family = anatomy.family(certificate)
    context = {
        "certificate": certificate,
        "names": anatomy.names_as_text(certificate.facts),
        "names_total": len(certificate.facts.names),
        "chain": anatomy.chain_links([certificate.parsed, *certificate.issuers], family.chain, now=clock()),
        "policy": anatomy.policy(certificate.facts),
        "replaces": family.replaces,
        "replaced": family.replaced,
        "deployments": deployments,
        "exporters": exporters_for(certificate, can),
        "revocation": unfinished_revocation(certificate),
        "entries": audit_log.allowed(request.user, "view", about(*targets))[:HISTORY],
        "can": can,
        **_cared_for_by(certificate),
        **_told(request, [certificate, *deployments]),
        **_in_service(certificate),
    }
    return render(request, "certificates/detail.html", context)


def _cared_for_by(certificate: Certificate) -> dict[str, Any]:
    """The names of its roles and notifications, in one statement."""
    roles = certificate.roles.order_by().values_list(Value("roles"), "name")
    notifications = certificate.notifications.order_by().values_list(Value("notifications"), "label")
    found = sorted(roles.union(notifications, all=True))
    return {kind: [name for of, name in found if of == kind] for kind in ("roles", "notifications")}


def _in_service(certificate: Certificate) -> dict[str, Any]:
    """Where it is served, at how many places as it should be, and whether its renewal should have begun."""
    endpoints = list(certificate.endpoints.select_related("source"))
    well_served = sum(not one.problems for one in endpoints)
    return {"endpoints": endpoints, "well_served": well_served, "overdue": certificate.renewal_begins <= clock()}


def _told(request: HttpRequest, rows: Iterable[Model]) -> dict[str, Any]:
    """What was told about these rows, and what of that this person may answer."""
    told = Notice.objects.filter(topic__in=[topic(row) for row in rows]).select_related("acknowledged_by")
    mine = notice_permissions.allowed(request.user, "answer").filter(pk=OuterRef("pk"))
    shown = notice_permissions.allowed(request.user, "view", told).annotate(is_mine=Exists(mine))[:NOTICES]
    return {"notices": shown, "answerable": {one.pk for one in shown if one.is_mine}}


def _certificate(request: HttpRequest, pk: int) -> Certificate:
    rows = (
        Certificate.objects.present()
        .with_replaced()
        .with_tags()
        .select_related("authority", "user", "rotation_policy", "order")
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


@login_required
@require_POST
def preview(request: HttpRequest) -> HttpResponse:
    """What an order as it stands would lead to, for htmx to show beside it while it is being written."""
    permissions.require(request.user, "create", message=_("You are not authorized to create a new certificate."))
    form = OrderForm(request.POST, user=person(request))
    context: dict[str, Any] = {"form": form}
    if form.is_valid():
        try:
            context["preview"] = look_ahead(form.cleaned_data, by=person(request), now=clock())
        except (DomainError, PkiError) as error:
            context["problem"] = str(error)
    return render(request, "certificates/_preview.html", context)


def _order_defaults(request: HttpRequest) -> dict[str, Any]:
    """The usual owner, and what the link that led here said: an authority, a certificate to replace, or to be like."""
    initial: dict[str, Any] = {"owner": person(request).email, "profile": "server"}
    if authority := request.GET.get("authority", ""):
        initial["authority"] = authority
    old, like = _named_by_link(request, "replaces", "replace"), _named_by_link(request, "like", "view")
    if old is not None:
        initial["replaces"] = [old.pk]
    if (model := old or like) is not None:
        initial |= {"names": "\n".join(name.value for name in model.facts.names), "owner": model.owner}
        initial |= {"authority": model.authority_id, "description": model.description, "rotation": model.rotation}
        initial |= {name: getattr(model.subject_fields, name) for name in SUBJECT_FIELDS}
        initial |= {"key_type": model.key_type, "tags": model.tag_names}
    return initial


def _named_by_link(request: HttpRequest, parameter: str, action: str) -> Certificate | None:
    """The certificate that the link which led here is about, if the person may do that to it."""
    pk = request.GET.get(parameter, "")
    if not pk.isdecimal() or len(pk) > MOST_DIGITS:
        return None
    return permissions.allowed(request.user, action, Certificate.objects.present().with_tags()).filter(pk=pk).first()


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
    if (old := _named_by_link(request, "replaces", "replace")) is not None:
        initial |= {"owner": old.owner, "replaces": old.name, "description": old.description, "tags": old.tag_names}
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
