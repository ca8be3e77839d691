"""metrics-collect: the collectors' commands."""

import logging
import signal
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from collectors.checks import CHECKS
from collectors.collect import now
from collectors.collector import Collector
from collectors.doctor import diagnose
from collectors.prometheus import PrometheusError
from collectors.registry import Registry
from collectors.report import print_report, report_as_json
from collectors.run import FAILURES
from collectors.run import run as run_collectors
from collectors.upkeep import keep_up
from queries.clusters import Clusters, Roll
from queries.lake import Lake, LakeError
from queries.ledger.review import Policy
from queries.logs import write_logs
from queries.repair import repair as repair_table
from queries.settings import Cluster, Settings, SettingsError
from queries.window import Window, format_time, parse_time

app = typer.Typer(
    help="Collect GPU and job utilization from each cluster's Prometheus into the lake.",
    no_args_is_help=True,
    add_completion=False,
)

console = Console(stderr=True)

Config = Annotated[
    Path | None,
    typer.Option("--config", "-c", help="The configuration file. Without it: metrics.toml, if there is one here."),
]
Only = Annotated[list[str] | None, typer.Option("--cluster", help="Only this cluster; may be given several times.")]


def main() -> None:
    app()


@app.command()
def run(
    config: Config = None,
    until_stdin_closes: Annotated[bool, typer.Option(hidden=True, help="Stop when the standard input ends.")] = False,
) -> None:
    """Collect all clusters, at every tick, until stopped; fill what is missing in between."""
    with explained():
        settings = read_settings(config)
        stop = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stop.set())
        if until_stdin_closes:
            threading.Thread(target=stop_with_input, args=(stop,), daemon=True).start()
        run_collectors(settings, stop)


@app.command()
def once(config: Config = None, cluster: Only = None) -> None:
    """Collect the open hour, and those that are not final, of all clusters, and stop."""
    with explained():
        settings, clusters = load(config)
        lake = Lake(settings.store.path)
        lake.create()
        chosen, registry = choose(clusters, cluster), Registry(clusters.collected)
        with ThreadPoolExecutor(max(1, len(chosen))) as pool:
            collectors = [Collector(each, lake, settings.collect, registry=registry) for each in chosen]
            ticks = [(collector.cluster.name, pool.submit(collector.tick)) for collector in collectors]
        failures = []
        for name, tick in ticks:
            error = tick.exception()
            if error is None:
                hours = ", ".join(format_time(done.hour.start) for done in tick.result()) or "nothing new"
                console.print(f"{name}: collected {hours}")
            elif isinstance(error, FAILURES):
                failures.append(str(error))
            else:
                raise error
        fail(failures)


@app.command()
def backfill(
    start: Annotated[str, typer.Option("--from", help="The first hour: ISO 8601, a date, or Unix seconds.")],
    end: Annotated[str, typer.Option("--to", help="The end, not included. Without it: now.")] = "",
    again: Annotated[
        bool, typer.Option(help="Also those hours that are done, but those of which Prometheus knows less by now.")
    ] = False,
    force: Annotated[bool, typer.Option(help="With --again: also those of which Prometheus knows less.")] = False,
    config: Config = None,
    cluster: Only = None,
) -> None:
    """Collect the hours between two times that are missing in the lake, oldest first."""
    with explained():
        settings, clusters = load(config)
        window = window_between(start, end)
        policy = policy_of(again, force)
        lake = Lake(settings.store.path)
        lake.create()
        chosen, registry = choose(clusters, cluster), Registry(clusters.collected)
        with progress_bar() as progress, ThreadPoolExecutor(max(1, len(chosen))) as pool:
            collectors = [Collector(each, lake, settings.collect, registry=registry) for each in chosen]
            fills = [pool.submit(fill, collector, window, policy, progress) for collector in collectors]
        errors = [str(error) for error in (done.exception() for done in fills) if isinstance(error, FAILURES)]
        refused = [
            f"cluster {each.name!r}: {note}; --force replaces it all the same"
            for each, done in zip(chosen, fills, strict=True)
            if not isinstance(done.exception(), FAILURES)
            for note in done.result()
        ]
        fail(errors + refused)


@app.command()
def upkeep(config: Config = None) -> None:
    """Compact closed days, drop what is past its retention, and remove files that nothing needs any more."""
    with explained():
        settings = read_settings(config)
        lake = Lake(settings.store.path)
        lake.create()
        count = 0
        for what in keep_up(lake, settings, now()):
            count += 1
            console.print(what)
        console.print(f"{count} pieces of upkeep done" if count else "nothing was due")


