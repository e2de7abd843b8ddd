"""Pages of authorities: the tree, one of them, a new one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.timezone import now as clock
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from accounts.permissions import audit_log
from authorities import pointers, publishing
from authorities.forms import AuthorityForm
from authorities.models import Authority
from authorities.permissions import permissions
from authorities.service import NewAuthority
from certificates import anatomy
from certificates import service as certificates
from certificates.models import Certificate
from certificates.service.authority import CaSpec
from core.audit import HISTORY, Event, about
from web.views import act, get_or_404, person

SHOWN_DEPTH = 6
ISSUED_SHOWN = 10
NEW = ("name", "owner", "description", "parent", "pki_base_url")
CA = (
    "common_name", "key_type", "validity_years", "path_length", "organization", "organizational_unit", "country",
    "state", "location",
)  # fmt: skip


@login_required
@require_safe
def authority_list(request: HttpRequest) -> HttpResponse:
    """All authorities, each under its issuer."""
    rows = list(permissions.allowed(request.user, "view", Authority.objects.select_related("parent")))
    can = {"create"} if permissions.can(request.user, "create") else set()
    return render(request, "authorities/list.html", {"authorities": list(_tree(rows)), "can": can})


def _tree(rows: list[Authority]) -> Iterator[Authority]:
    """The same rows from the top down, each with its ``depth``."""
    under: dict[int | None, list[Authority]] = {}
    for row in rows:
        under.setdefault(row.parent_id, []).append(row)

    def walk(parent: int | None, depth: int) -> Iterator[Authority]:
        for row in under.get(parent, ()):
            row.depth = min(depth, SHOWN_DEPTH)  # type: ignore[attr-defined]
            yield row
            yield from walk(row.pk, depth + 1)

    return walk(None, 0)


@login_required
@require_safe
def detail(request: HttpRequest, pk: int) -> HttpResponse:
    """One authority, with what it issued last."""
    rows = Authority.objects.select_related("parent").prefetch_related("roles", "profiles")
    authority: Authority = get_or_404(request, permissions, rows, pk=pk)
    own = Certificate.objects.filter(root_authority=authority).first()
    issued = Certificate.objects.present().filter(authority=authority).without_texts().with_replaced()
    history = about(authority).exclude(event=Event.CRL_PUBLISHED)  # of which there are many; the card has the newest
    can = set(permissions.actions(request.user, authority)) - {"create"}
    if permissions.can(request.user, "create") and "use" in can and authority.active:
        can.add("create")
    context = {
        "authority": authority,
        "certificate": own,
        "chain": anatomy.chain_links([authority.certificate, *authority.issuers], now=clock()),
        "children": authority.children.all(),
        "certificates": issued[:ISSUED_SHOWN],
        "entries": audit_log.allowed(request.user, "view", history)[:HISTORY],
        "can": can,
        "published": _published(authority),
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
    permissions.require(request.user, "create", message=_("You are not allowed to create a new authority."))
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
