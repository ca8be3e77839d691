"""Body: what a request carries, read within the limits."""

import asyncio

from starlette.requests import ClientDisconnect, Request

from metrics_api.errors import ApiError
from queries.duration import format_duration
from queries.settings import Limits

FORM = "application/x-www-form-urlencoded"
"""What curl says of every body, unless it is told what it sends: so it may be JSON, too."""


async def read_body(request: Request, media_type: str, limits: Limits) -> bytes:
    """All of it, if it is what is wanted, not too large, and not too slow.

    Raises:
        ApiError: 400, 408, 413 or 415, naming the limit that was reached.
    """
    check_type(request.headers.get("content-type", ""), media_type)
    if limits.body_bytes < announced(request):
        raise too_large(limits)
    try:
        async with asyncio.timeout(limits.request_time.total_seconds()):
            return await gathered(request, limits)
    except TimeoutError:
        longest = format_duration(limits.request_time)
        close = {"Connection": "close"}
        raise ApiError(408, f"the body did not come within {longest} (limits.request_time)", headers=close) from None
    except ClientDisconnect:
        raise ApiError(400, "the body broke off") from None


def check_type(content_type: str, wanted: str) -> None:
    given = content_type.partition(";")[0].strip().lower()
    if given not in ("", wanted, FORM) and not (wanted == "application/json" and given.endswith("+json")):
        raise ApiError(415, f"Content-Type: {given!r} is not understood here; send {wanted}")


def announced(request: Request) -> int:
    """How many bytes there will be, as far as the client says."""
    length = request.headers.get("content-length", "")
    return int(length) if length.isdecimal() else 0


async def gathered(request: Request, limits: Limits) -> bytes:
    pieces, size = [], 0
    async for piece in request.stream():
        pieces.append(piece)
        size += len(piece)
        if size > limits.body_bytes:
            raise too_large(limits)
    return b"".join(pieces)


def too_large(limits: Limits) -> ApiError:
    return ApiError(413, f"the body has more than {limits.body_bytes} bytes (limits.body_bytes)")
