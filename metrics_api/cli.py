"""metrics-api: the service's commands."""

import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import structlog
import typer
import uvicorn
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from metrics_api.app import create_app
from metrics_api.collecting import Minder
from metrics_api.demo.demo import DemoError, run_demo
from metrics_api.demo.fleet import HISTORY
from metrics_api.demo.history import HistoryError
from metrics_api.demo.servers import ServerError
from metrics_api.export_folder import ExportFolder, FolderError
from metrics_api.openapi import describe
from metrics_api.routes import ENDPOINTS
from queries.control.applications import create_application as make_application
from queries.control.database import Control, ControlError, NameTakenError
from queries.duration import format_duration, parse_duration
from queries.engine import Engine
from queries.exports import EXPORTS, Extract, day_window
from queries.lake import Lake, LakeError
from queries.logs import write_logs
from queries.scope import EVERYTHING
from queries.settings import Settings, SettingsError
from queries.window import Window

app = typer.Typer(help="Serve aggregated GPU metrics of many clusters.", no_args_is_help=True, add_completion=False)
admin = typer.Typer(help="Manage who may ask.", no_args_is_help=True)
app.add_typer(admin, name="admin")

console = Console(stderr=True)
log = structlog.get_logger()


class ExportFile(StrEnum):
    parquet = "parquet"
    csv = "csv"
    arrow = "arrow"
    ndjson = "ndjson"


EXPLAINED = (SettingsError, FolderError, LakeError, ControlError, NameTakenError, DemoError, HistoryError, ServerError)

Config = Annotated[
    Path | None,
    typer.Option("--config", "-c", help="The configuration file. Without it: metrics.toml, if there is one here."),
]


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
        minder = Minder(path) if collect and settings.clusters else None
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # uvicorn raises it again when it has stopped
        if minder:
            minder.start()
        try:
            uvicorn.run(
                application, host=settings.server.host, port=settings.server.port, log_config=None, access_log=False
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
            parser=parse_duration,
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
    start: Annotated[
        date, typer.Option("--from", parser=date.fromisoformat, metavar="DAY", help="The first day (UTC).")
    ],
    out: Annotated[Path, typer.Option(help="The folder; it gets a file for each day.")],
    end: Annotated[
        date | None,
        typer.Option(
            "--to", parser=date.fromisoformat, metavar="DAY", help="The day after the last. Without it: tomorrow."
        ),
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
        lake = Lake(Settings.load(config or default_config()).store.path)
        engine, chosen = Engine(lake), EXPORTS[dataset]
        window = Window(day_window(start).start, day_window(until).start)
        extract = Extract(chosen, window, EVERYTHING, chosen.table(lake).snapshot())
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


@admin.command("create-application")
def create_application(
    name: Annotated[str, typer.Argument(help="What the application is called.")],
    config: Config = None,
    client_id: Annotated[str | None, typer.Option(help="Without it, one is made up.")] = None,
    client_secret: Annotated[
        str | None, typer.Option(help="Without it, one is made up.", envvar="CLIENT_SECRET")
    ] = None,
) -> None:
    """Make an application, and print its client id and secret. The secret is shown this once only."""
    with explained():
        settings = Settings.load(config or default_config())
        Lake(settings.store.path).create()
        control = Control(settings.store.control_url)
        new = make_application(control, name, client_id, client_secret)
        control.close()
    typer.echo(f"client id:     {new.client_id}")
    typer.echo(f"client secret: {new.client_secret}")


def default_config() -> Path | None:
    path = Path("metrics.toml")
    return path if path.is_file() else None


@contextmanager
def explained() -> Iterator[None]:
    """Tell what is wrong instead of where in the code it was noticed."""
    try:
        yield
    except EXPLAINED as error:
        console.print(f"[red]error:[/] {escape(str(error))}", highlight=False, soft_wrap=True)
        raise typer.Exit(2) from None
