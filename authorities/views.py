"""Pages of authorities: the tree, one of them, a new one, a CA elsewhere, what may be changed."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.timezone import now as clock
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from accounts.permissions import audit_log
from authorities import pointers, publishing, service, tree
from authorities.filters import AuthorityFilter
from authorities.forms import AuthorityEditForm, AuthorityForm, ConnectForm
from authorities.models import Authority
from authorities.permissions import permissions
from authorities.service import NewAuthority
from certificates import anatomy
from certificates import service as certificates
from certificates.models import Certificate
from certificates.service.authority import CaSpec
from core.audit import HISTORY, Event, about
from core.errors import Precondition, Unavailable
from core.plugins import addressed_plugin, in_words, offered
from plugins.contracts import StandsForAuthority
from web.connectors import configured
from web.lists import Listing
from web.views import act, get_or_404, person

ROWS = 25
ISSUED_SHOWN = 10
NEW = ("name", "owner", "description", "parent", "pki_base_url")
CA = (
    "common_name", "key_type", "validity_years", "path_length", "organization", "organizational_unit", "country",
    "state", "location",
)  # fmt: skip
MAY_NOT_CREATE = _l("You are not allowed to create a new authority.")


@login_required
@require_safe
@vary_on_headers("HX-Request")
def authority_list(request: HttpRequest) -> HttpResponse:
    """All authorities, each under its issuer; what was searched for stands in a list."""
    rows = permissions.allowed(request.user, "view").order_by("name")
    context: dict[str, Any] = {
        "listing": Listing(AuthorityFilter, rows.select_related("parent"), request.GET, request=request, count=ROWS),
        "can": {"create"} if permissions.can(request.user, "create") else set(),
        "body": "authorities/_found.html",
    }
    if not any(request.GET.values()):
        context |= {"body": "authorities/_tree.html", "branches": tree.branches(publishing.with_ends(rows), clock())}
    template = context["body"] if request.htmx else "authorities/list.html"  # type: ignore[attr-defined]
    return render(request, template, context)


@login_required
@require_safe
def detail(request: HttpRequest, pk: int) -> HttpResponse:
    """One authority, with what it issued last."""
    rows = Authority.objects.select_related("parent", "dns_provider").prefetch_related("roles", "profiles")
    authority: Authority = get_or_404(request, permissions, rows, pk=pk)
    own = Certificate.objects.filter(root_authority=authority).first()
    issued = Certificate.objects.present().filter(authority=authority).without_texts().with_replaced()
    history = about(authority).exclude(event=Event.CRL_PUBLISHED)  # of which there are many; the card has the newest
    can = set(permissions.actions(request.user, authority)) - {"create"}
    if permissions.can(request.user, "create") and "use" in can and authority.active:
        can.add("create")
    chain = [authority.certificate, *authority.issuers]
    context = {
        "authority": authority,
        "certificate": own,
        "chain": anatomy.chain_links(chain, anatomy.known(chain).without_texts(), now=clock()),
        "children": authority.children.all(),
        "certificates": issued[:ISSUED_SHOWN],
        "entries": audit_log.allowed(request.user, "view", history)[:HISTORY],
        "can": can,
        "published": _published(authority),
        **configured(authority, secrets="change" in can),
    }
    return render(request, "authorities/detail.html", context)


def _published(authority: Authority) -> dict[str, Any]:
    """What the page says of revocation."""
    now = clock()
    crl = publishing.newest_crl(authority)
    return {
        "crl": crl,
        "lists": pointers.signs_crls(authority),
        "overdue": crl is not None and crl.next_update <= now,
        "responder": publishing.newest_responder(authority, now=now),
        "addresses": pointers.addresses(authority),
        "warning": pointers.warning(authority),
    }


@login_required
def create(request: HttpRequest) -> HttpResponse:
    """Make a root or an intermediate."""
    permissions.require(request.user, "create", message=str(MAY_NOT_CREATE))
    parent = request.GET.get("parent", "")
    initial: dict[str, Any] = {"owner": person(request).email}
    if parent.isdecimal():
        initial |= {"kind": "subca", "parent": parent}
    form = AuthorityForm(request.POST or None, user=person(request), initial=initial)

    def make(**given: Any) -> Authority:
        new = NewAuthority(
            **{name: given[name] for name in NEW},
            roles=tuple(given["roles"]),
            offered=tuple(given["profiles"]) or None,
        )
        spec = CaSpec(**{name: given[name] for name in CA if given.get(name) not in (None, "")})
        return certificates.create_authority(new, spec, by=person(request))

    return act(request, form, make, done=_("The authority was created."), template="authorities/create.html")


@login_required
@require_safe
def connect_kinds(request: HttpRequest) -> HttpResponse:
    """What a CA elsewhere may speak."""
    permissions.require(request.user, "create", message=str(MAY_NOT_CREATE))
    return render(request, "authorities/connect_kinds.html", {"kinds": offered(Authority.kind, StandsForAuthority)})


@login_required
def connect(request: HttpRequest, slug: str) -> HttpResponse:
    """A CA elsewhere that is spoken to in this way."""
    permissions.require(request.user, "create", message=str(MAY_NOT_CREATE))
    plugin = addressed_plugin(slug, Authority.kind, StandsForAuthority)
    form = ConnectForm(plugin, request.POST or None, user=person(request))

    def make(**_: Any) -> Authority:
        new = NewAuthority(plugin=slug, **form.as_new())
        try:
            return certificates.create_authority(new, CaSpec(common_name=new.name), by=person(request))
        except Unavailable as error:  # what was typed should still be there
            raise Precondition(f"The CA cannot be reached as it is configured: {error.message}") from error

    context = {"kind": in_words(plugin)}
    return act(
        request, form, make, done=_("The CA is connected."), template="authorities/connect.html", context=context
    )


@login_required
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Change what is said of an authority, and how its plugin is configured."""
    authority: Authority = get_or_404(request, permissions, pk=pk)
    permissions.require(
        request.user, "change", authority, message=_("You are not authorized to update this authority.")
    )
    plugin = authority.plugin_class
    form = AuthorityEditForm(plugin, request.POST or None, user=person(request), row=authority)

    def change(**_: Any) -> Authority:
        return service.update(authority, by=person(request), **form.as_changes())

    context = {"authority": authority, "kind": in_words(plugin)}
    return act(request, form, change, done=_("Saved."), template="authorities/edit.html", context=context)
