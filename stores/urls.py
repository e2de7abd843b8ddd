"""The addresses of destinations and sources."""

from django.urls import path

from stores import api, views
from web.connectors import pages
from web.rest.views import Router

router = Router()
router.register("destinations", api.DestinationViewSet)
router.register("sources", api.SourceViewSet)
api_urls = router.urls


destinations = (
    [*pages(views.DESTINATIONS), path("<int:pk>/retry", views.retry, {"shelf": views.DESTINATIONS}, name="retry")],
    "destinations",
)
sources = (
    [
        *pages(views.SOURCES),
        path("<int:pk>/look", views.look, {"shelf": views.SOURCES}, name="look"),
        path("<int:pk>/found", views.found, {"shelf": views.SOURCES}, name="found"),
    ],
    "sources",
)
