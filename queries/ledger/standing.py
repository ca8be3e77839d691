"""Standing: for which time each raw sample stands, and with which value. Done in numpy: it is all the samples there
are."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]

BLANKS = (
    (2147483632, 2147483647),
    (4294967295, 4294967295),
    (140737488355328, 140737488355343),
    (9223372036854775000, np.inf),
)
"""The numbers that DCGM answers for "no value", however plausible they look (INT32, UINT32, FP64 and INT64 blanks)."""

LATE = 1.5
"""A sample stands to the next one if that comes within so many scrape intervals, else for one interval."""

ENOUGH = 50_000
"""So many gaps between samples are enough to learn a scrape interval from."""


@dataclass(frozen=True)
class Stands:
    """Samples by series and time: each stands from ``since`` until, not including, ``until`` (Unix milliseconds) with
    ``value`` in the catalogue's unit. A value of NaN stands too, but says nothing."""

    series: Integers
    since: Integers
    until: Integers
    values: Floats

    def of(self, kept: NDArray[np.bool_] | Integers) -> "Stands":
        return Stands(self.series[kept], self.since[kept], self.until[kept], self.values[kept])


def stand(samples: pa.Table, series: pa.Table, step: int) -> Stands:
    """From raw samples, ordered by series and time, to the time that each stands for."""
    number = samples["series"].to_numpy()
    times = samples["time"].to_numpy()
    raw = samples["value"].to_numpy(zero_copy_only=False)
    scale, minimum, maximum, scrape = (by_number(series, name) for name in ("scale", "minimum", "maximum", "scrape"))
    has_next = np.append(number[1:] == number[:-1], False) if len(number) else np.empty(0, bool)
    next_times = np.append(times[1:], 0)[: len(times)]
    gaps = np.where(has_next, next_times - times, 0)
    values = raw * scale[number]
    with np.errstate(invalid="ignore"):
        impossible = is_blank(raw) | ~((values >= minimum[number]) & (values <= maximum[number]))
    values[impossible] = np.nan
    intervals = learn_intervals(gaps, scrape[number], step)[scrape[number]]
    until = np.where((gaps > 0) & (gaps <= LATE * intervals), next_times, times + intervals)
    return Stands(number, times, until, values)


def by_number(series: pa.Table, name: str) -> NDArray[Any]:
    """A column of the table of series, which are numbered from 0 in order."""
    numbers: NDArray[Any] = series[name].to_numpy(zero_copy_only=False)
    return numbers


def is_blank(raw: Floats) -> NDArray[np.bool_]:
    found = np.zeros(len(raw), bool)
    if len(raw) and np.nanmax(np.abs(raw), initial=0) >= BLANKS[0][0]:
        for low, high in BLANKS:
            found |= (np.abs(raw) >= low) & (np.abs(raw) <= high)
    return found


def learn_intervals(gaps: Integers, scrape: Integers, default: int) -> Integers:
    """The scrape interval of each scrape: the median gap between samples, or the default where there is none."""
    learned = np.full(scrape.max(initial=-1) + 1, default, np.int64)
    for number in np.flatnonzero(np.bincount(scrape)):
        own = gaps[scrape == number]
        own = own[own > 0]
        if len(own):
            learned[number] = round(np.median(own[:: max(1, len(own) // ENOUGH)]))
    return learned


def together(*parts: Stands) -> Stands:
    """Samples of several kinds, in no order."""
    arrays = zip(*((part.series, part.since, part.until, part.values) for part in parts), strict=True)
    return Stands(*(np.concatenate(array) for array in arrays))


def join(*parts: Stands) -> Stands:
    """Samples of several kinds, by series and time."""
    joined = together(*parts)
    return joined.of(np.lexsort((joined.since, joined.series)))


def unchanged(stands: Stands, is_valued: NDArray[np.bool_]) -> pa.Table:
    """For which time each series said the same without a gap: what holders, health and capacity are made of, which
    change rarely.

    is_valued: by series number, whether the value counts, or only that the series was there.
    Returns: a table of series, since, until, value.
    """
    valued = is_valued[stands.series]
    stands = stands.of(~valued | ~np.isnan(stands.values))
    values = np.where(is_valued[stands.series], stands.values, 0.0)
    is_new = np.ones(len(values), bool)
    is_new[1:] = (
        (stands.series[1:] != stands.series[:-1])
        | (stands.since[1:] != stands.until[:-1])
        | (values[1:] != values[:-1])
    )
    first = np.flatnonzero(is_new)
    last = np.append(first[1:], len(values))[: len(first)] - 1
    return pa.table(
        {
            "series": stands.series[first],
            "since": stands.since[first],
            "until": stands.until[last],
            "value": values[first],
        }
    )
