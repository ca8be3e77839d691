"""metrics-api: the service's commands."""

import json
import signal
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import structlog
import typer
import uvicorn
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from metrics_api.admin import admin
from metrics_api.app import create_app
from metrics_api.collecting import Minder
from metrics_api.connection import connection
from metrics_api.demo.demo import run_demo
from metrics_api.demo.fleet import HISTORY
from metrics_api.explained import Config, console, default_config, explained
from metrics_api.export_folder import ExportFolder
from metrics_api.openapi import describe
from metrics_api.options import read_day, read_duration
from metrics_api.routes import ENDPOINTS
from queries.accounting import Accounting
from queries.clusters import Clusters
from queries.duration import format_duration
from queries.engine import Engine
from queries.exports import EXPORTS, Extract, day_window
from queries.lake import Lake
from queries.logs import write_logs
from queries.scope import EVERYTHING
from queries.settings import Settings
from queries.window import Window

app = typer.Typer(help="Serve aggregated GPU metrics of many clusters.", no_args_is_help=True, add_completion=False)
app.add_typer(admin, name="admin")

log = structlog.get_logger()


class ExportFile(StrEnum):
    parquet = "parquet"
    csv = "csv"
    arrow = "arrow"
    ndjson = "ndjson"


def main() -> None:
    app()


@app.command()
def serve(
    config: Config = None,
    collect: Annotated[bool, typer.Option("--collect/--no-collect", help="Also collect, in a process beside.")] = True,
) -> None:
    """Serve the API and the page, and mind a collector."""
    with explained():
        write_logs()
        path = config or default_config()
        settings = Settings.load(path)
        if settings.auth.mode == "off":
            console.print("[bold red]auth.mode = off: everyone who reaches this address sees everything[/]")
        application = create_app(settings)
        minder = Minder(path) if collect else None
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # uvicorn raises it again when it has stopped
        if minder:
            minder.start()
        try:
            uvicorn.run(
                application,
                host=settings.server.host,
                port=settings.server.port,
                http=connection(settings.limits),
                ws="none",
                server_header=False,
                log_config=None,
                access_log=False,
                forwarded_allow_ips=list(settings.server.trusted_proxies),
            )
        finally:
            if minder:
                minder.stop()


@app.command()
def demo(
    folder: Annotated[Path, typer.Option(help="Where the demo keeps its data, from one run to the next.")] = Path(
        ".demo"
    ),
    history: Annotated[
        timedelta,
        typer.Option(
            parser=read_duration,
            metavar="DURATION",
            show_default=format_duration(HISTORY),
            help="How far back the history goes that the first start makes.",
        ),
    ] = HISTORY,
) -> None:
    """Start two real Prometheus servers with a simulated fleet and its history, collect, serve, print the address."""
    with explained():
        run_demo(folder, history)


@app.command()
def export(
    dataset: Annotated[str, typer.Argument(help=f"What is exported: {', '.join(EXPORTS)}.")],
    start: Annotated[date, typer.Option("--from", parser=read_day, metavar="DAY", help="The first day (UTC).")],
    out: Annotated[Path, typer.Option(help="The folder; it gets a file for each day.")],
    end: Annotated[
        date | None,
        typer.Option("--to", parser=read_day, metavar="DAY", help="The day after the last. Without it: tomorrow."),
    ] = None,
    form: Annotated[ExportFile, typer.Option("--format", help="The format of the files.")] = ExportFile.parquet,
    config: Config = None,
) -> None:
    """Save a dataset as files, one for each day. Started again, it writes what is missing or has changed since."""
    with explained():
        if dataset not in EXPORTS:
            raise typer.BadParameter(f"there is no dataset {dataset!r}; there are: {', '.join(EXPORTS)}")
        until = end or datetime.now(UTC).date() + timedelta(days=1)
        if until <= start:
            raise typer.BadParameter(f"--to {until} is not after --from {start}")
        settings, chosen = Settings.load(config or default_config()), EXPORTS[dataset]
        clusters = Clusters(settings)
        clusters.refresh()
        lake, accounting = Lake(settings.store.path), Accounting.of(settings, clusters.roll.collected)
        engine = Engine(lake, accounting)
        window = Window(day_window(start).start, day_window(until).start)
        extract = Extract(chosen, window, EVERYTHING, chosen.table(lake).snapshot(), accounting=accounting)
        days = list(extract.days(engine))
        with row_bar() as progress:
            task = progress.add_task(dataset, total=sum(rows for _, rows in days))
            folder = ExportFolder(out, dataset, form.value)
            written = folder.save(engine, extract, days, lambda rows: progress.advance(task, rows))
        engine.close()
        console.print(f"{len(days)} days are in {out}; {written} were written now")


def row_bar() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:,.0f} of {task.total:,.0f} rows"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
    )


@app.command()
def openapi() -> None:
    """Print the OpenAPI document."""
    typer.echo(json.dumps(describe(ENDPOINTS), indent=2))
