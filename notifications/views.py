"""Pages of notifications: the list, one of them, a new one, and what can be done with one."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe
from django.views.decorators.vary import vary_on_headers

from accounts.permissions import audit_log
from certificates.models import Certificate
from certificates.permissions import permissions as certificate_permissions
from core.audit import HISTORY, about
from core.connectors import NewConnector
from core.errors import Precondition, Throttled, Unavailable
from core.plugins import addressed_plugin, in_words, offered
from notifications import service
from notifications.filters import NotificationFilter
from notifications.forms import NotificationForm
from notifications.models import Notification
from notifications.permissions import permissions
from web.connectors import configured
from web.lists import Listing
from web.views import act, get_or_404, person

ROWS = 25
SHOWN = 50
MAIL = "email-notification"


@login_required
@require_safe
@vary_on_headers("HX-Request")
def notification_list(request: HttpRequest) -> HttpResponse:
    """All notifications, narrowed and ordered as asked."""
    rows = permissions.allowed(request.user, "view").select_related("creator")
    listing = Listing(NotificationFilter, rows, request.GET, request=request, count=ROWS)
    template = "notifications/_rows.html" if request.htmx else "notifications/list.html"  # type: ignore[attr-defined]
    return render(request, template, {"listing": listing, "can": _may_create(request)})


def _may_create(request: HttpRequest) -> set[str]:
    return {"create"} if permissions.can(request.user, "create") else set()


@login_required
@require_safe
def kinds(request: HttpRequest) -> HttpResponse:
    """Which kinds of notification there are to choose from."""
    permissions.require(request.user, "create", message=_("You are not authorized to create notifications."))
    return render(request, "notifications/kinds.html", {"kinds": offered("notification")})


@login_required
def create(request: HttpRequest, slug: str) -> HttpResponse:
    """A notification of this kind."""
    permissions.require(request.user, "create", message=_("You are not authorized to create notifications."))
    plugin = addressed_plugin(slug, "notification")
    form = NotificationForm(plugin.Options, request.POST or None, initial={"recipients": person(request).email})

    def make(**given: Any) -> Notification:
        return service.create(NewConnector(plugin=slug, **given), by=person(request))

    context = {"kind": in_words(plugin)}
    done = _("The notification was created.")
    return act(request, form, make, done=done, template="notifications/create.html", context=context)


@login_required
@require_safe
def detail(request: HttpRequest, pk: int) -> HttpResponse:
    """One notification, with the certificates that it is about."""
    notification = _notification(request, pk)
    watched = certificate_permissions.allowed(request.user, "view", _watched(notification))
    can = permissions.actions(request.user, notification)
    said = configured(notification, secrets="change" in can)
    context = {
        "notification": notification,
        **said,
        "options": [_in_one_line(option) for option in said["options"]],
        "certificates": watched[:SHOWN],
        "total": watched.count(),
        "no_mail_server": notification.plugin == MAIL and not settings.EMAIL_HOST,
        "entries": audit_log.allowed(request.user, "view", about(notification))[:HISTORY],
        "can": can,
    }
    return render(request, "notifications/detail.html", context)


def _in_one_line(option: dict[str, Any]) -> dict[str, Any]:
    """A list with commas can be broken between its parts, as people write it."""
    value = option["value"]
    return {**option, "value": ", ".join(value.split(",")) if isinstance(value, str) else value}


def _watched(notification: Notification) -> Any:
    rows = Certificate.objects.present().filter(notifications=notification)
    return rows.without_texts().with_replaced().order_by("not_after", "pk")


def _notification(request: HttpRequest, pk: int) -> Notification:
    found: Notification = get_or_404(request, permissions, Notification.objects.select_related("creator"), pk=pk)
    return found


@login_required
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Change a notification; its kind stays."""
    notification = _notification(request, pk)
    permissions.require(request.user, "change", notification)
    plugin = notification.plugin_class
    form = NotificationForm(plugin.Options, request.POST or None, notification=notification)
    return act(
        request,
        form,
        partial(service.update, notification, by=person(request)),
        done=_("Saved."),
        template="notifications/edit.html",
        context={"notification": notification, "kind": in_words(plugin)},
    )


@login_required
def delete(request: HttpRequest, pk: int) -> HttpResponse:
    """Say what would be lost, then delete it."""
    notification = _notification(request, pk)
    permissions.require(request.user, "delete", notification)
    if request.method == "POST":
        service.delete(notification, by=person(request))
        messages.success(request, _("The notification was deleted."))
        return redirect("notifications:list")
    watched = _watched(notification)
    context = {"notification": notification, "certificates": watched[:SHOWN], "total": watched.count()}
    return render(request, "notifications/delete.html", context)


@login_required
@require_POST
def send_test(request: HttpRequest, pk: int) -> HttpResponse:
    """Send a test message, and say how that went."""
    notification = _notification(request, pk)
    try:
        to = service.send_test(notification, by=person(request))
    except (Precondition, Throttled, Unavailable) as error:
        messages.error(request, error.message)
    else:
        messages.success(request, _("A test message was sent to %(to)s.") % {"to": ", ".join(to) or notification})
    return redirect(notification)
