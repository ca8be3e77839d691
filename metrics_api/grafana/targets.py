"""Targets: what a panel can ask for by name (any metric of the catalogue, or the ledger), and how it is asked."""

import math
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pyarrow as pa

from metrics_api.errors import ApiError
from metrics_api.grafana.payload import TOTAL, Payload, read_many
from metrics_api.metrics import chosen_metrics, read_metric
from metrics_api.parameters import LONGEST, check_step
from queries.catalogue import METRICS
from queries.condition import Condition
from queries.datasets import TIME
from queries.duration import format_duration
from queries.question import POINTS, STEPS, Answer, Asker, Question
from queries.window import Window

LEDGER = "ledger"
"""Where every GPU-second went: all columns of the ledger's answer."""

PLACEHOLDERS = ("", "select metric", "select table")
"""What editors send where nothing was chosen yet."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

DAY = timedelta(days=1)

FOREVER = timedelta(days=365_000)
"""A step so long that all time there was lies in one."""


WIDEST_MILLISECONDS = 1e12

MOST_CONDITIONS = 100


@dataclass(frozen=True)
class Width:
    """How fine a panel can show: the shortest step that it asks for, and the number of points that it has room for."""

    interval: timedelta = timedelta(0)
    points: float = POINTS

    @classmethod
    def of(cls, interval_milliseconds: float | None, points: float | None) -> "Width":
        most = points if points and points >= 1 and math.isfinite(points) else POINTS
        interval = interval_milliseconds or 0
        return cls(timedelta(milliseconds=min(max(interval, 0), WIDEST_MILLISECONDS)), min(most, LONGEST))


@dataclass(frozen=True)
class Told:
    """An answer with the time it is about. step: None where it is one total."""

    answer: Answer
    window: Window
    step: timedelta | None


def ask(
    asker: Asker,
    target: str,
    payload: Payload,
    window: Window,
    conditions: tuple[Condition, ...],
    width: Width,
    finest: timedelta,
) -> Told:
    """Ask what a target names.

    Raises:
        ApiError: 400, where there is no such metric, or it cannot be asked this way.
    """
    names = read_names(target)
    step = chosen_step(payload, window, width, finest)
    aligned = aligned_to(window, step) if step else window
    asked = Question(aligned, step, payload.by, bounded(conditions + payload.conditions()))
    if names == (LEDGER,):
        return Told(chosen_columns(asker.ledger(asked), payload), aligned, step)
    if LEDGER in names:
        raise ApiError(400, f"target = {target!r}: the ledger and metrics are asked for one by one")
    metrics = chosen_metrics(names, payload.by, asked.where, payload.stat, "gpus")
    answer = asker.range(replace(asked, step=step or FOREVER), metrics, payload.stat)
    return Told(answer if step else dated(answer, window.start), aligned, step)


def bounded(conditions: tuple[Condition, ...]) -> tuple[Condition, ...]:
    if len(conditions) > MOST_CONDITIONS:
        raise ApiError(400, f"{len(conditions)} conditions; at most {MOST_CONDITIONS} are answered")
    return conditions


def read_names(target: str) -> tuple[str, ...]:
    """One name, or several that a variable stands for."""
    try:
        names = tuple(name if name == LEDGER else read_metric(name) for name in read_many(target))
    except ValueError as error:
        raise ApiError(400, f"target: {error}") from None
    if not names:
        raise ApiError(400, f"target = {target!r}: write a metric, or several as in (gpus_busy|gpus_idle)")
    return names


def chosen_step(payload: Payload, window: Window, width: Width, finest: timedelta) -> timedelta | None:
    """The step that is asked for; else the finest that the panel has room for."""
    if payload.step == TOTAL or (payload.step is None and payload.format == "table") or width.points < 2:
        return None
    least = max(finest, width.interval, window.length / (width.points - 1))
    fitting = next((step for step in STEPS if step >= least and step % finest == timedelta(0)), None)
    if not isinstance(payload.step, timedelta):
        return fitting or math.ceil(least / DAY) * DAY
    check_step(payload.step, finest)
    if window.length / payload.step > LONGEST:
        text = format_duration(payload.step)
        raise ApiError(
            400, f"step = {text}: gives {window.length // payload.step} steps; at most {LONGEST} are answered"
        )
    return payload.step


def aligned_to(window: Window, step: timedelta) -> Window:
    """The whole steps that a window touches: what begins or ends within one would look like less."""
    return Window(window.start - (window.start - EPOCH) % step, window.end + (EPOCH - window.end) % step)


def dated(answer: Answer, time: datetime) -> Answer:
    """A total, with the time at which what it is about began."""
    times = pa.array([time] * len(answer.rows), TIME)
    return replace(
        answer, rows=answer.rows.set_column(answer.rows.schema.get_field_index("time"), "time", times), times=None
    )


def chosen_columns(answer: Answer, payload: Payload) -> Answer:
    if not payload.columns:
        return answer
    possible = [name for name in answer.rows.column_names if name not in ("time", *answer.by)]
    for name in payload.columns:
        if name not in possible:
            raise ApiError(400, f"columns: the ledger has no {name!r}; it has: {', '.join(possible)}")
    return replace(answer, rows=answer.rows.select(["time", *answer.by, *payload.columns]))


def describe_targets() -> dict[str, str]:
    """What can be asked for, and what it is."""
    return {LEDGER: "Where every GPU-second went"} | {name: metric.entry.help for name, metric in METRICS.items()}
