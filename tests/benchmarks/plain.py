"""Plain: a Starlette application whose one route returns given bytes, to compare with."""

import os
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

BODY = Path(os.environ["PLAIN_BODY"]).read_bytes()


async def answer(_: Request) -> Response:
    return Response(BODY, media_type="application/json")


app = Starlette(routes=[Route("/plain", answer)])
