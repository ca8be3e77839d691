"""Hardened: headers that every answer has, whatever gives it."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}
"""What a browser may not make of an answer, and that nobody keeps it. Pages say themselves what they load, and answers
that may be kept say so."""

OPEN = {"X-Auth-Mode": "off"}
"""Said where everybody sees everything."""


class Hardened:
    """Middleware that adds headers where an answer has none of that name."""

    def __init__(self, app: ASGIApp, is_open: bool) -> None:
        self.app = app
        told = HEADERS | (OPEN if is_open else {})
        self.headers = [(name.lower().encode(), value.encode()) for name, value in told.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def adding(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = {name for name, _ in message["headers"]}
                added = [(name, value) for name, value in self.headers if name not in given]
                message["headers"] = [*message["headers"], *added]
            await send(message)

        await self.app(scope, receive, adding if scope["type"] == "http" else send)
