"""Counting: how fast counters grew. Done in numpy, as the standing of samples is."""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from queries.ledger.standing import Floats, Integers, Stands
from queries.window import HOUR, milliseconds

HOUR_LENGTH = milliseconds(HOUR)


def count(stands: Stands, chains: Integers, margin: int) -> Stands:
    """From the samples of counters to rates, per second: each stands from its sample to the next good one of its chain,
    over whatever was missing or no number between the two. Where the next is less, the counter began again at 0.

    chains: by series number, the chain that it is part of. margin: rates that reach from one hour into another are as
    long as this (milliseconds) at most, as long as hours are read beyond their ends; so that hours are booked the same
    alone and together.
    """
    chain = chains[stands.series]
    order = np.lexsort((stands.values, stands.since, chain))
    ordered = stands.of(order[~np.isnan(stands.values[order])])
    chain = chains[ordered.series]
    is_last_of_copies = np.append((chain[1:] != chain[:-1]) | (ordered.since[1:] != ordered.since[:-1]), True)
    ordered = ordered.of(is_last_of_copies[: len(chain)])
    chain = chains[ordered.series]
    since, until = ordered.since[:-1], ordered.since[1:]
    grown = Stands(ordered.series[:-1], since, until, rates(ordered.values, until - since))
    is_short = (until - since <= margin) | (since // HOUR_LENGTH == until // HOUR_LENGTH)
    return grown.of((chain[1:] == chain[:-1]) & is_short)


def rates(values: Floats, gaps: Integers) -> Floats:
    """gaps: between each value and the next, in milliseconds."""
    with np.errstate(divide="ignore"):
        return (values[1:] - np.where(values[1:] >= values[:-1], values[:-1], 0)) * 1000 / gaps


def chains_of(gpu_series: pa.Table, is_counter: NDArray[np.bool_]) -> Integers:
    """By series number: the series of one reading, device and scrape target are one counter, whomever they name as the
    holder. Other series are each their own."""
    chains = np.arange(len(is_counter), dtype=np.int64)
    first: dict[tuple[object, ...], int] = {}
    numbers = gpu_series["series"].to_numpy()
    ours = gpu_series.filter(pa.array(is_counter[numbers]))
    for row in ours.select(["series", "reading", "device", "job", "instance"]).to_pylist():
        series = row.pop("series")
        chains[series] = first.setdefault(tuple(row.values()), series)
    return chains