@app.command()
def repair(config: Config = None) -> None:
    """Take damaged files out of the lake, tell what they held, and how to collect it again."""
    with explained():
        lake = Lake(read_settings(config).store.path)
        lake.create()
        lost = [what for table in lake.tables for what in repair_table(table)]
        for what in lost:
            console.print(what, highlight=False, soft_wrap=True)
        console.print(
            "hours that are missing now are collected again by themselves, as far as Prometheus has them;"
            " `metrics-collect backfill --again` reads those again whose samples alone are lost"
            if lost
            else "nothing is damaged",
            soft_wrap=True,
        )


@app.command()
def doctor(
    config: Config = None,
    cluster: Only = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="For machines: one JSON object on the standard output.")
    ] = False,
) -> None:
    """Tell what each cluster has, what it lacks, what that costs, and what to do. Changes nothing.

    Ends with code 2 if a cluster cannot be collected."""
    with explained():
        settings, clusters = load(config, logging.ERROR)
        chosen = choose(clusters, cluster)
        with asking_bar() as progress:
            tasks = {each.name: progress.add_task(each.name, total=len(CHECKS)) for each in chosen}
            report = diagnose(settings, chosen, lambda name: progress.advance(tasks[name]), every=clusters.collected)
        if as_json:
            typer.echo(report_as_json(report))
        else:
            print_report(report, Console())
        if not report.is_collectable:
            raise typer.Exit(2)


def stop_with_input(stop: threading.Event) -> None:
    """Wait until whoever started us is gone: our standard input ends then."""
    sys.stdin.read()
    stop.set()


def policy_of(again: bool, force: bool) -> Policy | None:
    """What is done with hours that are final already: None leaves them alone."""
    if force and not again:
        raise typer.BadParameter("--force goes with --again: it is about hours that are done already")
    return ("replace" if force else "refuse") if again else None


def fill(collector: Collector, window: Window, policy: Policy | None, progress: Progress) -> list[str]:
    """Collect the missing hours of a window, as far as they have begun, and with a policy those that are final, too;
    show how far it is.

    Returns:
        Why hours were refused.
    """
    begun = Window(window.start, min(window.end, Window.hour_of(now()).end))
    missing = list(collector.unfinished(begun))
    final = collector.final_hours(begun) if policy else []
    task = progress.add_task(collector.cluster.name, total=len(missing) + len(final))
    refused = []
    for done in chain(collector.fill(missing), collector.correct(final, policy or "refuse")):
        progress.advance(task)
        if done.note and not done.is_written:
            refused.append(done.note)
    return refused


def window_between(start: str, end: str) -> Window:
    try:
        first, last = parse_time(start), parse_time(end) if end else now()
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    if last <= first:
        raise typer.BadParameter(f"--to {format_time(last)} is not after --from {format_time(first)}")
    if first > now():
        raise typer.BadParameter(f"--from {format_time(first)} is in the future; there is nothing to collect yet")
    return Window(first, last)


def read_settings(config: Path | None, level: int = logging.INFO) -> Settings:
    write_logs(level)
    return Settings.load(config or default_config())


def load(config: Path | None, level: int = logging.INFO) -> tuple[Settings, Roll]:
    """The settings, and the clusters that are configured or registered.

    Raises:
        SettingsError: there is none.
    """
    settings = read_settings(config, level)
    clusters = Clusters(settings, with_secrets=True)
    clusters.refresh()
    clusters.close()
    if not clusters.roll.names:
        raise SettingsError(
            "no cluster is configured or registered; add one: [[clusters]] with name and prometheus, or POST"
            " /api/v1/clusters"
        )
    for name, problem in clusters.roll.unusable.items():
        console.print(f"[red]cluster {name!r} is left out:[/] {escape(problem)}", highlight=False, soft_wrap=True)
    return settings, clusters.roll


def default_config() -> Path | None:
    path = Path("metrics.toml")
    return path if path.is_file() else None


def choose(clusters: Roll, names: list[str] | None) -> list[Cluster]:
    return [clusters.cluster(name) for name in names] if names else list(clusters.collected)


def progress_bar() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("hours"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
    )


def asking_bar() -> Progress:
    """Gone when all is told."""
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("checks"),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )


def fail(problems: list[str]) -> None:
    """End with code 2 if there are problems: each is told, and what would be right."""
    for problem in problems:
        console.print(f"[red]error:[/] {escape(problem)}", highlight=False, soft_wrap=True)
    if problems:
        raise typer.Exit(2)


@contextmanager
def explained() -> Iterator[None]:
    """Tell what is wrong instead of where in the code it was noticed."""
    try:
        yield
    except (SettingsError, LakeError, PrometheusError) as error:
        fail([str(error)])
