"""The addresses of notifications."""

from django.urls import path

from certificates.api_notifications import NotificationCertificates
from notifications import api, views
from web.rest.views import Router

app_name = "notifications"

router = Router()
router.register("notifications", api.NotificationViewSet)
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
