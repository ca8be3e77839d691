"""Tokens: secrets, passwords, one-time codes and other tokens, exchanged for a bearer token."""

import base64
import binascii
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal
from urllib.parse import parse_qsl, unquote_plus

from pydantic import BaseModel, ConfigDict, Field, model_validator
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from metrics_api.endpoint import Endpoint, Handler, Produces
from metrics_api.errors import ApiError
from metrics_api.oidc import ProviderError, identify
from metrics_api.proof import TooSoonError, prove
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

NO_STORE = {"Cache-Control": "no-store"}


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


class TokenRequest(BaseModel):
    """What to exchange: the id and secret of an application or of an access key, a user's name and password, a refresh
    token, the code of a link, or a token of the identity provider. Keys are read in any case."""

    model_config = ConfigDict(extra="forbid")

    grantType: Literal[
        "client_credentials",
        "app_token",
        "password",
        "refresh_token",
        "exchange_token",
        "external_token_exchange",
    ]
    clientID: str | None = Field(None, description="With client_credentials.")
    clientSecret: str | None = None
    appID: str | None = Field(None, description="With app_token.")
    appSecret: str | None = None
    username: str | None = Field(None, description="With password.")
    password: str | None = None
    refreshToken: str | None = Field(None, description="With refresh_token.")
    code: str | None = Field(None, description="With exchange_token.")
    redirectUri: str | None = None
    externalToken: str | None = Field(None, description="With external_token_exchange.")

    @model_validator(mode="before")
    @classmethod
    def keys_in_any_case(cls, data: Any) -> Any:
        known = {name.lower(): name for name in cls.model_fields}
        return (
            {known.get(str(key).lower(), key): value for key, value in data.items()} if isinstance(data, dict) else data
        )


class TokenAnswer(BaseModel):
    """A bearer token. expiresIn is in seconds; refreshToken is good for one exchange."""

    accessToken: str
    idToken: str
    tokenType: Literal["bearer"] = "bearer"
    expiresIn: int
    refreshToken: str | None = None


async def create_token(
    services: Services, client: Client, body: TokenRequest
) -> Annotated[Response, Produces(TokenAnswer)]:
    """Exchange credentials for a token, to be sent as ``Authorization: Bearer ...``."""
    granted = await grant_or_explain(services, client, body.grantType, body.model_dump())
    answer = TokenAnswer(
        accessToken=granted.token,
        idToken=granted.token,
        expiresIn=granted.expires_in,
        refreshToken=granted.refresh_token,
    )
    return JSONResponse(answer.model_dump(exclude_none=True), headers=NO_STORE)


async def grant_or_explain(services: Services, client: Client, kind: str, given: dict[str, str | None]) -> Granted:
    """Raises:
    ApiError: 400, which clients do not repeat, as they do 401 and 429.
    """
    try:
        return await grant(services, client, kind, given)
    except RefusedError as error:
        raise ApiError(400, str(error)) from None


class AppTokenRequest(BaseModel):
    """The id (or the client id) of an application and its secret."""

    id: str = ""
    name: str = ""
    secret: str


class LegacyTokens(BaseModel):
    access_token: str
    id_token: str


async def create_app_token(
    services: Services, client: Client, body: AppTokenRequest
) -> Annotated[Response, Produces(LegacyTokens)]:
    """Exchange an application's client id and secret for a token."""
    given: dict[str, str | None] = {"appID": body.id or body.name, "appSecret": body.secret}
    granted = await grant_or_explain(services, client, "app_token", given)
    answer = LegacyTokens(access_token=granted.token, id_token=granted.token)
    return JSONResponse(answer.model_dump(), headers=NO_STORE)


class LoginRequest(BaseModel):
    email: str
    password: str


class LoginAnswer(BaseModel):
    tenant_id: int
    access_token: str
    token_type: Literal["bearer"] = "bearer"  # noqa: S105  # no secret
    expires_in: int


