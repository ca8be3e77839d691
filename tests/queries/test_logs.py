"""What others wrote forges no line of a log, whoever reads it."""

import io
import json
import sys

import pytest
import structlog

from queries.logs import write_logs

FORGED = '/nowhere\n2026-01-01 [info] all is well\r\x1b[2J\x9b31m\u2028\u202e"'


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(params=[Terminal, io.StringIO], ids=["terminal", "file"])
def log(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    stream: io.StringIO = request.param()
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stderr", stream)
        write_logs()
        structlog.get_logger().error("failed", path=FORGED, user=FORGED, code=500)
    write_logs()
    return stream


def test_an_event_is_one_line_whatever_it_tells(log: io.StringIO) -> None:
    text = log.getvalue()
    assert len(text.splitlines()) == 1
    assert not set(text.removesuffix("\n").replace("\x1b[0m", "")) & set("\n\r\x9b\u2028\u202e")
    assert "\x1b[2J" not in text
    assert "all is well" in text


def test_machines_read_what_was_given() -> None:
    stream, before = io.StringIO(), sys.stderr
    sys.stderr = stream
    try:
        write_logs()
        structlog.get_logger().error("failed", path="/é\n", code=500)
    finally:
        sys.stderr = before
        write_logs()
    told = json.loads(stream.getvalue())
    assert (told["path"], told["code"]) == ("/é\\n", 500)
