"""View: the part of the ledger that an actor may see, as SQL over its files and over what of them is in memory."""

from collections.abc import Collection, Iterable, Iterator, Sequence

from queries.catalogue import GAUGES, METRICS, SET_BY_API
from queries.datasets import BOOKED, CAPACITY, ENERGY, EXTREMES, GAUGED, HISTOGRAM, LEDGER_SCHEMA, WHAT, WHEN
from queries.ledger.steps import booked
from queries.parquet import parquet
from queries.plan import Part, between, within
from queries.scope import Scope
from queries.snapshot import Snapshot
from queries.template import read_template, words
from queries.window import Window

KEYS = tuple(name for name, _ in WHEN + WHAT)
COLUMNS = (*KEYS, *(name for name, _ in CAPACITY + BOOKED + ENERGY + GAUGED + EXTREMES + HISTOGRAM))
"""What the ledger has to be asked for, whichever layer it is read from; samples have no histogram."""

TIMES = ("cluster", "layer", "window_start", "time", "elapsed_seconds")

BINS = tuple(name for name, _ in HISTOGRAM)

SUMMARIES = tuple(name for name in COLUMNS if name not in KEYS + BINS)

SAMPLES = "@samples"
"""Where the booking's samples are filled in."""

POWER = METRICS["gpu_power_watts"]
"""Energy follows from power where no counter was read."""

STORED = tuple(
    name
    for metric in SET_BY_API
    if metric.is_stored
    for name in (metric.integral, metric.seconds, *(metric.extremes or ()))
)
"""What of the ledger tells quotas that the API may have set otherwise."""

UNSTORED = tuple(name for metric in SET_BY_API if not metric.is_stored for name in (metric.integral, metric.seconds))
"""What tells quotas that nobody but the API sets."""

GROUP_KEYS = (
    "cluster",
    "layer",
    "window_start",
    "time",
    "elapsed_seconds",
    "kind",
    "node_pool",
    "gpu_model",
    "project",
    "user",
)
"""What rows of hours are also kept summed by, for questions about nothing finer."""


def ledger_of(
    snapshot: Snapshot,
    parts: Sequence[Part],
    scope: Scope,
    names: Collection[str] = COLUMNS,
    is_grouped: bool = False,
    with_times: bool = False,
    has_quotas: bool = False,
) -> str:
    """The SQL of the ledger as one table: what can hold rows of these parts, in memory or in files.

    names: those of COLUMNS among them are its columns. is_grouped: rows may be summed by GROUP_KEYS, and have no other
    keys and no histogram. with_times: also rows of nothing but the times at which clusters were collected, where a
    scope hides them. has_quotas: with the quotas that the API has set, as in ``quotas_set``.
    """
    known = [name for name in COLUMNS if not is_grouped or name in GROUP_KEYS or name in SUMMARIES]
    needed = {"cluster", "project", *(("kind", "node_pool", *TIMES) if has_quotas else ())}
    columns = [name for name in known if name in names or name in needed]
    shown = scoped(layers_of(snapshot, parts, columns, is_grouped), scope)
    if has_quotas:
        collected = times_of(layers_of(snapshot, parts, list(TIMES), is_grouped), list(TIMES))
        shown = with_quotas(shown, collected, columns, scope)
    if not (with_times and scope.hides_projects):
        return shown
    times = [name for name in columns if name in TIMES]
    return f"{shown} union all by name {times_of(layers_of(snapshot, parts, times, is_grouped), times)}"


def with_quotas(ledger: str, times: str, columns: Sequence[str], scope: Scope) -> str:
    """The SQL of the ledger with the quotas that the API has set, of what a scope shows. times: the SQL of when its
    clusters were collected."""
    return read_template("queries.joins", "quotas").render(
        ledger=ledger,
        times=times,
        quotas=scoped("select * from quotas_set", scope),
        columns=columns,
        stored=STORED,
        metrics=SET_BY_API,
    )


def layers_of(snapshot: Snapshot, parts: Sequence[Part], columns: list[str], is_grouped: bool) -> str:
    return " union all by name ".join(
        layer_of(layer, snapshot, [part.window for part in parts if part.layer == layer], columns, is_grouped)
        for layer in dict.fromkeys(part.layer for part in parts)
    )


def times_of(whole: str, times: list[str]) -> str:
    """The SQL of when the clusters were collected of which a scope shows anything: rows without GPU-time."""
    return f"""
        select 'empty' as kind, times.*
        from (select distinct {", ".join(quoted(times))} from ({whole})) as times
        where exists (select 1 from scope where scope.cluster is null or scope.cluster = times.cluster)
    """


def scoped(whole: str, scope: Scope) -> str:
    """The SQL of those rows, of a table with clusters and projects, that a scope shows."""
    if scope.is_everything:
        return whole
    return f"""
        select everything.*
        from ({whole}) as everything
        where exists (
            select 1
            from scope
            where
                (scope.cluster is null or scope.cluster = everything.cluster)
                and (scope.project is null or scope.project = everything.project)
        )
    """


def layer_of(layer: str, snapshot: Snapshot, windows: list[Window], columns: list[str], is_grouped: bool) -> str:
    if layer == "hour":
        return rows_of(snapshot, layer, windows, columns, "groups" if is_grouped else "rows")
    gauges = [
        gauge
        for gauge in GAUGES
        if {gauge.integral, gauge.seconds, *(gauge.extremes or ())} & set(columns)
        or (gauge is POWER and "energy_joules" in columns)
    ]
    told = [name for name in columns if name not in BINS]
    booking = booked(SAMPLES, quoted(name for name in told if name in KEYS), gauges, told)
    read = words(booking)
    samples = rows_of(snapshot, layer, windows, [name for name in LEDGER_SCHEMA.names if name in read])
    return f"select {', '.join(quoted(told))} from ({booking.replace(SAMPLES, f'({samples})')})"


def rows_of(snapshot: Snapshot, layer: str, windows: list[Window], columns: list[str], table: str = "rows") -> str:
    """The rows of some windows: from memory what is there, the rest from files. table: which one in memory."""
    listed = ", ".join(quoted(columns))
    sources, left = [], windows
    for segment in snapshot.segments:
        held = segment.part.window
        found = [within(held, window) for window in left if overlap(held, window)]
        if segment.part.layer == layer and found:
            where = "" if found == [held] else f" where {during(found)}"
            sources.append(f"select {listed} from {segment.name}.{table}{where}")
            left = [rest for window in left for rest in without(held, window)]
    paths = list(dict.fromkeys(path for window in left for path in snapshot.paths(layer, window)))
    if paths or not sources:
        source = parquet(paths, LEDGER_SCHEMA, snapshot.is_mixed)
        sources.append(f"select {listed} from {source}" + (f" where {during(left)}" if left else ""))
    return " union all by name ".join(sources)


def quoted(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(f'"{name}"' for name in names)


def overlap(one: Window, other: Window) -> bool:
    return one.start < other.end and other.start < one.end


def without(held: Window, window: Window) -> Iterator[Window]:
    """What of a window is not held."""
    return between([within(held, window)], window) if overlap(held, window) else iter((window,))


def during(windows: Sequence[Window]) -> str:
    """The SQL of the rows whose time lies in one of some windows. The times are ours."""
    return " or ".join(
        f"time >= timestamptz '{window.start.isoformat()}' and time < timestamptz '{window.end.isoformat()}'"
        for window in windows
    )
