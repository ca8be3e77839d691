"""The benchmarks' own data: both servers are told the same, and it is what a real site would tell."""

import re
from itertools import pairwise

import msgspec

from tests.benchmarks.servers import import_lines, openmetrics
from tests.benchmarks.site import DAY, Series, Site

SITE = Site(8, 1)


def told() -> list[Series]:
    return list(SITE.series(range(DAY)))


def test_both_servers_are_told_the_same_samples() -> None:
    ours = {
        (float(value), round(float(time) * 1000))
        for value, time in re.findall(r"^.*} (\S+) (\S+)$", openmetrics(told()), re.MULTILINE)
    }
    theirs = {
        (value, time)
        for line in map(msgspec.json.decode, import_lines(told()))
        for value, time in zip(line["values"], line["timestamps"], strict=True)
    }
    assert ours == theirs


def test_a_day_told_in_pieces_is_the_same_day() -> None:
    whole = {(s.metric, *s.labels.values(), t): v for s in told() for t, v in zip(s.times, s.values, strict=True)}
    pieces = {
        (s.metric, *s.labels.values(), t): v
        for piece in (range(500), range(500, DAY))
        for s in SITE.series(piece)
        for t, v in zip(s.times, s.values, strict=True)
    }
    assert pieces == whole


def test_every_gpu_is_told_of_in_every_minute_by_one_pod() -> None:
    times = sorted(t for s in told() if s.metric == "DCGM_FI_DEV_POWER_USAGE" for t in s.times)
    assert len(times) == SITE.gpus * DAY
    energy = [s for s in told() if s.metric == "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION"]
    assert all(before <= after for s in energy for before, after in pairwise(s.values))
