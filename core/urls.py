"""The kernel's addresses."""

from django.urls import path

from core import api

health = [
    path("healthz", api.healthz, name="healthz"),
    path("readyz", api.readyz, name="readyz"),
    path("api/1/healthcheck", api.healthcheck, name="healthcheck"),
]
api_urls = [
    path("plugins", api.Plugins.as_view()),
    path("plugins/<slug:slug>", api.OnePlugin.as_view()),
]
