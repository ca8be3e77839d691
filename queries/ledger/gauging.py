"""Gauging: what each device showed in each step. Done in numpy: it is all the samples of GPUs there are."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from queries.catalogue import READINGS, UTILIZATIONS
from queries.ledger.standing import Floats, Integers, Stands
from queries.window import HOUR, milliseconds

HOUR_LENGTH = milliseconds(HOUR)

COPIES = 1.05
"""Series of one device that together cover more of a step than this are copies of each other, and not one after the
other."""

ALIKE = 1e-9
"""Values of several holders that differ by no more were copied from the device."""

HOLDER = ("namespace", "pod", "exported_namespace", "exported_pod", "pod_uid", "workload_kind", "workload")

PROCESSES = pa.schema([("device", pa.int32()), ("step", pa.int64()), ("series", pa.int32()), ("u", pa.float64())])


@dataclass(frozen=True)
class Gauged:
    """``readings``: one row per device and step in which anything was shown, one column per reading (the mean over the
    time that samples cover) and ``is_spoiled`` where a utilization was shown that cannot be true. ``processes``: where
    the exporter tells the processes apart that share a device, the utilization by each series."""

    readings: pa.Table
    processes: pa.Table


@dataclass(frozen=True)
class Grid:
    """Cells of device x step, numbered device by device."""

    start: int
    until: int
    step: int
    devices: int

    @property
    def steps(self) -> int:
        return (self.until - self.start) // self.step

    @property
    def hours(self) -> int:
        return -(-(self.until - self.start) // HOUR_LENGTH)

    @property
    def cells(self) -> int:
        return self.devices * self.steps

    def step_of(self, cells: Integers) -> Integers:
        return self.start + cells % self.steps * self.step


@dataclass(frozen=True)
class Pieces:
    """What stands of each sample within one cell. covered: in milliseconds."""

    cell: Integers
    series: Integers
    values: Floats
    covered: Integers

    def of(self, kept: NDArray[np.bool_]) -> "Pieces":
        return Pieces(self.cell[kept], self.series[kept], self.values[kept], self.covered[kept])


def gauge(stands: Stands, gpu_series: pa.Table, start: int, until: int, step: int) -> Gauged:
    """What each device showed in each step.

    Series of one device that follow each other (the label of the holder changed) are joined in time; of copies (two
    exporters, a replica of Prometheus, the same value for each of several holders) the largest value counts. Where
    several holders of a device have values of their own, their sum counts.
    """
    device_of, reading_of = (numbers_by_series(gpu_series, name) for name in ("device", "reading"))
    is_gpu = stands.series < len(device_of)
    is_gpu[is_gpu] = reading_of[stands.series[is_gpu]] >= 0
    stands = stands.of(is_gpu & (stands.until > start) & (stands.since < until))
    grid = Grid(start, until, step, int(device_of.max(initial=0)) + 1)
    holder_of = numbered_holders(gpu_series, len(device_of))
    readings = {reading.number: reading for reading in READINGS.values()}
    is_shown, is_spoiled = np.zeros(grid.cells, bool), np.zeros(grid.cells, bool)
    columns, processes = {}, [PROCESSES.empty_table()]
    reading = reading_of[stands.series]
    is_valid = ~np.isnan(stands.values)
    for number in sorted(set(gpu_series["reading"].unique().to_pylist()) - {-1}):
        if number in UTILIZATIONS:
            mark_spoiled(is_spoiled, stands.of((reading == number) & ~is_valid), device_of, grid)
        own = stands.of((reading == number) & is_valid)
        pieces, values = mean_per_step(own, device_of[own.series] * grid.steps, grid)
        if pieces and readings[number].source.per_process:
            told = told_apart(pieces, holder_of, grid)
            put_sums(values, told, pieces.of(holder_of[pieces.series] < 0), readings[number].source.range[1])
            if number in UTILIZATIONS:
                processes.append(processes_of(told, grid))
        is_shown |= ~np.isnan(values)
        columns[number] = values
    shown = np.flatnonzero(is_shown | is_spoiled)
    table = {"device": shown // grid.steps, "step": grid.step_of(shown), "is_spoiled": is_spoiled[shown]}
    table |= {readings[number].column: pa.array(values[shown], from_pandas=True) for number, values in columns.items()}
    return Gauged(pa.table(table), pa.concat_tables(processes))


def numbers_by_series(gpu_series: pa.Table, name: str) -> Integers:
    """A column of the GPU series, by the number of the series; -1 for other series."""
    series = gpu_series["series"].to_numpy()
    numbers = np.full(series.max(initial=-1) + 1, -1, np.int64)
    numbers[series] = gpu_series[name].to_numpy()
    return numbers


def numbered_holders(gpu_series: pa.Table, length: int) -> Integers:
    """By the number of the series, one number for each set of names of a holder; -1 where it names none. Where any
    series of a scrape has an exported_pod, pod is the exporter's own."""
    rows = gpu_series.select(["series", "job", *HOLDER]).to_pylist()
    renamed = {row["job"] for row in rows if row["exported_pod"]}
    numbers: dict[tuple[str, ...], int] = {}
    holders = np.full(length, -1, np.int64)
    for row in rows:
        if row["exported_pod"] or row["workload"] or (row["pod"] and row["job"] not in renamed):
            names = tuple(row[name] for name in HOLDER)
            holders[row["series"]] = numbers.setdefault(names, len(numbers))
    return holders


