"""OAuth: tokens as RFC 6749 has them, for clients that know nothing of Run:ai."""

import base64
import binascii
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal
from urllib.parse import parse_qsl, unquote_plus

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from metrics_api.access.grants import RefusedError, grant
from metrics_api.access.tokens import NO_STORE
from metrics_api.body import FORM
from metrics_api.endpoint import Endpoint, Handler, Produces
from metrics_api.errors import ApiError
from metrics_api.services import Client, Services


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


async def create_token(
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


async def create_realm_token(
    services: Services,
    client: Client,
    realm: str,  # noqa: ARG001  # there is one
    body: OAuthRequest,
) -> Annotated[Response, Produces(OAuthAnswer)]:
    """Exchange credentials for a token where Run:ai's identity server was; every realm is the same."""
    return await create_token(services, client, body)


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
    media_type: ClassVar[str] = FORM

    async def answer(self, request: Request) -> Response:
        try:
            return await super().answer(request)
        except RefusedError as error:
            told, status, headers = OAuthError(error=error.code, error_description=str(error)), 400, {}
            if error.code == "invalid_client" and request.headers.get("authorization"):
                status, headers = 401, {"WWW-Authenticate": 'Basic realm="metrics-api"'}
        except ApiError as error:
            status, headers = error.error.code, error.headers or {}
            code = "temporarily_unavailable" if status == 503 else "invalid_request"
            told = OAuthError(error=code, error_description=error.error.message)
        return JSONResponse(told.model_dump(exclude_none=True), status, NO_STORE | headers)

    def parse_body(self, body: bytes) -> BaseModel:
        assert self.body
        try:
            given = dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=100))
        except ValueError:
            raise ApiError(400, "the body is not a form: grant_type=client_credentials&client_id=...") from None
        return self.body.model_validate(given)


def form(path: str, handler: Handler, summary: str, tag: str, **more: Any) -> Endpoint:
    return FormEndpoint("POST", path, handler, summary, tag, True, refuses=(401,), **more)
