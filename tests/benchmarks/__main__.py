"""``make bench``: each benchmark checks that the answers are equal, then prints how long ours takes beside others."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from tests.benchmarks.asking import compare_asking
from tests.benchmarks.collecting import compare_collecting
from tests.benchmarks.site import site
from tests.benchmarks.timing import show


class Benchmark(StrEnum):
    collecting = "collecting"
    asking = "asking"


def main(
    only: Annotated[list[Benchmark] | None, typer.Argument(help="Which ones; without a name, all.")] = None,
    rounds: Annotated[int, typer.Option(help="How often each way is taken, in turns.")] = 5,
    folder: Annotated[
        Path, typer.Option(help="Where the benchmarks keep their data, from one run to the next.")
    ] = Path(".bench"),
) -> None:
    """Compare with what a user would pick instead, side by side."""
    console = Console()
    chosen = only or list(Benchmark)
    comparisons = []
    with site(folder.absolute()) as server:
        if Benchmark.collecting in chosen:
            console.print("[bold]collecting[/]")
            comparisons += compare_collecting(console, server, rounds)
        if Benchmark.asking in chosen:
            console.print("[bold]asking[/]")
            comparisons += compare_asking(console, server, folder.absolute(), rounds)
    show(console, comparisons)


if __name__ == "__main__":
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(main)
    app()
