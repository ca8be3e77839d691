"""Who is next where all threads work."""

import threading
from collections.abc import Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager

import pytest

from metrics_api import lines
from metrics_api.lines import LineError, Lines, share


@contextmanager
def opened(places: int) -> Iterator[Lines]:
    made = Lines(places, "test")
    yield made
    made.close()


class Work:
    """Pieces of work that go on until they are let go, and the order in which they were begun."""

    def __init__(self, lines: Lines) -> None:
        self.lines = lines
        self.begun: list[str] = []
        self.are_over = threading.Event()
        self.futures: list[Future[None]] = []

    def ask(self, who: str, count: int) -> None:
        self.futures += [self.lines.submit(who, self.do, who) for _ in range(count)]

    def do(self, who: str) -> None:
        self.begun.append(who)
        self.are_over.wait()

    def finish(self) -> list[str]:
        self.are_over.set()
        wait(self.futures)
        return self.begun


def test_others_begin_at_once_while_somebody_asks_a_lot() -> None:
    with opened(4) as made:
        work = Work(made)
        work.ask("greedy", 100)
        work.ask("modest", 1)
        assert [future.running() for future in work.futures] == [True] * 3 + [False] * 97 + [True]
        assert len(work.finish()) == 101


def test_lines_take_turns() -> None:
    with opened(1) as made:
        work = Work(made)
        work.ask("ada", 4)
        work.ask("bob", 2)
        work.ask("cleo", 1)
        assert work.finish() == ["ada", "ada", "bob", "cleo", "ada", "bob", "ada"]


@pytest.mark.parametrize(("places", "of_one"), [(1, 1), (2, 1), (3, 2), (4, 3), (8, 6), (64, 48)])
def test_one_never_has_all_places(places: int, of_one: int) -> None:
    assert share(places) == of_one


def test_what_fails_fails_for_whoever_asked_alone() -> None:
    with opened(1) as made:
        failing, after = made.submit("ada", int, "x"), made.submit("ada", int, "7")
        assert isinstance(failing.exception(), ValueError)
        assert after.result() == 7
    assert (made.free, dict(made._held), dict(made._lines)) == (1, {}, {})


def test_what_nobody_waits_for_any_more_is_not_begun() -> None:
    with opened(1) as made:
        work = Work(made)
        work.ask("ada", 3)
        assert work.futures[1].cancel()
        assert work.finish() == ["ada", "ada"]


def test_a_line_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "LONGEST", 5)
    with opened(1) as made:
        work = Work(made)
        work.ask("greedy", 6)
        with pytest.raises(LineError):
            work.ask("greedy", 1)
        work.ask("modest", 1)
        assert len(work.finish()) == 7
