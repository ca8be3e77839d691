"""A PostgreSQL of our own: the machine's server, in a folder, on a free loopback port, as nobody in particular."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PATIENCE = 60.0

NOBODY = "nobody"


def find_program(name: str) -> str | None:
    """A program of PostgreSQL's: some systems keep them off the PATH."""
    kept = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return shutil.which(name) or (str(kept[-1]) if kept else None)


@contextmanager
def postgres(folder: Path) -> Iterator[str]:
    """The address of a server's empty database. It refuses to run as root, so then it runs as nobody."""
    initdb, server = find_program("initdb"), find_program("postgres")
    assert initdb
    assert server
    user = NOBODY if os.geteuid() == 0 else None
    data = folder / "postgres"
    data.mkdir()
    if user:
        open_way(folder)
        shutil.chown(data, user)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    subprocess.run(
        [initdb, "-D", data, "-U", "metrics", "-A", "trust", "-E", "UTF8", "--no-sync"],
        check=True,
        capture_output=True,
        user=user,
        cwd=data,
    )
    options = ["-k", str(data), "-p", str(port), "-h", "127.0.0.1", "-c", "fsync=off", "-c", "max_connections=50"]
    with (folder / "postgres.log").open("wb") as log:
        process = subprocess.Popen([server, "-D", data, *options], stdout=log, stderr=log, user=user, cwd=data)
    try:
        wait_until_open(port, process)
        yield f"postgresql://metrics@127.0.0.1:{port}/postgres"
    finally:
        process.send_signal(signal.SIGINT)  # it would wait, told otherwise, for those that are still connected
        process.wait()


def open_way(folder: Path) -> None:
    """Let others pass through the folders above, which pytest makes for its user alone."""
    assert pwd.getpwnam(NOBODY)
    for parent in (folder, *folder.parents):
        if parent.stat().st_uid == os.geteuid() and parent.stat().st_mode & 0o001 == 0:
            parent.chmod(parent.stat().st_mode | 0o011)


def wait_until_open(port: int, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        assert process.poll() is None
        try:
            with socket.create_connection(("127.0.0.1", port)) as connection:
                connection.sendall(b"\x00\x00\x00\x08\x04\xd2\x16\x2f")  # asks for TLS: a server that is up answers
                if connection.recv(1) in (b"N", b"S"):
                    return
        except OSError:
            pass
        assert time.monotonic() < deadline
        time.sleep(0.05)
