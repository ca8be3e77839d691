"""Connection: HTTP as uvicorn speaks it, with an end to how large the head of a request may be and how long it may
take; and with the one shape of errors for what is no HTTP."""

from asyncio import TimerHandle, Transport
from typing import ClassVar

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from metrics_api.errors import Error
from metrics_api.hardened import HEADERS
from queries.duration import format_duration
from queries.settings import Limits

LARGEST_HEAD = 1 << 16
"""Bytes of the address and the headers of a request together."""

TOO_LONG = Error(code=414, message=f"the address has more than {LARGEST_HEAD} bytes; name less in one request")
TOO_LARGE = Error(code=431, message=f"the address and the headers have more than {LARGEST_HEAD} bytes together")
INVALID = Error(code=400, message="this is no HTTP request that can be understood")


class Connection(HttpToolsProtocol):
    """Where nothing is answered, a head is waited for: it has an end in time and in size. What is still sent of a body
    after the answer is thrown away, as long as a head may take."""

    limits: ClassVar[Limits]

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.waiting: TimerHandle | None = None
        self.head_bytes = 0
        self.is_in_body = False
        self.trouble = INVALID
        self._wait()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.cycle is None or self.cycle.response_complete:
            self._wait()
            self.head_bytes += 0 if self.is_in_body else len(data)
            if self.head_bytes > LARGEST_HEAD and not self.transport.is_closing():
                self._refuse(TOO_LARGE)

    def on_headers_complete(self) -> None:
        if len(self.url) + sum(len(name) + len(value) for name, value in self.headers) > LARGEST_HEAD:
            self.trouble = TOO_LONG if len(self.url) > LARGEST_HEAD else TOO_LARGE
            raise ValueError(self.trouble.message)  # the parser gives up, and send_400_response is called
        self._wait_no_more()
        self.is_in_body = True
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self.is_in_body = False
        super().on_message_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._wait_no_more()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002  # we say what is wrong ourselves
        self._refuse(self.trouble)

    def _wait(self) -> None:
        if self.waiting is None and not self.transport.is_closing():
            self.waiting = self.loop.call_later(self.limits.request_time.total_seconds(), self._give_up)

    def _wait_no_more(self) -> None:
        self.head_bytes = 0
        if self.waiting:
            self.waiting.cancel()
            self.waiting = None

    def _give_up(self) -> None:
        if self.head_bytes and not self.transport.is_closing():
            longest = format_duration(self.limits.request_time)
            self._refuse(Error(code=408, message=f"the request did not come within {longest} (limits.request_time)"))
        self.transport.close()

    def _refuse(self, error: Error) -> None:
        body = error.model_dump_json(exclude_none=True).encode()
        told = {"Content-Type": "application/json", "Content-Length": str(len(body)), "Connection": "close"} | HEADERS
        lines = [f"{name}: {value}\r\n".encode() for name, value in told.items()]
        self.transport.write(b"".join([STATUS_LINE[error.code], *lines, b"\r\n", body]))
        self.transport.close()


def connection(limits: Limits) -> type[Connection]:
    """The connections of a server with these limits."""
    return type("Connection", (Connection,), {"limits": limits})
