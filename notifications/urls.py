"""The addresses of notifications and notices."""

from django.urls import path

from certificates.api_notifications import NotificationCertificates
from notifications import api, api_notices, views, views_notices
from web.rest.views import Router

app_name = "notifications"

router = Router()
router.register("notifications", api.NotificationViewSet)
router.register("notices", api_notices.NoticeViewSet)
api_urls = [
    *router.urls,
    path("notifications/<int:pk>/certificates", NotificationCertificates.as_view({"get": "list"})),
]

urlpatterns = [
    path("", views.notification_list, name="list"),
    path("new", views.kinds, name="kinds"),
    path("new/<slug:slug>", views.create, name="create"),
    path("<int:pk>", views.detail, name="detail"),
    path("<int:pk>/edit", views.edit, name="edit"),
    path("<int:pk>/delete", views.delete, name="delete"),
    path("<int:pk>/test", views.send_test, name="test"),
]

notices = (
    [
        path("", views_notices.notice_list, name="list"),
        path("<int:pk>/acknowledge", views_notices.acknowledge, name="acknowledge"),
        path("<int:pk>/snooze", views_notices.snooze, name="snooze"),
    ],
    "notices",
)