async def log_in(services: Services, client: Client, body: LoginRequest) -> Annotated[Response, Produces(LoginAnswer)]:
    """Exchange a user's name and password for a token."""
    given: dict[str, str | None] = {"username": body.email, "password": body.password}
    granted = await grant_or_explain(services, client, "password", given)
    answer = LoginAnswer(tenant_id=granted.tenant_id, access_token=granted.token, expires_in=granted.expires_in)
    return JSONResponse(answer.model_dump(), headers=NO_STORE)


class OAuthRequest(BaseModel):
    """As RFC 6749 has it. The client may also prove itself by basic authentication. What is not known is ignored."""

    grant_type: str = ""
    client_id: str | None = None
    client_secret: str | None = None
    username: str | None = None
    password: str | None = None
    refresh_token: str | None = None
    code: str | None = None
    redirect_uri: str | None = None
    scope: str | None = None


class OAuthAnswer(BaseModel):
    access_token: str
    token_type: Literal["bearer"] = "bearer"  # noqa: S105  # no secret
    expires_in: int
    refresh_token: str | None = None
    id_token: str


class OAuthError(BaseModel):
    error: str
    error_description: str | None = None


OAUTH_GRANTS = ("client_credentials", "password", "refresh_token")


async def create_oauth_token(
    services: Services, client: Client, body: OAuthRequest
) -> Annotated[Response, Produces(OAuthAnswer)]:
    """Exchange credentials for a token, as OAuth 2 does."""
    if body.grant_type not in OAUTH_GRANTS:
        code = "unsupported_grant_type" if body.grant_type else "invalid_request"
        raise RefusedError(f"grant_type is one of: {', '.join(OAUTH_GRANTS)}", code)
    basic = decode_basic(client.authorization)
    client_id, client_secret = basic or (body.client_id, body.client_secret)
    given = {
        "clientID": client_id,
        "clientSecret": client_secret,
        "username": body.username,
        "password": body.password,
        "refreshToken": body.refresh_token,
    }
    try:
        granted = await grant(services, client, body.grant_type, given)
    except RefusedError as error:
        if error.code == "invalid_grant" and body.grant_type == "client_credentials":
            raise RefusedError(str(error), "invalid_client") from None
        raise
    answer = OAuthAnswer(
        access_token=granted.token,
        id_token=granted.token,
        expires_in=granted.expires_in,
        refresh_token=granted.refresh_token,
    )
    return JSONResponse(answer.model_dump(exclude_none=True), headers=NO_STORE)


def decode_basic(authorization: str) -> tuple[str, str] | None:
    """The client id and secret of a header of basic authentication, form-encoded as RFC 6749 (2.3.1) has them."""
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, colon, password = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return (unquote_plus(user), unquote_plus(password)) if colon else None


@dataclass(frozen=True)
class FormEndpoint(Endpoint):
    """An endpoint that takes a form, and tells errors as RFC 6749 has them."""

    error: ClassVar[type[BaseModel]] = OAuthError
    media_type: ClassVar[str] = "application/x-www-form-urlencoded"

    async def answer(self, request: Request) -> Response:
        try:
            return await super().answer(request)
        except RefusedError as error:
            told, status = OAuthError(error=error.code, error_description=str(error)), 400
            if error.code == "invalid_client" and request.headers.get("authorization"):
                status = 401
        except ApiError as error:
            status = error.error.code
            code = "temporarily_unavailable" if status == 503 else "invalid_request"
            told = OAuthError(error=code, error_description=error.error.message)
        challenge = {"WWW-Authenticate": 'Basic realm="metrics-api"'} if status == 401 else {}
        return JSONResponse(told.model_dump(exclude_none=True), status, NO_STORE | challenge)

    def parse_body(self, body: bytes) -> BaseModel:
        assert self.body
        try:
            given = dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=100))
        except ValueError:
            raise ApiError(400, "the body is not a form: grant_type=client_credentials&client_id=...") from None
        return self.body.model_validate(given)


def form(path: str, handler: Handler, summary: str, tag: str, **more: Any) -> Endpoint:
    return FormEndpoint("POST", path, handler, summary, tag, True, **more)
