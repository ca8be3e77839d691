"""The app: routes, middleware, errors, lifespan."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import DEFAULT_EXCLUDED_CONTENT_TYPES, GZipMiddleware

from metrics_api.endpoint import LARGEST_BODY
from metrics_api.errors import HANDLERS
from metrics_api.formats import PACKED
from metrics_api.hardened import Hardened
from metrics_api.health import Measured
from metrics_api.openapi import describe
from metrics_api.pages import page_routes
from metrics_api.routes import ENDPOINTS
from metrics_api.services import Services
from queries.settings import Settings


def create_app(settings: Settings) -> Starlette:
    """The ASGI application.

    Raises:
        LakeError, ControlError: what the settings name cannot be opened.
    """
    services = Services.start(settings)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        services.stop()

    app = Starlette(
        routes=[endpoint.route() for endpoint in ENDPOINTS] + page_routes(),
        middleware=[
            Middleware(Measured),
            Middleware(Hardened, is_open=settings.auth.mode == "off"),
            Middleware(
                GZipMiddleware,
                minimum_size=2_000,
                compresslevel=4,
                exclude_content_types=(*DEFAULT_EXCLUDED_CONTENT_TYPES, *PACKED),
            ),
        ],
        exception_handlers=HANDLERS,
        lifespan=lifespan,
        max_body_size=LARGEST_BODY,
    )
    app.state.services = services
    app.state.openapi = describe(ENDPOINTS)
    return app
