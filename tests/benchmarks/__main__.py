"""``make bench``: each benchmark checks that the answers are equal, then prints how ours does beside others."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from tests.benchmarks.asking import compare_asking
from tests.benchmarks.backfilling import compare_backfilling
from tests.benchmarks.collecting import compare_collecting
from tests.benchmarks.dashboards import compare_dashboards
from tests.benchmarks.exporting import compare_exporting
from tests.benchmarks.findings import Finding, table_of
from tests.benchmarks.fleet import Fleet
from tests.benchmarks.freshness import compare_freshness
from tests.benchmarks.growing import compare_growing
from tests.benchmarks.listing import compare_listing
from tests.benchmarks.listing_workloads import compare_listing_workloads
from tests.benchmarks.servers import prometheus_of
from tests.benchmarks.site import Site
from tests.benchmarks.storing import compare_storing


class Benchmark(StrEnum):
    collecting = "collecting"
    asking = "asking"
    storing = "storing"
    backfilling = "backfilling"
    freshness = "freshness"
    growing = "growing"
    exporting = "exporting"
    dashboards = "dashboards"
    listing = "listing"
    listing_workloads = "listing_workloads"


@dataclass(frozen=True)
class Amount:
    """How much is measured. compared: scraped at the full minute, as Prometheus's own answers are compared; minutes: how
    long fresh samples are followed; exported: how many rows; projects, workloads: how many are listed."""

    compared: Site
    stored: Site
    backfilled: Site
    growing: tuple[int, ...]
    minutes: int
    exported: int
    fleet: Fleet
    projects: int
    workloads: int


FULL = Amount(
    Site(128, 7, is_aligned=True),
    Site(128, 7),
    Site(256, 90),
    (32, 128, 512),
    5,
    10_000_000,
    Fleet(8, 64, 30),
    5_000,
    1_000_000,
)

SMALL = Amount(
    Site(32, 2, is_aligned=True),
    Site(32, 2),
    Site(32, 14),
    (16, 64),
    2,
    1_000_000,
    Fleet(2, 32, 2),
    500,
    50_000,
)


def main(
    only: Annotated[list[Benchmark] | None, typer.Argument(help="Which ones; without a name, all.")] = None,
    rounds: Annotated[int, typer.Option(help="How often each way is taken, in turns.")] = 5,
    small: Annotated[bool, typer.Option("--small", help="A fraction of the data, in a fraction of the time.")] = False,
    folder: Annotated[
        Path, typer.Option(help="Where the benchmarks keep their data, from one run to the next.")
    ] = Path(".bench"),
) -> None:
    """Compare with what a user would pick instead, side by side."""
    console = Console()
    findings = []
    for benchmark in only or list(Benchmark):
        console.print(f"[bold]{benchmark}[/]")
        findings += compare(benchmark, console, SMALL if small else FULL, folder.absolute(), rounds)
    console.print(table_of(findings))


def compare(benchmark: Benchmark, console: Console, amount: Amount, folder: Path, rounds: int) -> list[Finding]:
    match benchmark:
        case Benchmark.collecting:
            with prometheus_of(amount.compared, folder) as server:
                return compare_collecting(console, amount.compared, server, rounds)
        case Benchmark.asking:
            with prometheus_of(amount.compared, folder) as server:
                return compare_asking(console, amount.compared, server, rounds)
        case Benchmark.storing:
            return compare_storing(console, amount.stored, folder)
        case Benchmark.backfilling:
            return compare_backfilling(console, amount.backfilled, folder)
        case Benchmark.freshness:
            return compare_freshness(console, amount.minutes)
        case Benchmark.growing:
            return compare_growing(console, amount.growing, folder, rounds)
        case Benchmark.exporting:
            return compare_exporting(console, amount.exported, rounds)
        case Benchmark.dashboards:
            return compare_dashboards(console, amount.fleet, folder, rounds)
        case Benchmark.listing:
            return compare_listing(console, amount.projects, rounds)
        case Benchmark.listing_workloads:
            return compare_listing_workloads(console, amount.workloads, rounds)


if __name__ == "__main__":
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(main)
    app()
