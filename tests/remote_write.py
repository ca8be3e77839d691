"""Remote write: how a Prometheus hands samples on, with the marks that end a series, which no text format has."""

import struct
from collections.abc import Iterable, Iterator, Mapping

import pyarrow as pa
import requests

END = struct.unpack("<d", struct.pack("<Q", 0x7FF0000000000002))[0]
"""Prometheus's mark that a series has ended: a NaN of its own."""

Sample = tuple[int, float]
"""Unix milliseconds and value."""

HEADERS = {
    "Content-Encoding": "snappy",
    "Content-Type": "application/x-protobuf",
    "X-Prometheus-Remote-Write-Version": "0.1.0",
}


def send(url: str, series: Iterable[tuple[Mapping[str, str], Iterable[Sample]]]) -> None:
    """Hand samples to a Prometheus (started with ``--web.enable-remote-write-receiver``) or VictoriaMetrics."""
    request = b"".join(part(1, encoded(labels, samples)) for labels, samples in series)
    body = pa.compress(request, codec="snappy", asbytes=True)
    requests.post(f"{url}/api/v1/write", data=body, headers=HEADERS, timeout=60).raise_for_status()


def encoded(labels: Mapping[str, str], samples: Iterable[Sample]) -> bytes:
    """A TimeSeries of the protocol, as protobuf: labels in order, then samples."""
    named = (part(1, part(1, name.encode()) + part(2, labels[name].encode())) for name in sorted(labels))
    told = (part(2, b"\x09" + struct.pack("<d", value) + b"\x10" + bytes(varint(time))) for time, value in samples)
    return b"".join((*named, *told))


def part(number: int, content: bytes) -> bytes:
    """A field of a message that is itself a message, or text."""
    return bytes((*varint(number << 3 | 2), *varint(len(content)))) + content


def varint(number: int) -> Iterator[int]:
    """Seven bits a byte, the lowest first; all but the last have the eighth set."""
    while number > 0x7F:
        yield number & 0x7F | 0x80
        number >>= 7
    yield number
