"""Pages: the web page, and the documentation. All they load comes from this server: many clusters are cut off from the
internet."""

from importlib.resources import files
from typing import Any

from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

WEB = files("dashboards") / "web"

DOCS = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Metrics API</title>
<link rel="icon" href="/web/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/assets/swagger/swagger-ui.css">
<div id="docs"></div>
<script src="/assets/swagger/swagger-ui-bundle.js"></script>
<script src="/web/docs.js"></script>
</html>
"""

POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)
"""What pages may load and run. Plotly and Swagger UI set styles on elements."""


async def show_page(_: Request) -> Response:
    return FileResponse(
        str(WEB / "index.html"), headers={"Content-Security-Policy": POLICY, "Cache-Control": "no-cache"}
    )


async def show_docs(_: Request) -> Response:
    return HTMLResponse(DOCS, headers={"Content-Security-Policy": POLICY, "Cache-Control": "no-cache"})


async def show_openapi(request: Request) -> Response:
    return JSONResponse(request.app.state.openapi, headers={"Cache-Control": "no-cache"})


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
