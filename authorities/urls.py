"""The addresses of authorities and profiles."""

from django.urls import path

from authorities import api, views
from web.rest.views import Router

app_name = "authorities"

router = Router()
router.register("authorities", api.AuthorityViewSet)
router.register("profiles", api.ProfileViewSet)
api_urls = router.urls

urlpatterns = [
    path("", views.authority_list, name="list"),
    path("new", views.create, name="create"),
    path("<int:pk>", views.detail, name="detail"),
]
