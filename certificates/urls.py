"""The addresses of certificates."""

from django.urls import path
from rest_framework.routers import Route

from certificates import (
    api,
    api_defaults,
    api_domains,
    api_logs,
    api_orders,
    api_tags,
    views,
    views_batches,
    views_importing,
    views_lists,
    views_orders,
    views_revocation,
)
from web.rest.views import Router

app_name = "certificates"


class CertificateRouter(Router):
    """With ``POST /certificates/N``, an older name of ``/certificates/N/update/switches``."""

    routes = [
        route._replace(mapping={**route.mapping, "post": "switch"})
        if isinstance(route, Route) and route.detail
        else route
        for route in Router.routes
    ]


router = CertificateRouter()
router.register("certificates", api.CertificateViewSet)
plain = Router()
plain.register("pending_certificates", api_orders.OrderViewSet)
plain.register("domains", api_domains.DomainViewSet)
plain.register("tags", api_tags.TagViewSet)
plain.register("logs", api_logs.LogViewSet)
api_urls = [*router.urls, *plain.urls, path("defaults", api_defaults.Defaults.as_view())]

urlpatterns = [
    path("", views_lists.certificate_list, name="list"),
    path("list.csv", views_lists.download_list, {"form": "csv"}, name="csv"),
    path("list.json", views_lists.download_list, {"form": "json"}, name="json"),
    path("many", views_batches.ask, name="many"),
    path("batches", views_batches.batches, name="batches"),
    path("batches/<int:pk>", views_batches.batch, name="batch"),
    path("batches/<int:pk>/cancel", views_batches.cancel, name="batch-cancel"),
    path("batches/<int:pk>/retry", views_batches.retry, name="batch-retry"),
    path("find", views_lists.find, name="find"),
    path("new", views.order, name="order"),
    path("preview", views.preview, name="preview"),
    path("import", views.import_, name="import"),
    path("import/many", views_importing.many, name="import-many"),
    path("<int:pk>", views.detail, name="detail"),
    path("orders", views_orders.order_list, name="orders"),
    path("orders/<int:pk>", views_orders.order_detail, name="pending"),
    path("orders/<int:pk>/upload", views_orders.order_upload, name="pending-upload"),
    path("orders/<int:pk>/retry", views_orders.order_retry, name="pending-retry"),
    path("orders/<int:pk>/cancel", views_orders.order_cancel, name="pending-cancel"),
    path("<int:pk>/reissue", views_orders.reissue, name="reissue"),
    path("<int:pk>/edit", views.edit, name="edit"),
    path("<int:pk>/export", views.export, name="export"),
    path("<int:pk>/key", views.key, name="key"),
    path("<int:pk>/revoke", views_revocation.revoke, name="revoke"),
]
