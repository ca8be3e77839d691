"""An app, served as users reach it."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.applications import Starlette

from metrics_api.connection import connection


@contextmanager
def serving(app: Starlette) -> Iterator[str]:
    """The address of an app, served by uvicorn in a thread."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        http = connection(app.state.services.settings.limits)
        config = uvicorn.Config(app, http=http, ws="none", server_header=False, lifespan="off", log_config=None)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        thread.join()
