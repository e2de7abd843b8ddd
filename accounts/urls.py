"""The addresses of people."""

from django.contrib.auth.views import LogoutView
from django.urls import path, reverse_lazy

from accounts import api, views, views_audit, views_login, views_people, views_roles, views_saved, views_security
from web.rest.views import Router

pages = [
    path("login", views_login.LoginView.as_view(), name="login"),
    path("login/code", views_login.code, name="login-code"),
    path("login/set-up", views_security.set_up, name="login-set-up"),
    path("login/oidc", views_login.provider, name="oidc"),
    path("login/oidc/callback", views_login.callback, name="oidc-callback"),
    path("confirm", views_login.confirm, name="confirm"),
    path("admin/login/", views_login.admin_login, name="admin-login"),
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
    path("account/sessions", views_security.sessions, name="sessions"),
    path("account/sessions/end-others", views_security.end_other_sessions, name="sessions-end-others"),
    path("account/sessions/<slug:handle>/end", views_security.end_session, name="session-end"),
    path("account/second-factor", views_security.set_up, name="second-factor"),
    path("account/second-factor/qr.svg", views_security.qr_code, name="second-factor-qr"),
    path("account/second-factor/codes", views_security.recovery_codes, name="recovery-codes"),
    path("account/second-factor/remove", views_security.remove, name="second-factor-remove"),
    path("people/<int:pk>/end-sessions", views_security.end_sessions_of, name="person-end-sessions"),
    path("people/<int:pk>/reset-second-factor", views_security.reset_second_factor, name="person-reset-second-factor"),
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