def mark_spoiled(is_spoiled: NDArray[np.bool_], stands: Stands, device_of: Integers, grid: Grid) -> None:
    if len(stands.series):
        is_spoiled[pieces_of(stands, device_of[stands.series] * grid.steps, grid).cell] = True


def mean_per_step(stands: Stands, offset: Integers, grid: Grid) -> tuple[Pieces | None, Floats]:
    """The values of one reading in each cell, NaN where none is. offset: of each sample, its device's first cell.

    Returns: also the pieces that lie in cells with copies, if there are any.
    """
    since, end = np.maximum(stands.since, grid.start), np.minimum(stands.until, grid.until)
    first = (since - grid.start) // grid.step
    is_whole = (since - grid.start == first * grid.step) & (end - since == grid.step)
    result = np.full(grid.cells, np.nan)
    place = offset + first
    if is_whole.all() and np.bincount(place, minlength=1).max() <= 1:
        result[place] = stands.values
        return None, result
    pieces = pieces_of(stands, offset, grid)
    total = np.bincount(pieces.cell, pieces.covered, grid.cells)
    with np.errstate(invalid="ignore", divide="ignore"):
        result = np.bincount(pieces.cell, pieces.values * pieces.covered, grid.cells) / total
    copied = total[pieces.cell] > COPIES * grid.step
    if not copied.any():
        return None, result
    means = means_by_series(pieces.of(copied))
    put_largest(result, means)
    return means, result


def pieces_of(stands: Stands, offset: Integers, grid: Grid) -> Pieces:
    """Samples cut at the borders of steps."""
    since, end = np.maximum(stands.since, grid.start), np.minimum(stands.until, grid.until)
    first = (since - grid.start) // grid.step
    count = (end - 1 - grid.start) // grid.step - first + 1
    which = np.repeat(np.arange(len(count)), count)
    number = np.arange(len(which)) - np.repeat(np.cumsum(count) - count, count)
    step_start = grid.start + (first[which] + number) * grid.step
    covered = np.minimum(end[which], step_start + grid.step) - np.maximum(since[which], step_start)
    return Pieces(offset[which] + first[which] + number, stands.series[which], stands.values[which], covered)


def means_by_series(pieces: Pieces) -> Pieces:
    """One piece per cell and series, with the mean value."""
    keys, place = np.unique(np.stack([pieces.cell, pieces.series]), axis=1, return_inverse=True)
    covered = np.bincount(place, pieces.covered)
    means = np.bincount(place, pieces.values * pieces.covered) / covered
    return Pieces(keys[0], keys[1], means, covered.astype(np.int64))


def put_largest(result: Floats, means: Pieces) -> None:
    """In cells that copies fill: the largest of the series' own means."""
    result[np.unique(means.cell)] = -np.inf
    np.maximum.at(result, means.cell, means.values)


def told_apart(means: Pieces, holder_of: Integers, grid: Grid) -> Pieces:
    """The pieces of devices whose holders were seen, in the same hour, to have values of their own: one per cell and
    holder, the largest."""
    means = means.of(holder_of[means.series] >= 0)
    keys, place = np.unique(np.stack([means.cell, holder_of[means.series]]), axis=1, return_inverse=True)
    values = np.full(keys.shape[1], -np.inf)
    np.maximum.at(values, place, means.values)
    series = np.zeros(keys.shape[1], np.int64)
    series[place] = means.series
    held = Pieces(keys[0], series, values, np.full(len(values), grid.step))
    low, high = np.full(grid.cells, np.inf), np.full(grid.cells, -np.inf)
    np.minimum.at(low, held.cell, held.values)
    np.maximum.at(high, held.cell, held.values)
    hour_of = held.cell // grid.steps * grid.hours + held.cell % grid.steps * grid.step // HOUR_LENGTH
    differs = np.zeros(grid.devices * grid.hours, bool)
    differs[hour_of[high[held.cell] - low[held.cell] > ALIKE]] = True
    is_shared = np.bincount(held.cell, minlength=grid.cells)[held.cell] > 1
    return held.of(differs[hour_of] & is_shared)


def put_sums(result: Floats, told: Pieces, whole: Pieces, most: float) -> None:
    """In cells whose holders are told apart: the value of the device itself (``whole``, of series that name nobody),
    where the exporter gives one, else the sum of the holders' values."""
    cells = np.unique(told.cell)
    sums = np.bincount(told.cell, told.values, len(result))
    result[cells] = np.minimum(sums[cells], most)
    whole = whole.of(np.isin(whole.cell, cells))
    put_largest(result, whole)


def processes_of(told: Pieces, grid: Grid) -> pa.Table:
    columns = [told.cell // grid.steps, grid.step_of(told.cell), told.series, told.values]
    return pa.table(columns, names=PROCESSES.names).cast(PROCESSES)
