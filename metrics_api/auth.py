"""Auth: who is asking."""

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from metrics_api.errors import ApiError
from metrics_api.services import Actor, Services
from queries.control.applications import find_application
from queries.control.tables import Application
from queries.control.tokens import TokenError
from queries.scope import EVERYTHING

ANYONE = Actor("anyone", EVERYTHING)
"""Who asks where ``auth.mode`` is ``off``: everyone sees everything."""

CHALLENGE = {"WWW-Authenticate": 'Bearer realm="metrics-api"'}


async def authenticate(request: Request, services: Services) -> Actor:
    """The actor of a request, by its bearer token.

    Raises:
        ApiError: 401, where there is none that is valid.
    """
    if services.settings.auth.mode == "off":
        return ANYONE
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise ApiError(
            401,
            "a bearer token is required: Authorization: Bearer ...; get one at POST /api/v1/token",
            headers=CHALLENGE,
        )
    try:
        bearer = services.tokens.read(token.strip())
    except TokenError as error:
        raise ApiError(401, str(error), headers=CHALLENGE) from None
    application = await run_in_threadpool(find_application, services.control, bearer.id)
    if not application:
        raise ApiError(401, "the application of this token is gone; ask for a token of another", headers=CHALLENGE)
    return actor_of(application)


def actor_of(application: Application) -> Actor:
    return Actor(application.name, EVERYTHING)
