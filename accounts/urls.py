"""The addresses of people."""

from django.contrib.auth.views import LogoutView
from django.urls import path

from accounts import api, views

pages = [
    path("login", views.LoginView.as_view(), name="login"),
    path("logout", LogoutView.as_view(), name="logout"),
]
api_urls = [
    path("auth/login", api.Login.as_view()),
    path("auth/me", api.WhoAmI.as_view()),
]
