"""Streaming: an export as a response whose pieces are made when the client takes them. A client that is slow holds no
thread and no more than a piece; one that goes away ends the query."""

import asyncio
from collections import Counter
from collections.abc import Generator, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import chain, islice

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from metrics_api.encoding import encode
from metrics_api.errors import ApiError
from metrics_api.formats import MEDIA_TYPE_OF, ExportFormat
from metrics_api.lines import share
from metrics_api.pool import end
from queries.engine import Engine
from queries.exports import Extract
from queries.settings import Limits
from queries.stop import Stop

ROWS_AT_ONCE: Mapping[ExportFormat, int] = {"csv": 8_192, "ndjson": 2_048, "arrow": 16_384, "parquet": 32_768}
"""What makes pieces of some megabytes, and row groups that compress well."""


def encode_extract(extract: Extract, engine: Engine, form: ExportFormat) -> Generator[bytes]:
    """A whole file, in pieces. The first comes when there are rows: what fails before, fails at once."""
    batches = extract.batches(engine, ROWS_AT_ONCE[form])
    first = list(islice(batches, 1))
    yield from encode(form, extract.schema, chain(first, batches))


class Exporting:
    """The exports that are under way, and the threads that make their pieces."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.threads = ThreadPoolExecutor(limits.exports, "export")
        self.held: Counter[str] = Counter()

    @property
    def count(self) -> int:
        return self.held.total()

    @contextmanager
    def place(self, who: str) -> Iterator[None]:
        """Room for one more of somebody's.

        Raises:
            ApiError: 503, where there is none.
        """
        if self.count >= self.limits.exports:
            raise none_left(f"{self.count} exports are under way, as many as there may be (limits.exports)")
        if self.held[who] >= share(self.limits.exports):
            raise none_left(
                f"{self.held[who]} exports of yours are under way; the rest of limits.exports is for others"
            )
        self.held[who] += 1
        try:
            yield
        finally:
            self.held -= Counter([who])

    def close(self) -> None:
        self.threads.shutdown(wait=False, cancel_futures=True)


def none_left(why: str) -> ApiError:
    return ApiError(503, f"{why}; try again later", headers={"Retry-After": "30"})


class Streamed(StreamingResponse):
    """An export on its way. What fails before the first piece is an error like any other; what fails later breaks the
    connection off, so that no part of a file passes for the whole."""

    def __init__(
        self,
        exporting: Exporting,
        who: str,
        engine: Engine,
        extract: Extract,
        form: ExportFormat,
        headers: dict[str, str],
    ) -> None:
        self.exporting = exporting
        self.who = who
        self.stop = Stop()
        self.pieces = encode_extract(extract, engine.within(self.stop, engine.most_rows), form)
        super().__init__((), headers=headers, media_type=MEDIA_TYPE_OF[form])

    async def __call__(self, _: Scope, receive: Receive, send: Send) -> None:
        with self.exporting.place(self.who):
            sending = asyncio.ensure_future(self.stream_response(send))
            gone = asyncio.ensure_future(self.listen_for_disconnect(receive))
            try:
                await asyncio.wait({sending, gone}, return_when=asyncio.FIRST_COMPLETED)
                if sending.done():
                    sending.result()
            finally:
                sending.cancel()
                gone.cancel()
                await asyncio.gather(sending, gone, return_exceptions=True)

    async def stream_response(self, send: Send) -> None:
        work = self._next()
        try:
            piece = await asyncio.wrap_future(work)
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            while piece is not None:
                async with asyncio.timeout(self.exporting.limits.patience.total_seconds()):
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
                work = self._next()
                piece = await asyncio.wrap_future(work)
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            end(self.stop, work)
            work.add_done_callback(lambda _: self.pieces.close())

    def _next(self) -> Future[bytes | None]:
        return self.exporting.threads.submit(next, self.pieces, None)
