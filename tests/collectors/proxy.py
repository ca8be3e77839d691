"""A reverse proxy, as Thanos, Mimir and the like stand behind one: a path before ``/api/v1``, and tenants by header."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import requests

TENANT = "X-Scope-OrgID"


@contextmanager
def proxy(behind: str, prefix: str, tenant: str, header: str = TENANT) -> Iterator[str]:
    """A server that passes on what is asked below a path by a tenant, or by who has another header right; yields its
    address without the path."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if not self.path.startswith(f"{prefix}/api/v1/"):
                self.answer(404, b"404 page not found")
            elif self.headers[header] != tenant:
                self.answer(401, b"no org id")
            else:
                body = self.rfile.read(int(self.headers["Content-Length"] or 0))
                kind = {"Content-Type": self.headers["Content-Type"]} if body else {}
                url = behind + self.path.removeprefix(prefix)
                passed = requests.request(self.command, url, data=body, headers=kind, timeout=60)
                self.answer(passed.status_code, passed.content)

        do_POST = do_GET

        def answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

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
