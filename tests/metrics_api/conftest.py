"""What tests of asking share: which questions are computed, and questions that never end."""

import threading
from typing import Any

import jinja2
import pytest

from queries.engine import Engine

SLOW = "select max(a.range * b.range) as time from range(10_000_000) as a, range(10_000_000) as b"
"""Days of work, made on purpose."""


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The questions that DuckDB is asked."""
    names: list[str] = []
    run = Engine._run

    def noting(self: Engine, question: str, *arguments: Any, **named: Any) -> Any:
        names.append(question)
        return run(self, question, *arguments, **named)

    monkeypatch.setattr(Engine, "_run", noting)
    return names


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Every question takes days. Set when one was begun."""
    begun = threading.Event()

    def read(*_: str) -> Any:
        begun.set()
        return jinja2.Template(SLOW)

    monkeypatch.setattr("queries.engine.read_template", read)
    return begun
