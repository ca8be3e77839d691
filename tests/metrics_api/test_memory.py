"""What was worked out serves the next answer, too."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from metrics_api import memory
from metrics_api.memory import Memory


@dataclass
class Work:
    """Counts how often it is done."""

    done: list[str] = field(default_factory=list)

    def make(self, value: str) -> Callable[[], "asyncio.Future[str]"]:
        async def work() -> str:
            await asyncio.sleep(0)
            self.done.append(value)
            return value

        return lambda: asyncio.ensure_future(work())


def test_what_several_ask_for_at_once_is_made_once() -> None:
    kept, work = Memory(), Work()

    async def ask() -> list[str]:
        return await asyncio.gather(*(kept.get("key", 1, work.make("a")) for _ in range(3)))

    assert asyncio.run(ask()) == ["a", "a", "a"]
    assert asyncio.run(kept.get("key", 1, work.make("b"))) == "a"
    assert work.done == ["a"]


def test_another_version_is_made_anew() -> None:
    kept, work = Memory(), Work()
    assert asyncio.run(kept.get("key", 1, work.make("a"))) == "a"
    assert asyncio.run(kept.get("key", 2, work.make("b"))) == "b"


def test_nobody_waits_for_the_newest_version_within_the_grace() -> None:
    now = [0.0]
    kept, work = Memory(lambda: now[0]), Work()

    async def ask() -> list[str]:
        first = await kept.get("key", 1, work.make("a"), grace_seconds=10)
        now[0] = 9.0
        second = await kept.get("key", 2, work.make("b"), grace_seconds=10)
        await asyncio.sleep(0.01)
        third = await kept.get("key", 2, work.make("c"), grace_seconds=10)
        now[0] = 20.0
        return [first, second, third, await kept.get("key", 3, work.make("d"), grace_seconds=10)]

    assert asyncio.run(ask()) == ["a", "a", "b", "d"]
    assert work.done == ["a", "b", "d"]


def test_no_more_is_kept_than_there_is_room_for() -> None:
    kept, work = Memory(), Work()
    for number in range(memory.MOST + 1):
        asyncio.run(kept.get(number, 0, work.make(str(number))))
    assert asyncio.run(kept.get(0, 0, work.make("again"))) == "again"
