"""Proof: a secret is looked at, but not too often and not too many at once."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from metrics_api.access.throttle import Throttle
from metrics_api.services import Services
from queries.control.identity import Identity
from queries.control.secret import is_made

HASHING = ThreadPoolExecutor(4, "secrets")
"""Hashing takes a processor and 64 MB each; who waits for it keeps no thread of others."""


class TooSoonError(Exception):
    """There were too many failures; the message says when to try again."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"too many attempts failed; try again in {seconds} s")
        self.seconds = seconds


async def prove(
    services: Services, account: str, secret: str, address: str, check: Callable[[], Identity | None]
) -> Identity | None:
    """Whom a secret proves to be, if anybody.

    Raises:
        TooSoonError: the account or the address failed too often.
    """
    look = attempt_of_program if is_made(secret) else attempt_of_person
    return await asyncio.get_running_loop().run_in_executor(HASHING, look, services.throttle, account, address, check)


def attempt_of_person(
    throttle: Throttle, account: str, address: str, check: Callable[[], Identity | None]
) -> Identity | None:
    """Whether it is too soon is asked last: of many that come at once, the first failures count for the others."""
    seconds = throttle.wait_seconds(account, address)
    if seconds:
        raise TooSoonError(seconds)
    identity = check()
    if identity is None:
        throttle.fail(account, address)
    else:
        throttle.succeed(account, address)
    return identity


def attempt_of_program(
    throttle: Throttle, account: str, address: str, check: Callable[[], Identity | None]
) -> Identity | None:
    """What we made up at random nobody guesses, and a program with an old secret must not shut out others at its
    address: failures only keep the audit log short."""
    identity = check()
    if identity is None:
        program = f"a program at {address}"
        seconds = throttle.wait_seconds(account, program)
        if seconds:
            raise TooSoonError(seconds)
        throttle.fail(account, program)
    return identity
