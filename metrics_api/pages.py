"""Pages: the web page, and the documentation. All they load comes from this server: many clusters are cut off from the
internet."""

import json
from functools import cache
from importlib.resources import files
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from metrics_api.openapi import describe
from metrics_api.routes import ENDPOINTS

WEB = files("dashboards") / "web"

POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)
"""What pages may load and run. Plotly and Swagger UI set styles on elements."""


async def show_page(_: Request) -> Response:
    return page("index.html")


async def show_docs(_: Request) -> Response:
    return page("docs.html")


def page(name: str) -> Response:
    return FileResponse(str(WEB / name), headers={"Content-Security-Policy": POLICY, "Cache-Control": "no-cache"})


async def show_openapi(_: Request) -> Response:
    document = await run_in_threadpool(written)
    return Response(document, media_type="application/json", headers={"Cache-Control": "no-cache"})


@cache
def written() -> bytes:
    """The document of all endpoints, which takes a second to make."""
    return json.dumps(describe(ENDPOINTS), separators=(",", ":")).encode()


class Files(StaticFiles):
    """Files that may be kept, and are asked for again each time."""

    cache_control = "no-cache"

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        response = super().file_response(*args, **kwargs)
        response.headers["Cache-Control"] = self.cache_control
        return response


class Lasting(Files):
    """Files of installed packages: they change with a release only."""

    cache_control = "public, max-age=86400"


def page_routes() -> list[BaseRoute]:
    return [
        Route("/", show_page),
        Route("/api/docs", show_docs),
        Route("/openapi.json", show_openapi),
        Mount("/web", Files(directory=str(WEB))),
        Mount("/assets/plotly", Lasting(packages=[("plotly", "package_data")])),
        Mount("/assets/swagger", Lasting(packages=[("swagger_ui", "static")])),
    ]
