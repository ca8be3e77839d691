"""Throttle: who guesses secrets gets slower."""

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv6Address, ip_address


@dataclass(frozen=True)
class Limit:
    """free: how many failures cost nothing. longest_seconds: after more of them, each doubles the time until the next
    attempt is looked at, up to this."""

    free: int
    longest_seconds: float

    def delay_seconds(self, failures: int) -> float:
        return 0.0 if failures < self.free else min(2.0 ** min(failures - self.free, 10), self.longest_seconds)


LIMITS = {
    "account and address": Limit(5, 60),
    "address": Limit(20, 60),
    "account": Limit(50, 5),
}
"""People mistype, many share an address, and who guesses from elsewhere must not shut out who knows."""

FORGOTTEN_SECONDS = 900.0
"""So long after the last failure, nothing is held against anybody."""

MOST = 30_000
"""How many accounts and addresses are remembered; those that failed longest ago are forgotten first."""

Key = tuple[str, ...]


@dataclass(frozen=True)
class Failures:
    count: int
    last: float


class Throttle:
    """Counts failures. What comes too soon after them is refused without a look at the secret, whether there is such
    an account or not."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures: OrderedDict[Key, Failures] = OrderedDict()
        self._lock = threading.Lock()

    def wait_seconds(self, account: str, address: str) -> int:
        """In how many seconds an attempt will be looked at; 0: now."""
        now = self._clock()
        with self._lock:
            waits = [self._until(key, now) - now for key in keys_of(account, address)]
        return max(0, math.ceil(max(waits)))

    def fail(self, account: str, address: str) -> None:
        now = self._clock()
        with self._lock:
            for key in keys_of(account, address):
                self._failures[key] = Failures(self._count(key, now) + 1, now)
                self._failures.move_to_end(key)
            while len(self._failures) > MOST:
                self._failures.popitem(last=False)

    def succeed(self, account: str, address: str) -> None:
        """Whoever it was knows the secret. The address keeps its failures: they may be about other accounts."""
        with self._lock:
            for key in keys_of(account, address):
                if key[0] == "account and address":
                    self._failures.pop(key, None)

    def _until(self, key: Key, now: float) -> float:
        count = self._count(key, now)
        return self._failures[key].last + LIMITS[key[0]].delay_seconds(count) if count else now

    def _count(self, key: Key, now: float) -> int:
        failures = self._failures.get(key)
        return failures.count if failures and now - failures.last <= FORGOTTEN_SECONDS else 0


def keys_of(account: str, address: str) -> list[Key]:
    name, network = account.lower()[:300], network_of(address)
    return [("account and address", name, network), ("address", network), ("account", name)]


@lru_cache(maxsize=10_000)
def network_of(address: str) -> str:
    """An address; of IPv6 the network, of which one person has all addresses."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address[:64]
    return str(IPv6Address(int(parsed) >> 64 << 64)) if isinstance(parsed, IPv6Address) else str(parsed)
