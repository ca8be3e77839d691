"""Servers that answer a Prometheus's questions wrongly, each in its own way."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Answer = tuple[int, bytes]

RUBBISH: dict[str, Answer] = {
    "a login page": (200, b"<html><form>Sign in</form></html>"),
    "another JSON": (200, b'{"hello": "world"}'),
    "an error with status 200": (200, b'{"status":"error","errorType":"internal","error":"no"}'),
    "half of an answer": (
        200,
        b'{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"values":[[17',
    ),
    "no pairs": (
        200,
        b'{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"values":[[1],[2,"3"]]}]}}',
    ),
    "words for numbers": (
        200,
        b'{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"values":[[1,"much"]]}]}}',
    ),
    "bytes": (200, bytes(range(256))),
    "nothing": (200, b""),
}


@contextmanager
def server(respond: Callable[[str], Answer]) -> Iterator[str]:
    """A server on a free loopback port: what it answers depends on the path that is asked."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = respond(self.path)
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET

        def log_message(self, *_: object) -> None:
            """Tests are not interested."""

    serving = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    serving.daemon_threads = True
    thread = threading.Thread(target=serving.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{serving.server_address[1]}"
    finally:
        serving.shutdown()
        serving.server_close()
        thread.join()
