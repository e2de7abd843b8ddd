"""The verbs about people: who is acting, logging in, tokens, users and roles."""

from accounts.service.identity import acting, log_in, system_user
from accounts.service.people import (
    change_password,
    create_first_admin,
    create_user,
    first_admin_exists,
    update_user,
)
from accounts.service.roles import (
    add_role,
    create_role,
    delete_role,
    ensure_owner_role,
    grant,
    reveal_credentials,
    set_members,
    set_roles,
    update_role,
    uses_of,
)
from accounts.service.saved_views import remove_view, save_view
from accounts.service.tokens import (
    create_api_key,
    delete_api_key,
    log_in_token,
    revoke_api_key,
    update_api_key,
    use_token,
)

__all__ = [
    "acting",
    "add_role",
    "change_password",
    "create_api_key",
    "create_first_admin",
    "create_role",
    "create_user",
    "delete_api_key",
    "delete_role",
    "ensure_owner_role",
    "first_admin_exists",
    "grant",
    "log_in",
    "log_in_token",
    "remove_view",
    "reveal_credentials",
    "revoke_api_key",
    "save_view",
    "set_members",
    "set_roles",
    "system_user",
    "update_api_key",
    "update_role",
    "update_user",
    "use_token",
    "uses_of",
]
