"""Price: what an hour of a GPU costs; and the price list as it is joined with the ledger."""

from collections.abc import Mapping, Sequence

import pyarrow as pa
from pydantic import Field

from queries.datasets import TIME
from queries.dated import Dated, as_like, stretches, twins
from queries.window import format_time

PERIODS = pa.schema([("since", TIME), ("until", TIME)])

PRICES = pa.schema(
    [
        ("since", TIME),
        ("place", pa.int64()),
        ("cluster", pa.string()),
        ("gpu_model", pa.string()),
        ("per_gpu_hour", pa.float64()),
    ]
)
"""``place``: of the prices that fit a GPU, the one with the smallest counts. ``gpu_model`` is a pattern of LIKE."""

INTENSITIES = pa.schema([("cluster", pa.string()), ("grams_per_kwh", pa.float64())])


class Price(Dated):
    """What an hour of a whole GPU costs, by a pattern of its model as in ``NVIDIA H100*``. The first pattern that fits
    counts, those of the GPU's own cluster before all others."""

    gpu_model: str = Field(min_length=1)
    per_gpu_hour: float = Field(ge=0, allow_inf_nan=False)
    currency: str | None = Field(None, pattern="^[A-Z]{3}$")
    cluster: str | None = None


def check_prices(prices: tuple[Price, ...]) -> tuple[Price, ...]:
    """Refuse a price list that has no one meaning.

    Raises:
        ValueError: it has several currencies, or two prices for the same.
    """
    currencies = sorted({price.currency for price in prices if price.currency})
    if len(currencies) > 1:
        raise ValueError(f"a price list has one currency; here are {', '.join(currencies)}")
    for (cluster, gpu_model), since in twins(listed(prices)):
        where = f" in cluster {cluster!r}" if cluster else ""
        raise ValueError(
            f"two prices of gpu_model {gpu_model!r}{where} begin at {format_time(since)};"
            " keep one, or let one begin later by valid_from"
        )
    return prices


def listed(prices: Sequence[Price]) -> list[tuple[tuple[str | None, str], Price]]:
    """The prices by what they are for, those of single clusters first."""
    in_order = sorted(prices, key=lambda price: price.cluster is None)
    return [((price.cluster, price.gpu_model), price) for price in in_order]


def currency_of(prices: Sequence[Price]) -> str | None:
    return next((price.currency for price in prices if price.currency), None)


def price_tables(prices: Sequence[Price], intensities: Mapping[str, float]) -> dict[str, pa.Table]:
    """What ``joins/rates.sql`` reads. intensities: grams of CO2e per kWh, by cluster."""
    pieces = list(stretches(listed(prices)))
    rows = [
        {
            "since": since,
            "place": place,
            "cluster": cluster,
            "gpu_model": as_like(gpu_model),
            "per_gpu_hour": price.per_gpu_hour,
        }
        for since, _, valid in pieces
        for place, ((cluster, gpu_model), price) in enumerate(valid)
    ]
    grams = [{"cluster": cluster, "grams_per_kwh": grams} for cluster, grams in intensities.items()]
    return {
        "periods": pa.Table.from_pylist([{"since": since, "until": until} for since, until, _ in pieces], PERIODS),
        "prices": pa.Table.from_pylist(rows, PRICES),
        "intensities": pa.Table.from_pylist(grams, INTENSITIES),
    }
