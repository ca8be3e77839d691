"""Gauging: what each device showed in each step. Done in numpy: it is all the samples of GPUs there are."""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from queries.catalogue import READINGS
from queries.ledger.standing import Floats, Integers, Stands

COPIES = 1.05
"""Series of one device that together cover more of a step than this are copies of each other, and not one after the
other."""


def gauge(stands: Stands, gpu_series: pa.Table, start: int, until: int, step: int) -> pa.Table:
    """One row per device and step in which anything was shown, one column per reading: the mean over the time that
    samples cover.

    Series of one device that follow each other (the label of the holder changed) are joined in time; of copies (two
    exporters, a replica of Prometheus, the same value for each of several holders) the largest value counts.
    """
    device_of, reading_of = (numbers_by_series(gpu_series, name) for name in ("device", "reading"))
    is_gpu = stands.series < len(device_of)
    is_gpu[is_gpu] = device_of[stands.series[is_gpu]] >= 0
    stands = stands.of(is_gpu & ~np.isnan(stands.values) & (stands.until > start) & (stands.since < until))
    reading = reading_of[stands.series]
    steps = (until - start) // step
    device = device_of[stands.series]
    cells = (device.max(initial=0) + 1) * steps
    columns = {}
    is_shown = np.zeros(cells, bool)
    for number in gpu_series["reading"].unique().to_pylist():
        own = reading == number
        values = mean_per_step(stands.of(own), device[own] * steps, cells, start, until, step)
        is_shown |= ~np.isnan(values)
        columns[number] = values
    shown = np.flatnonzero(is_shown)
    table = {"device": shown // steps, "step": start + shown % steps * step}
    names = {reading.number: reading.column for reading in READINGS.values()}
    table |= {names[number]: pa.array(values[shown], from_pandas=True) for number, values in columns.items()}
    return pa.table(table)


def numbers_by_series(gpu_series: pa.Table, name: str) -> Integers:
    """A column of the GPU series, by the number of the series; -1 for other series."""
    series = gpu_series["series"].to_numpy()
    numbers = np.full(series.max(initial=-1) + 1, -1, np.int64)
    numbers[series] = gpu_series[name].to_numpy()
    return numbers


def mean_per_step(stands: Stands, offset: Integers, cells: int, start: int, until: int, step: int) -> Floats:
    """The values of one reading in each cell (device x step), NaN where none is. offset: of each sample, its device's
    first cell."""
    since, end = np.maximum(stands.since, start), np.minimum(stands.until, until)
    first = (since - start) // step
    is_whole = (since - start == first * step) & (end - since == step)
    result = np.full(cells, np.nan)
    place = offset + first
    if is_whole.all() and np.bincount(place, minlength=1).max() <= 1:
        result[place] = stands.values
        return result
    pieces = (end - 1 - start) // step - first + 1
    which = np.repeat(np.arange(len(pieces)), pieces)
    number = np.arange(len(which)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    step_start = start + (first[which] + number) * step
    covered = np.minimum(end[which], step_start + step) - np.maximum(since[which], step_start)
    cell = place[which] + number
    values = stands.values[which]
    total = np.bincount(cell, covered, cells)
    with np.errstate(invalid="ignore", divide="ignore"):
        result = np.bincount(cell, values * covered, cells) / total
    copied = total[cell] > COPIES * step
    if copied.any():
        put_largest(result, cell[copied], stands.series[which][copied], values[copied], covered[copied])
    return result


def put_largest(result: Floats, cell: Integers, series: Integers, values: Floats, covered: NDArray[np.int64]) -> None:
    """In cells that copies fill: the largest of the series' own means."""
    keys, place = np.unique(np.stack([cell, series]), axis=1, return_inverse=True)
    means = np.bincount(place, values * covered) / np.bincount(place, covered)
    result[np.unique(cell)] = -np.inf
    np.maximum.at(result, keys[0], means)
