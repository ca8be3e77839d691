"""Tokens: secrets, passwords, one-time codes and other tokens, exchanged for a bearer token as Run:ai does."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator
from starlette.responses import JSONResponse, Response

from metrics_api.access.grants import Granted, RefusedError, grant
from metrics_api.endpoint import Produces
from metrics_api.errors import ApiError
from metrics_api.services import Client, Services

NO_STORE = {"Cache-Control": "no-store"}


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
