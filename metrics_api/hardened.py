"""Hardened: headers that every answer has, whatever gives it."""

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}
"""What a browser may not make of an answer. Pages say themselves what they load."""

OPEN = {"X-Auth-Mode": "off"}
"""Said where everybody sees everything."""


class Hardened:
    """Middleware that adds headers where an answer has none of that name."""

    def __init__(self, app: ASGIApp, is_open: bool) -> None:
        self.app = app
        self.headers = HEADERS | (OPEN if is_open else {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def adding(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self.headers.items():
                    headers.setdefault(name, value)
            await send(message)

        await self.app(scope, receive, adding if scope["type"] == "http" else send)
