"""The addresses of the pages of domains."""

from django.urls import path

from certificates import views_domains as views

app_name = "domains"

urlpatterns = [
    path("", views.domain_list, name="list"),
    path("new", views.domain_new, name="new"),
    path("<int:pk>/mark", views.domain_mark, name="mark"),
]
