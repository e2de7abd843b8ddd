"""The page that revokes a certificate: it says first what would break."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from authorities import ledger
from certificates import service
from certificates.forms_revocation import REASONS, RevokeForm
from certificates.models import Certificate, Revocation
from certificates.models.revocation import unfinished_revocation
from certificates.permissions import permissions
from certificates.service.revoking import NOT_AUTHORIZED, consequences
from web.views import act, get_or_404, person


@login_required
def revoke(request: HttpRequest, pk: int) -> HttpResponse:
    """Revoke a certificate; of one that is on hold, end the hold or revoke it for good."""
    rows = Certificate.objects.present().with_replaced().select_related("authority", "root_authority__parent")
    certificate: Certificate = get_or_404(request, permissions, rows, pk=pk)
    permissions.require(request.user, "revoke", certificate, message=_(NOT_AUTHORIZED))
    last = certificate.revocations.filter(state=Revocation.State.DONE).first()
    held = last is not None and last.reason == ledger.HOLD
    context: dict[str, Any] = {"certificate": certificate, "last": last, "held": held}
    if certificate.revoked and last is not None and not held:
        context["reason"] = dict(REASONS).get(last.reason, last.reason)
        return render(request, "certificates/revoke.html", context)
    found = consequences(certificate, ask="force" not in request.POST)
    context |= {"consequences": found, "unfinished": unfinished_revocation(certificate)}
    form = RevokeForm(request.POST or None, serious=found.serious, held=held, unfinished=context["unfinished"])
    return act(
        request,
        form,
        partial(service.revoke, certificate, by=person(request)),
        done=_done,
        template="certificates/revoke.html",
        context=context,
        to=certificate,
    )


def _done(revocation: Revocation) -> str:
    if revocation.state != Revocation.State.DONE:
        said = _("The authority has not agreed yet. It is asked again, %(times)d times in all; this page says more.")
        return said % {"times": Revocation.most_failures}
    if revocation.reason == ledger.RELEASE:
        return _("The hold is over: the certificate is good again.")
    if revocation.reason == ledger.HOLD:
        return _("The certificate is on hold.")
    return _("The certificate is revoked.")
