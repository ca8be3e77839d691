import pytest

from metrics_api.access.throttle import FORGOTTEN_SECONDS, LIMITS, MOST, Throttle, network_of


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def throttle(clock: Clock) -> Throttle:
    return Throttle(clock)


def guess(throttle: Throttle, times: int, account: str = "ada", address: str = "192.0.2.1") -> None:
    for _ in range(times):
        throttle.fail(account, address)


def test_people_may_mistype(throttle: Throttle) -> None:
    guess(throttle, 4)
    assert throttle.wait_seconds("ada", "192.0.2.1") == 0


def test_each_failure_doubles_the_wait_up_to_a_minute(throttle: Throttle, clock: Clock) -> None:
    guess(throttle, 4)
    waits = []
    for _ in range(9):
        guess(throttle, 1)
        waits.append(throttle.wait_seconds("ADA", "192.0.2.1"))
        clock.now += waits[-1]
        assert throttle.wait_seconds("ada", "192.0.2.1") == 0
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_success_and_time_forgive(throttle: Throttle, clock: Clock) -> None:
    guess(throttle, 10)
    throttle.succeed("ada", "192.0.2.1")
    assert throttle.wait_seconds("ada", "192.0.2.1") == 0
    guess(throttle, 10)
    assert throttle.wait_seconds("ada", "192.0.2.1") > 0
    clock.now += FORGOTTEN_SECONDS + 1
    guess(throttle, 4)
    assert throttle.wait_seconds("ada", "192.0.2.1") == 0


def test_who_guesses_does_not_shut_out_who_knows(throttle: Throttle) -> None:
    guess(throttle, 40)
    assert throttle.wait_seconds("ada", "192.0.2.1") > 0
    assert throttle.wait_seconds("ada", "192.0.2.2") == 0


def test_guesses_from_everywhere_are_slowed_a_little(throttle: Throttle) -> None:
    for number in range(200):
        guess(throttle, 1, address=f"192.0.{number}.1")
    assert 0 < throttle.wait_seconds("ada", "198.51.100.1") <= LIMITS["account"].longest_seconds


def test_one_address_cannot_try_many_accounts(throttle: Throttle) -> None:
    for number in range(30):
        guess(throttle, 1, account=f"user-{number}")
    assert throttle.wait_seconds("another", "192.0.2.1") == 60


def test_a_network_of_the_new_protocol_is_one_address() -> None:
    assert network_of("2001:db8:1:2:3:4:5:6") == network_of("2001:db8:1:2::1")
    assert network_of("2001:db8:1:3::1") != network_of("2001:db8:1:2::1")
    assert network_of("testclient") == "testclient"


def test_memory_is_bounded(throttle: Throttle) -> None:
    for number in range(MOST // 2):
        guess(throttle, 1, f"{number}", f"{number}")
    assert len(throttle._failures) <= MOST
