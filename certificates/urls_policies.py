"""The addresses of rotation policies."""

from django.urls import path

from certificates import api_policies, views_policies
from web.rest.views import Router

app_name = "policies"

router = Router()
router.register("policies", api_policies.PolicyViewSet)
api_urls = router.urls

urlpatterns = [
    path("", views_policies.policy_list, name="list"),
    path("new", views_policies.create, name="create"),
    path("<int:pk>/edit", views_policies.edit, name="edit"),
    path("<int:pk>/delete", views_policies.delete, name="delete"),
]
