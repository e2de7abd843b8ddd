"""The addresses of endpoints."""

from django.urls import path

from lifecycle import api, views
from web.rest.views import Router

app_name = "lifecycle"

router = Router()
router.register("endpoints", api.EndpointViewSet)
api_urls = router.urls

urlpatterns = [path("", views.endpoint_list, name="endpoints")]
