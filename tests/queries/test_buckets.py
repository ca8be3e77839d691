from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from queries.buckets import Buckets, Step
from queries.calendar import Calendar, parse_zone
from queries.catalogue import METRICS
from queries.engine import Engine
from queries.plan import Part, plan
from queries.question import Asker, Question
from queries.scope import EVERYTHING
from queries.window import HOUR, Window
from tests.queries.measured import ALL, RETAINED

BERLIN, KOLKATA = (Calendar(1, "day", parse_zone(name)) for name in ("Europe/Berlin", "Asia/Kolkata"))
MONTH = Calendar(1, "month", parse_zone("Asia/Kolkata"))
WEEK = Calendar(1, "week", parse_zone("Europe/Berlin"))
RAGGED = Window(ALL.start + timedelta(minutes=75), ALL.end - timedelta(minutes=45))


def seconds_by_day(raw: pd.DataFrame, window: Window, zone: str) -> dict[str, float]:
    """The capacity of each local date, sample by sample."""
    within = raw[(raw["time"] >= window.start) & (raw["time"] < window.end)]
    days = within["time"].dt.tz_convert(zone).dt.strftime("%Y-%m-%d")
    return {str(day): float(seconds) for day, seconds in within.groupby(days)["capacity_seconds"].sum().items()}


def found_by_day(rows: pd.DataFrame, column: str, zone: str) -> dict[str, float]:
    days = rows["time"].dt.tz_convert(zone)
    assert all(day.hour == day.minute == 0 for day in days)
    return dict(zip(days.dt.strftime("%Y-%m-%d"), rows[column], strict=True))


@pytest.mark.parametrize("window", [ALL, RAGGED], ids=str)
@pytest.mark.parametrize("calendar", [BERLIN, KOLKATA], ids=str)
def test_days_of_a_zone_hold_what_was_booked_in_them(
    kept: Engine, raw: pd.DataFrame, calendar: Calendar, window: Window
) -> None:
    asker = Asker(kept, EVERYTHING, [], ALL.end)
    question = Question(window, calendar)
    zone = calendar.zone.key
    expected = seconds_by_day(raw, window, zone)
    rows = asker.ledger(question).rows.to_pandas()
    assert found_by_day(rows, "capacity_seconds", zone) == pytest.approx(expected)
    busy, joules = ("gpus_busy", "gpu_energy_joules")
    answer = asker.range(question, [METRICS[busy], METRICS[joules]])
    assert answer.rows["time"].to_pylist() == answer.times.to_pylist() == rows["time"].to_list()  # type: ignore[union-attr]
    assert answer.rows[joules].to_pylist() == pytest.approx(rows["energy_joules"].to_list())


def test_a_day_has_as_many_gpu_hours_as_its_clock(kept: Engine) -> None:
    """30 March 2025 has 23 hours in Berlin: 9 GPUs are there (two of them for a slice each, and the rest of it)."""
    rows = Asker(kept, EVERYTHING, [], ALL.end).ledger(Question(ALL, BERLIN)).rows.to_pandas()
    days = found_by_day(rows, "capacity_seconds", "Europe/Berlin")
    assert days["2025-03-30"] == pytest.approx(9 * 23 * 3600)
    assert days["2025-03-29"] == pytest.approx(9 * 5 * 3600)


def test_only_the_hours_that_a_day_cuts_are_read_from_samples() -> None:
    assert plan(ALL, KOLKATA) == [
        Part("hour", Window(ALL.start + HOUR, ALL.start + 24 * HOUR)),
        Part("hour", Window(ALL.start + 25 * HOUR, ALL.end)),
        Part("raw", Window(ALL.start, ALL.start + HOUR)),
        Part("raw", Window(ALL.start + 24 * HOUR, ALL.start + 25 * HOUR)),
    ]
    assert plan(ALL, BERLIN) == [Part("hour", ALL)]


def test_where_samples_are_gone_hours_are_not_cut_and_counted_once(forgotten: Engine, raw: pd.DataFrame) -> None:
    asker = Asker(forgotten, EVERYTHING, [], ALL.end)
    answer = asker.ledger(Question(ALL, KOLKATA))
    assert answer.warnings == (
        "before 2025-03-30T00:00:00Z samples are no longer kept, and hours are not cut: each counts where it begins",
    )
    assert answer.layers == ("hour", "raw")
    found = found_by_day(answer.rows.to_pandas(), "capacity_seconds", "Asia/Kolkata")
    expected = seconds_by_day(raw, ALL, "Asia/Kolkata")
    assert found["2025-03-29"] == pytest.approx(expected["2025-03-29"] + 9 * 1800)
    assert found["2025-03-31"] == pytest.approx(expected["2025-03-31"])
    assert sum(found.values()) == pytest.approx(sum(expected.values()))


def test_adjoining_windows_are_together_what_they_are_as_one(forgotten: Engine) -> None:
    """Also where they meet within an hour of which no samples are left."""
    asker = Asker(forgotten, EVERYTHING, [], ALL.end)
    middle = ALL.start + timedelta(minutes=90)
    parts = [asker.ledger(Question(window)) for window in (Window(ALL.start, middle), Window(middle, ALL.end))]
    assert all(part.warnings for part in parts)
    assert sum(part.rows["capacity_seconds"][0].as_py() for part in parts) == pytest.approx(9 * 36 * 3600)


def test_steps_that_need_samples_which_are_gone_are_told_so(forgotten: Engine) -> None:
    asker = Asker(forgotten, EVERYTHING, [], ALL.end)
    answer = asker.range(Question(ALL, timedelta(minutes=15)), [METRICS["gpus_busy"]])
    assert answer.warnings == (
        "nothing is told before 2025-03-30T00:00:00Z: samples are no longer kept; ask for steps of whole hours",
    )
    assert min(answer.rows["time"].to_pylist()) == RETAINED
    assert answer.times is not None
    assert answer.times[0].as_py() == ALL.start


@pytest.mark.parametrize(
    ("step", "first"),
    [
        (timedelta(minutes=15), ALL.start),
        (timedelta(days=7), datetime(2025, 3, 27, tzinfo=UTC)),
        (WEEK, datetime(2025, 3, 23, 23, tzinfo=UTC)),
        (MONTH, datetime(2025, 2, 28, 18, 30, tzinfo=UTC)),
    ],
)
def test_every_step_has_a_time(kept: Engine, step: Step, first: datetime) -> None:
    times = Buckets(ALL, step).starts().to_pylist()
    assert times[0] == first
    assert times[-1] < ALL.end
    rows = Asker(kept, EVERYTHING, [], ALL.end).range(Question(ALL, step), [METRICS["gpus_busy"]]).rows
    assert rows["time"].to_pylist() == times
