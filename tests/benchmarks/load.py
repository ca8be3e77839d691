"""Load: many clients that ask over and over, each on a connection of its own."""

import asyncio
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

LENGTH = b"content-length: "


@dataclass(frozen=True)
class Load:
    """How long each answer took, and how many there were in a second."""

    seconds: list[float]
    per_second: float

    def percentile(self, share: int) -> float:
        return statistics.quantiles(self.seconds, n=100)[share - 1]


def load(url: str, paths: Sequence[str], clients: int, seconds: float) -> Load:
    """So many clients ask for these paths in turn, for so long.

    Raises:
        AssertionError: an answer was not 200.
    """
    return asyncio.run(ask_all(url, paths, clients, seconds))


async def ask_all(url: str, paths: Sequence[str], clients: int, seconds: float) -> Load:
    began = time.perf_counter()
    asked = [ask_until(url, paths, number, began + seconds) for number in range(clients)]
    taken = [each for answers in await asyncio.gather(*asked) for each in answers]
    return Load(taken, len(taken) / (time.perf_counter() - began))


async def ask_until(url: str, paths: Sequence[str], number: int, end: float) -> list[float]:
    """The seconds that each answer took. number: which of the paths is the first."""
    where = urlsplit(url)
    reader, writer = await asyncio.open_connection(where.hostname, where.port, limit=1 << 24)
    taken: list[float] = []
    while (began := time.perf_counter()) < end:
        path = paths[(number + len(taken)) % len(paths)]
        writer.write(f"GET {path} HTTP/1.1\r\nHost: {where.netloc}\r\n\r\n".encode())
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        assert head.startswith(b"http/1.1 200"), head
        after = head.index(LENGTH) + len(LENGTH)
        await reader.readexactly(int(head[after : head.index(b"\r", after)]))
        taken.append(time.perf_counter() - began)
    writer.close()
    return taken
