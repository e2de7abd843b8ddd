"""The addresses of people."""

from django.contrib.auth.views import LogoutView
from django.urls import path

from accounts import api, views

pages = [
    path("login", views.LoginView.as_view(), name="login"),
    path("logout", LogoutView.as_view(), name="logout"),
    # In the place of the admin's own view of this address, which knows no audit and no tokens.
    path("admin/password_change/", views.PasswordChangeView.as_view(), name="password-change"),
]
api_urls = [
    path("auth/login", api.Login.as_view()),
    path("auth/me", api.WhoAmI.as_view()),
]
