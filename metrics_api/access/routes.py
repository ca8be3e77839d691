"""Who may ask: tokens, users, service accounts, access keys, access rules, roles, the audit log."""

from typing import Any

from metrics_api.access import (
    access_keys,
    access_rules,
    apps,
    audit,
    oauth,
    permissions,
    roles,
    service_accounts,
    tokens,
    users,
)
from metrics_api.access.giving import RESOURCE
from metrics_api.access.oauth import form
from metrics_api.deprecations import OLD_APPS, OLD_ROLES, OLD_TOKENS
from metrics_api.endpoint import Endpoint, delete, get, patch, post

TAG = "Access"

ACCOUNTS = "/api/v1/service-accounts"

APPS: dict[str, Any] = {"deprecated": OLD_APPS, "resource": "apps"}
ACCOUNT: dict[str, Any] = {"resource": service_accounts.RESOURCE}
KEY: dict[str, Any] = {"resource": "access-keys"}
USER: dict[str, Any] = {"resource": "users"}
SIGN_OUT: dict[str, Any] = USER | {"action": "sign-out"}
PASSWORD: dict[str, Any] = USER | {"action": "reset-password"}
RULE: dict[str, Any] = {"resource": RESOURCE}

RULES = "/api/v1/authorization/access-rules"

ACCESS: tuple[Endpoint, ...] = (
    post("/api/v1/token", tokens.create_token, "Get a bearer token", TAG, is_public=True),
    form("/api/v2/token", oauth.create_token, "Get a bearer token, as OAuth 2 has it", TAG),
    post(
        "/v1/k8s/auth/oauth/apptoken",
        tokens.create_app_token,
        "Get a bearer token for an application",
        TAG,
        is_public=True,
        deprecated=OLD_TOKENS,
    ),
    post(
        "/v1/k8s/auth/login",
        tokens.log_in,
        "Get a bearer token for a user",
        TAG,
        is_public=True,
        deprecated=OLD_TOKENS,
    ),
    form(
        "/auth/realms/{realm}/protocol/openid-connect/token",
        oauth.create_realm_token,
        "Get a bearer token of a realm",
        TAG,
        deprecated=OLD_TOKENS,
    ),
    get("/api/v1/users", users.list_all, "List users", TAG),
    post("/api/v1/users", users.create, "Make a user", TAG, status=201, **USER),
    get("/api/v1/users/count", users.count, "Count users", TAG),
    get("/api/v1/users/{user_id}", users.read, "Read a user", TAG),
    delete("/api/v1/users/{user_id}", users.delete, "Delete a user", TAG, status=204, **USER),
    post("/api/v1/users/{user_id}/logout", users.sign_out, "Sign a user out everywhere", TAG, status=204, **SIGN_OUT),
    post("/api/v1/users/{user_id}/password", users.reset_password, "Give a user a new password", TAG, **PASSWORD),
    post("/api/v1/me/password", users.change_password, "Change one's own password", TAG, **PASSWORD),
    get(ACCOUNTS, service_accounts.list_all, "List service accounts", TAG),
    post(ACCOUNTS, service_accounts.create, "Make a service account", TAG, status=201, **ACCOUNT),
    get(ACCOUNTS + "/{account_id}", service_accounts.read, "Read a service account", TAG),
    patch(ACCOUNTS + "/{account_id}", service_accounts.update, "Enable or disable a service account", TAG, **ACCOUNT),
    delete(ACCOUNTS + "/{account_id}", service_accounts.delete, "Delete a service account", TAG, status=204, **ACCOUNT),
    post(ACCOUNTS + "/{account_id}/secret", service_accounts.renew, "Renew a service account's secret", TAG, **ACCOUNT),
    get("/api/v1/apps", apps.list_all, "List applications", TAG, deprecated=OLD_APPS),
    post("/api/v1/apps", apps.create, "Make an application", TAG, status=201, **APPS),
    get("/api/v1/apps/{app_id}", apps.read, "Read an application", TAG, deprecated=OLD_APPS),
    patch("/api/v1/apps/{app_id}", apps.update, "Enable or disable an application", TAG, **APPS),
    delete("/api/v1/apps/{app_id}", apps.delete, "Delete an application", TAG, status=204, **APPS),
    post("/api/v1/apps/{app_id}/secret", apps.renew, "Renew an application's secret", TAG, **APPS),
    get("/api/v1/access-keys", access_keys.list_own, "List one's own access keys", TAG),
    post("/api/v1/access-keys", access_keys.create, "Make an access key", TAG, status=201, **KEY),
    get("/api/v1/access-keys/{key_id}", access_keys.read, "Read an access key", TAG),
    delete("/api/v1/access-keys/{key_id}", access_keys.delete, "Revoke an access key", TAG, status=204, **KEY),
    post("/api/v1/access-keys/{key_id}/secret", access_keys.renew, "Renew an access key's secret", TAG, **KEY),
    get("/api/v1/administration/access-keys", access_keys.list_of_tenant, "List everybody's access keys", TAG),
    delete(
        "/api/v1/administration/access-keys/{key_id}",
        access_keys.delete_of_tenant,
        "Revoke somebody's access key",
        TAG,
        status=204,
        **KEY,
    ),
    get(RULES, access_rules.list_all, "List access rules", TAG),
    post(RULES, access_rules.create, "Give a role", TAG, status=201, **RULE),
    get(RULES + "/count", access_rules.count, "Count access rules", TAG),
    post(RULES + "/batch", access_rules.delete_many, "Take several roles", TAG, **RULE),
    post(RULES + "/batch-create", access_rules.create_many, "Give a role several times", TAG, **RULE),
    get(RULES + "/{rule_id}", access_rules.read, "Read an access rule", TAG),
    delete(RULES + "/{rule_id}", access_rules.delete, "Take a role", TAG, status=204, **RULE),
    get("/api/v1/authorization/me/access-rules", access_rules.list_own, "The rules about oneself", TAG),
    get("/api/v1/authorization/me/access-rules/count", access_rules.count_own, "Count the rules about oneself", TAG),
    get("/api/v1/authorization/roles", roles.list_all, "List roles", TAG, deprecated=OLD_ROLES),
    get("/api/v2/authorization/roles", roles.list_wrapped, "List roles", TAG),
    get("/api/v1/authorization/roles/{role_id}", roles.read, "Read a role", TAG),
    get("/api/v1/authorization/permissions", permissions.list_all, "What one may do", TAG),
    post("/api/v1/authorization/permitted-scopes", permissions.list_scopes, "Where one may do it", TAG),
    get("/api/v1/audit/log", audit.read, "The audit log", TAG),
    get("/api/v1/audit/log/file", audit.read_file, "The audit log as a file", TAG),
)
