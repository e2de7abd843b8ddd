"""The addresses of certificates."""

from django.urls import path

from certificates import api, views
from web.rest.views import Router

app_name = "certificates"

router = Router()
router.register("certificates", api.CertificateViewSet)
api_urls = router.urls

urlpatterns = [
    path("", views.certificate_list, name="list"),
    path("new", views.order, name="order"),
    path("import", views.import_, name="import"),
    path("<int:pk>", views.detail, name="detail"),
    path("<int:pk>/edit", views.edit, name="edit"),
    path("<int:pk>/export", views.export, name="export"),
    path("<int:pk>/key", views.key, name="key"),
]
