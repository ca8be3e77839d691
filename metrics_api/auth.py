"""Auth: who is asking."""

from starlette.concurrency import run_in_threadpool

from metrics_api.access.oidc import ProviderError, identify
from metrics_api.errors import ApiError
from metrics_api.policy import ANYONE, Actor
from metrics_api.services import Services
from queries.control.access_keys import find_by_access_key
from queries.control.secret import is_made
from queries.control.tokens import TokenError

CHALLENGE = {"WWW-Authenticate": 'Bearer realm="metrics-api"'}


async def authenticate(authorization: str, services: Services) -> Actor:
    """Who asks, by the header of this name: by a token of ours, an access key, or a token of the identity provider.

    Raises:
        ApiError: 401, where there is none that is valid.
    """
    if services.settings.auth.mode == "off":
        return ANYONE
    scheme, _, given = authorization.partition(" ")
    token = given.strip()
    if scheme.lower() != "bearer" or not token:
        raise refusal("a bearer token is required: Authorization: Bearer ...; get one at POST /api/v1/token")
    try:
        if is_made(token):
            return await run_in_threadpool(by_access_key, services, token)
        if services.provider and services.provider.issued(token):
            return await run_in_threadpool(by_provider, services, token)
        return await by_token(services, token)
    except TokenError as error:
        raise refusal(str(error)) from None
    except ProviderError as error:
        raise ApiError(503, str(error)) from None


async def by_token(services: Services, token: str) -> Actor:
    credential = services.tokens.read(token)
    actor = services.directory.remembered(credential)
    actor = actor or await run_in_threadpool(services.directory.find, credential)
    if actor is None:
        raise TokenError("the account of this token is gone, or has signed out; ask for a new token")
    return actor


def by_access_key(services: Services, secret: str) -> Actor:
    identity = find_by_access_key(services.control, secret)
    actor = identity and services.directory.find(identity.credential)
    if not actor:
        raise TokenError("the access key is not valid; it may have been revoked")
    return actor


def by_provider(services: Services, token: str) -> Actor:
    assert services.provider
    return services.directory.actor_of(identify(services.control, services.provider, token))


def refusal(message: str) -> ApiError:
    return ApiError(401, message, headers=CHALLENGE)
