"""The addresses of destinations and sources."""

from typing import Any

from django.urls import URLPattern, path

from stores import api, views
from web.rest.views import Router

router = Router()
router.register("destinations", api.DestinationViewSet)
router.register("sources", api.SourceViewSet)
api_urls = router.urls


def _pages(shelf: views.Shelf) -> list[URLPattern]:
    which: dict[str, Any] = {"shelf": shelf}
    return [
        path("", views.store_list, which, name="list"),
        path("new", views.kinds, which, name="kinds"),
        path("new/<slug:slug>", views.create, which, name="create"),
        path("<int:pk>", views.detail, which, name="detail"),
        path("<int:pk>/edit", views.edit, which, name="edit"),
        path("<int:pk>/delete", views.delete, which, name="delete"),
        path("<int:pk>/check", views.check, which, name="check"),
    ]


destinations = (
    [*_pages(views.DESTINATIONS), path("<int:pk>/retry", views.retry, {"shelf": views.DESTINATIONS}, name="retry")],
    "destinations",
)
sources = (
    [
        *_pages(views.SOURCES),
        path("<int:pk>/look", views.look, {"shelf": views.SOURCES}, name="look"),
        path("<int:pk>/found", views.found, {"shelf": views.SOURCES}, name="found"),
    ],
    "sources",
)
