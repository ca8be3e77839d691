"""The app: routes, middleware, errors, lifespan."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import DEFAULT_EXCLUDED_CONTENT_TYPES, GZipMiddleware

from metrics_api.errors import HANDLERS
from metrics_api.formats import PACKED
from metrics_api.hardened import Hardened
from metrics_api.health import Measured
from metrics_api.pages import page_routes
from metrics_api.repeats import MOST_BYTES, Repeats
from metrics_api.routes import ENDPOINTS
from metrics_api.services import Services
from metrics_api.zstd import ZstdMiddleware
from queries.settings import Settings

LARGE = 2_000
"""Bytes from which on a body is compressed, where the client accepts that."""

COMPRESSED = (*DEFAULT_EXCLUDED_CONTENT_TYPES, *PACKED)
"""Types of content that do not get smaller."""


def create_app(settings: Settings) -> Starlette:
    """The ASGI application.

    Raises:
        LakeError, ControlError: what the settings name cannot be opened.
    """
    services = Services.start(settings)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        services.warming.start()
        yield
        services.stop()

    app = Starlette(
        routes=[endpoint.route() for endpoint in ENDPOINTS] + page_routes(),
        middleware=[
            Middleware(Measured),
            Middleware(Repeats, services=services, most_bytes=min(MOST_BYTES, settings.limits.cache_bytes)),
            Middleware(Hardened, is_open=settings.auth.mode == "off"),
            Middleware(GZipMiddleware, minimum_size=LARGE, compresslevel=4, exclude_content_types=COMPRESSED),
            Middleware(ZstdMiddleware, minimum_size=LARGE, exclude_content_types=COMPRESSED),
        ],
        exception_handlers=HANDLERS,
        lifespan=lifespan,
    )
    app.state.services = services
    return app
