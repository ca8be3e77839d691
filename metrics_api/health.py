"""Health: whether the process lives, whether it can answer, and its own metrics for Prometheus."""

import time
from typing import Annotated, Literal

import structlog
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from pydantic import BaseModel
from sqlalchemy import text
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from metrics_api.auth import authenticate
from metrics_api.endpoint import Produces
from metrics_api.errors import ApiError
from metrics_api.policy import require
from metrics_api.runs import lake_metrics
from metrics_api.services import Client, Services
from queries.lake_error import LakeError
from queries.scope import EVERYTHING

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")

REGISTRY = CollectorRegistry()
REQUESTS = Counter(
    "metrics_api_requests", "Requests that were answered.", ["method", "path", "code"], registry=REGISTRY
)
SECONDS = Histogram("metrics_api_request_seconds", "How long answers took.", ["method", "path"], registry=REGISTRY)
LAKE_UP = Gauge("metrics_api_lake_up", "Whether the lake could be read.", registry=REGISTRY)

log = structlog.get_logger()


class Health(BaseModel):
    status: Literal["ok"] = "ok"


async def is_alive() -> Health:
    """The process answers."""
    return Health()


async def is_ready(services: Services) -> Health:
    """The lake and the control database can be read; 503 where they cannot."""
    try:
        await run_in_threadpool(probe, services)
    except Exception as error:  # whatever it is, we are not ready, and say why
        raise ApiError(503, f"not ready: {error}") from None
    return Health()


def probe(services: Services) -> None:
    services.engine.lake.snapshot()
    with services.control.session() as session:
        session.execute(text("select 1"))


async def read_own_metrics(services: Services, client: Client) -> Annotated[Response, Produces(str, ("text/plain",))]:
    """The service's own metrics, in Prometheus's format, also while the lake cannot be read."""
    if services.settings.auth.metrics == "required":
        require(await authenticate(client.authorization, services), "read", "scrapeable-metrics")
    await run_in_threadpool(services.follow_clusters)
    try:
        of_lake = await run_in_threadpool(
            lambda: generate_latest(lake_metrics(services.asker(EVERYTHING), services.register))
        )
        LAKE_UP.set(1)
    except LakeError as error:
        log.error("the lake cannot be read", problem=str(error))
        LAKE_UP.set(0)
        of_lake = b""
    return Response(generate_latest(REGISTRY) + of_lake, media_type=CONTENT_TYPE_LATEST)


class Measured:
    """Middleware that counts and times requests by the path of their route, of which there are few."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        code = 500
        began = time.perf_counter()

        async def noting(message: Message) -> None:
            nonlocal code
            if message["type"] == "http.response.start":
                code = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, noting)
        finally:
            route = scope.get("route")
            path = getattr(route, "path", "(none)")
            method = scope["method"] if scope["method"] in METHODS else "other"
            REQUESTS.labels(method, path, code).inc()
            SECONDS.labels(method, path).observe(time.perf_counter() - began)
