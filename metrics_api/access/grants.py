"""Grants: what a token is given for, whichever endpoint is asked."""

from dataclasses import dataclass

from starlette.concurrency import run_in_threadpool

from metrics_api.access.oidc import ProviderError, identify
from metrics_api.access.proof import TooSoonError, prove
from metrics_api.errors import ApiError
from metrics_api.services import Client, Services
from queries.control.applications import check_secret, redeem_link
from queries.control.audit import Entry, record
from queries.control.identity import Credential, Identity, note_login
from queries.control.refresh_tokens import create_refresh_token, redeem_refresh_token
from queries.control.tables import DEFAULT_TENANT
from queries.control.tokens import TokenError
from queries.control.users import check_password

ANYBODY = Identity("user", "anyone", "anyone", DEFAULT_TENANT, Credential("user", "anyone", 0))
"""Who gets a token where ``auth.mode`` is ``off``: clients insist on one."""

WRONG = "the credentials are not right, or no longer"


class RefusedError(Exception):
    """No token is given; the message says why. code: as RFC 6749 calls it."""

    def __init__(self, message: str, code: str = "invalid_grant") -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Granted:
    """What is given for credentials."""

    token: str
    expires_in: int
    tenant_id: int
    refresh_token: str | None = None


async def grant(services: Services, client: Client, kind: str, given: dict[str, str | None]) -> Granted:
    """Exchange credentials for a token.

    kind: a grant type of Run:ai's. given: its parts.
    Raises:
        RefusedError: they are not right, not complete, or tried too often.
    """
    if services.settings.auth.mode == "off":
        return await run_in_threadpool(issue, services, ANYBODY, kind)
    account = (given.get(NAMES[kind][0]) or "") if kind in NAMES else ""
    try:
        identity = await identity_of(services, client, kind, given)
    except TooSoonError as error:
        raise RefusedError(str(error)) from None
    if identity or account:  # made-up codes name nobody, and would fill the log
        await run_in_threadpool(note, services, client, kind, account, identity)
    if identity is None:
        raise RefusedError(WRONG)
    return await run_in_threadpool(issue, services, identity, kind)


NAMES = {
    "app_token": ("appID", "appSecret"),
    "client_credentials": ("clientID", "clientSecret"),
    "password": ("username", "password"),
}
"""The parts of a grant that name an account, and prove it."""

CODES = {"refresh_token": "refreshToken", "exchange_token": "code", "external_token_exchange": "externalToken"}
"""The part that is the proof, where there is no account to name."""


async def identity_of(services: Services, client: Client, kind: str, given: dict[str, str | None]) -> Identity | None:
    control = services.control
    if kind in NAMES:
        account, secret = (needed(given, name, kind) for name in NAMES[kind])
        check = check_password if kind == "password" else check_secret
        return await prove(services, account, secret, client.address, lambda: check(control, account, secret))
    code = needed(given, CODES[kind], kind)
    if kind == "external_token_exchange":
        return await run_in_threadpool(of_provider, services, code)
    redeem = redeem_refresh_token if kind == "refresh_token" else redeem_link
    return await run_in_threadpool(redeem, control, code)


def of_provider(services: Services, token: str) -> Identity:
    if services.provider is None:
        raise RefusedError("no identity provider is configured; set auth.oidc", "unsupported_grant_type")
    try:
        return identify(services.control, services.provider, token)
    except TokenError as error:
        raise RefusedError(str(error)) from None
    except ProviderError as error:
        raise ApiError(503, str(error)) from None


def needed(given: dict[str, str | None], name: str, kind: str) -> str:
    value = given.get(name)
    if not value:
        raise RefusedError(f"field {name!r} is missing; grantType {kind} needs it", "invalid_request")
    return value


def issue(services: Services, identity: Identity, kind: str) -> Granted:
    auth = services.settings.auth
    is_renewable = kind in ("password", "refresh_token") and identity.credential.id != ANYBODY.credential.id
    return Granted(
        services.tokens.issue(identity),
        int(auth.token_lifetime.total_seconds()),
        identity.tenant_id,
        create_refresh_token(services.control, identity, auth.refresh_lifetime) if is_renewable else None,
    )


def note(services: Services, client: Client, kind: str, account: str, identity: Identity | None) -> None:
    """Enter in the audit log who signed in, or failed to."""
    if identity:
        note_login(services.control, identity)
    entry = Entry(
        tenant_id=identity.tenant_id if identity else DEFAULT_TENANT,
        subject=identity.name if identity else account,
        subject_type=identity.subject_type if identity else "unknown",
        source_ip=client.address,
        action="sign-in",
        http_method="POST",
        url="/api/v1/token",
        http_status_code=200 if identity else 400,
        entity_type="token",
        entity_name=kind,
    )
    record(services.control, entry)
