"""The verbs about people: who is acting, logging in, tokens, users and roles."""

from accounts.service.identity import acting, check_password, logged_in, system_user
from accounts.service.logging_in import confirm, log_in, needs_setting_up
from accounts.service.people import (
    change_password,
    create_first_admin,
    create_user,
    first_admin_exists,
    update_user,
)
from accounts.service.proofs import require_recent_proof
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
from accounts.service.second_factor import check_code, has_second_factor
from accounts.service.sessions import end_session, end_sessions
from accounts.service.single_sign_on import is_connected, log_in_by_provider, refused_by_provider
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
    "check_code",
    "check_password",
    "confirm",
    "create_api_key",
    "create_first_admin",
    "create_role",
    "create_user",
    "delete_api_key",
    "delete_role",
    "end_session",
    "end_sessions",
    "ensure_owner_role",
    "first_admin_exists",
    "grant",
    "has_second_factor",
    "is_connected",
    "log_in",
    "log_in_by_provider",
    "log_in_token",
    "logged_in",
    "needs_setting_up",
    "refused_by_provider",
    "remove_view",
    "require_recent_proof",
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
