"""Which kinds of notices there are, in the order in which a message has them, and what each asks of its reader."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop as noop

EXPIRING_PAGE = "/certificates/?phase=expiring&ordering=not_after"


@dataclass(frozen=True)
class Kind:
    """``one`` and ``many`` say what it is about so many things (``%(number)d``), ``advice`` what to do about them.

    ``rest`` is the path of the page where all of them stand, whatever a message leaves out.
    """

    one: str = ""
    many: str = ""
    advice: Any = ""
    rest: str = "/notices/"


OTHER = Kind()

KINDS: dict[str, Kind] = {
    "not-acknowledged": Kind(
        noop("Nobody has acknowledged %(number)d notice"),
        noop("Nobody has acknowledged %(number)d notices"),
        _("Talk to whoever was told, or see to it yourself, and acknowledge it on its page."),
        "/notices/?outcome=sent",
    ),
    "renewal-failing": Kind(
        noop("The renewal of %(number)d certificate is failing"),
        noop("The renewal of %(number)d certificates is failing"),
        _("Look what the authority says, or renew by hand before the certificate ends."),
        "/certificates/orders/",
    ),
    "rotation-unverified": Kind(
        noop("%(number)d endpoint does not serve its new certificate"),
        noop("%(number)d endpoints do not serve their new certificates"),
        _("Have the server there reload. Its page offers to look again, and to put the certificate before back."),
        "/rotations/",
    ),
    "renewals-held": Kind(
        noop("More renewals are due than an hour may see"),
        noop("More renewals are due than an hour may see"),
        _("The others wait. If so many are meant to happen, an administrator lets them on the page."),
        "/rotations/",
    ),
    "delivery-stuck": Kind(
        noop("%(number)d delivery is stuck"),
        noop("%(number)d deliveries are stuck"),
        _("Repair the destination; its page offers to try again. Until then it keeps what it had before."),
        "/destinations/",
    ),
    "revocation-failing": Kind(
        noop("%(number)d revocation is failing"),
        noop("%(number)d revocations are failing"),
        _("The certificate is still trusted. Its page offers to ask the authority again."),
        "/certificates/",
    ),
    "order-failed": Kind(
        noop("%(number)d order has failed"),
        noop("%(number)d orders have failed"),
        _("Try again or cancel it on its page."),
        "/certificates/orders/",
    ),
    "crl-stale": Kind(
        noop("The revocation list of %(number)d authority is stale"),
        noop("The revocation lists of %(number)d authorities are stale"),
        _("Once a list is over, strict clients refuse all that it has issued. The log says why there is no new one."),
        "/authorities/",
    ),
    "ocsp-stale": Kind(
        noop("The OCSP responder of %(number)d authority is stale"),
        noop("The OCSP responders of %(number)d authorities are stale"),
        _("Once its certificate is over, nobody gets an answer about what it has issued. The log says what is wrong."),
        "/authorities/",
    ),
    "certificate-expiring": Kind(
        noop("%(number)d certificate ends soon"),
        noop("%(number)d certificates end soon"),
        _("Renew or replace what is in use before it ends. What nothing uses any more can be muted on its page."),
        EXPIRING_PAGE,
    ),
    "certificate-expiring-deployed": Kind(
        noop("%(number)d certificate ends soon and is still served, though it is muted or replaced"),
        noop("%(number)d certificates end soon and are still served, though they are muted or replaced"),
        _("Have the successor served there before the old certificate ends."),
        "/endpoints/",
    ),
    "authority-expiring": Kind(
        noop("%(number)d certificate of an authority ends"),
        noop("%(number)d certificates of authorities end"),
        _("Make a successor in time: what an authority has issued is trusted no longer than its own certificate."),
        "/authorities/",
    ),
    "weekly-digest": Kind(advice=_("You get this once a week."), rest=EXPIRING_PAGE),
    "security-summary": Kind(advice=_("You get this once a day."), rest=EXPIRING_PAGE),
    "certificate-rotated": Kind(
        noop("%(number)d certificate was replaced by its successor"),
        noop("%(number)d certificates were replaced by their successors"),
        _("You need not do anything: the new one was seen wherever the old one was in use."),
        "/rotations/",
    ),
    "certificate-found-revoked": Kind(
        noop("%(number)d certificate was found revoked"),
        noop("%(number)d certificates were found revoked"),
        _("Its authority says so, though nobody here asked for it: put another one where it is in use."),
        "/certificates/?phase=revoked",
    ),
    "certificate-revoked": Kind(
        noop("%(number)d certificate was revoked"),
        noop("%(number)d certificates were revoked"),
        _("Nobody should trust a revoked certificate: put another one where it was in use."),
        "/certificates/?phase=revoked",
    ),
    "certificate-on-hold": Kind(
        noop("%(number)d certificate was put on hold"),
        noop("%(number)d certificates were put on hold"),
        _("Until the hold is ended, nobody should trust it."),
        "/certificates/?phase=revoked",
    ),
    "certificate-released": Kind(
        noop("%(number)d certificate is good again"),
        noop("%(number)d certificates are good again"),
        _("The hold was ended. You need not do anything."),
        "/certificates/",
    ),
}
