"""The addresses of people."""

from django.contrib.auth.views import LogoutView
from django.urls import path, reverse_lazy

from accounts import api, views, views_audit, views_people, views_roles, views_saved
from web.rest.views import Router

pages = [
    path("login", views.LoginView.as_view(), name="login"),
    path("logout", LogoutView.as_view(), name="logout"),
    # In the place of the admin's own view of this address, which knows no audit and no tokens.
    path("admin/password_change/", views.PasswordChangeView.as_view(), name="admin-password-change"),
    path("account", views.account, name="account"),
    path(
        "account/password",
        views.PasswordChangeView.as_view(template_name="accounts/password.html", success_url=reverse_lazy("account")),
        name="password-change",
    ),
    path("account/keys/new", views.new_key, name="key-new"),
    path("account/keys/<int:pk>/revoke", views.revoke_key, name="key-revoke"),
    path("people/", views_people.people, name="people"),
    path("people/new", views_people.new, name="person-new"),
    path("people/<int:pk>", views_people.detail, name="person"),
    path("people/<int:pk>/edit", views_people.edit, name="person-edit"),
    path("roles/", views_roles.roles, name="roles"),
    path("roles/new", views_roles.new, name="role-new"),
    path("roles/<int:pk>", views_roles.detail, name="role"),
    path("roles/<int:pk>/edit", views_roles.edit, name="role-edit"),
    path("roles/<int:pk>/members", views_roles.members, name="role-members"),
    path("roles/<int:pk>/delete", views_roles.delete, name="role-delete"),
    path("roles/<int:pk>/credentials", views_roles.credentials, name="role-credentials"),
    path("views/save", views_saved.save, name="view-save"),
    path("views/<int:pk>/remove", views_saved.remove, name="view-remove"),
    path("audit/", views_audit.audit, name="audit"),
]

router = Router()
router.register("users", api.UserViewSet)
router.register("roles", api.RoleViewSet)
router.register("keys", api.ApiKeyViewSet, basename="apikey")
api_urls = [
    path("auth/login", api.Login.as_view()),
    path("auth/me", api.WhoAmI.as_view()),
    path("auth/providers", api.Providers.as_view()),
    path("users/<int:user_pk>/keys", api.ApiKeyViewSet.as_view({"get": "list", "post": "create"})),
    path(
        "users/<int:user_pk>/keys/<int:pk>",
        api.ApiKeyViewSet.as_view({"get": "retrieve", "put": "update", "delete": "destroy"}),
    ),
    *router.urls,
]
