from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest

from queries.buckets import Step
from queries.calendar import Calendar, parse_zone
from queries.catalogue import METRICS, PERCENTILES
from queries.condition import Condition
from queries.engine import Engine
from queries.lake import Lake
from queries.question import Asker, Question, UnansweredError
from queries.ranking import Ranking
from queries.scope import EVERYTHING, Scope
from queries.stop import Stop, TooManyRowsError
from queries.window import HOUR, Window
from tests.queries.measured import ALL, RETAINED, fill, percentile, statistic_of
from tests.sketch import Sketch

QUARTER = timedelta(minutes=15)
BERLIN = Calendar(1, "day", parse_zone("Europe/Berlin"))
UTILIZATION = "gpu_utilization_ratio"
LATER = Window(RETAINED, ALL.end)


def ask(engine: Engine, question: Question, metric: str, statistic: str, slot: timedelta | None = None) -> pd.DataFrame:
    asker = Asker(engine, EVERYTHING, [], ALL.end)
    frame: pd.DataFrame = asker.range(question, [METRICS[metric]], statistic, slot).rows.to_pandas()
    return frame


def weight_of(metric: str) -> str:
    return str(METRICS[metric].denominator)


def bucket_of(times: pd.Series, step: Step) -> pd.Series:
    floored: pd.Series = (
        times.dt.floor(step)
        if isinstance(step, timedelta)
        else times.dt.tz_convert(step.zone).dt.normalize().dt.tz_convert("UTC")
    )
    return floored


@pytest.mark.parametrize(
    ("statistic", "step"),
    [*((statistic, 6 * HOUR) for statistic in PERCENTILES), ("p50", QUARTER), ("p75", HOUR), ("p95", BERLIN)],
)
@pytest.mark.parametrize("metric", [UTILIZATION, "gpu_power_watts"])
def test_percentiles_of_samples_are_exact(
    kept: Engine, raw: pd.DataFrame, metric: str, statistic: str, step: Step
) -> None:
    found = ask(kept, Question(ALL, step, ("project",)), metric, statistic)
    assert len(found) > 3
    buckets = bucket_of(raw["time"], step)
    for time, project, value in zip(found["time"], found["project"], found[metric], strict=True):
        mine = raw[(buckets == time) & (raw["project"].isna() if pd.isna(project) else raw["project"].eq(project))]
        expected = percentile(mine[f"{metric}_max"], mine[weight_of(metric)], PERCENTILES[statistic])
        assert value == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("statistic", PERCENTILES)
def test_percentiles_of_hours_are_within_a_point(forgotten: Engine, raw: pd.DataFrame, statistic: str) -> None:
    early = Window(ALL.start, RETAINED)
    found = ask(forgotten, Question(early, HOUR, ("cluster",)), UTILIZATION, statistic)
    assert len(found) == 2 * 6
    hours = raw["time"].dt.floor(HOUR)
    for time, cluster, value in zip(found["time"], found["cluster"], found[UTILIZATION], strict=True):
        mine = raw[(hours == time) & (raw["cluster"] == cluster)]
        expected = percentile(mine[f"{UTILIZATION}_max"], mine["measured_seconds"], PERCENTILES[statistic])
        assert expected - 0.01 < value <= expected


def test_a_percentile_over_both_layers_is_within_a_point_and_says_so(forgotten: Engine, raw: pd.DataFrame) -> None:
    asker = Asker(forgotten, EVERYTHING, [], ALL.end)
    answer = asker.range(Question(ALL, 48 * HOUR), [METRICS[UTILIZATION]], "p50")
    assert answer.layers == ("hour", "raw")
    assert answer.warnings == (f"{UTILIZATION}: before 2025-03-30T00:00:00Z, from hours: within one percentage point",)
    expected = percentile(raw[f"{UTILIZATION}_max"], raw["measured_seconds"], 0.5)
    assert expected - 0.01 < answer.rows[UTILIZATION][0].as_py() <= expected


def test_where_samples_are_kept_a_percentile_does_not_touch_hours(forgotten: Engine) -> None:
    asker = Asker(forgotten, EVERYTHING, [], ALL.end)
    answer = asker.range(Question(LATER, 6 * HOUR), [METRICS[UTILIZATION]], "p95")
    assert (answer.layers, answer.warnings) == (("raw",), ())


def test_percentiles_of_a_gauge_are_told_from_samples_only(forgotten: Engine) -> None:
    asker = Asker(forgotten, EVERYTHING, [], ALL.end)
    watts = [METRICS["gpu_power_watts"]]
    answer = asker.range(Question(ALL, HOUR), watts, "p90")
    assert min(answer.rows["time"].to_pylist()) == RETAINED
    assert answer.warnings == (
        "gpu_power_watts: no p90 before 2025-03-30T00:00:00Z: it needs samples, which are no longer kept",
    )
    with pytest.raises(UnansweredError, match="gpu_power_watts: p90 needs samples, which are kept since 2025-03-30"):
        asker.range(Question(Window(ALL.start, RETAINED), HOUR), watts, "p90")


def test_a_limit_counts_the_rows_that_are_answered(kept: Engine) -> None:
    asker, question = Asker(kept, EVERYTHING, [], ALL.end), Question(ALL, 6 * HOUR, ("project",))
    metrics = [METRICS[UTILIZATION], METRICS["gpu_power_watts"]]
    rows = asker.range(question, metrics, "p90").rows
    assert asker.within(Stop(), len(rows)).range(question, metrics, "p90").rows.equals(rows)
    with pytest.raises(TooManyRowsError):
        asker.within(Stop(), len(rows) - 1).range(question, metrics, "p90")


def own_values(raw: pd.DataFrame, by: str, slot: timedelta) -> pd.DataFrame:
    """The GPUs that each group had allocated in each slot; 0 where its clusters were collected and it had none."""
    rows = raw.assign(
        slot=raw["time"].dt.floor(slot), seconds=raw["busy_seconds"] + raw["idle_seconds"] + raw["held_seconds"]
    )
    steps = rows.drop_duplicates(["cluster", "time"]).groupby(["cluster", "slot"])["elapsed_seconds"].sum()
    had = rows.groupby(["cluster", by, "slot"], dropna=False)["seconds"].sum()
    rates = had.reset_index().join(steps, on=["cluster", "slot"])
    rates["gpus"] = rates["seconds"] / rates["elapsed_seconds"]
    table = rates.pivot_table(index=by, columns="slot", values="gpus", aggfunc="sum", fill_value=0)
    told: pd.DataFrame = table.reset_index().melt(id_vars=by, var_name="slot", value_name="gpus")
    return told.astype({"slot": raw["time"].dtype})


@pytest.mark.parametrize(
    ("statistic", "step"),
    [("mean", HOUR), ("min", HOUR), ("max", BERLIN), ("p25", 6 * HOUR), ("p50", BERLIN), ("p95", BERLIN)],
)
def test_statistics_over_time_are_over_what_a_group_had_at_once(
    kept: Engine, raw: pd.DataFrame, statistic: str, step: Step
) -> None:
    found = ask(kept, Question(ALL, step, ("project",)), "gpus_allocated", statistic, QUARTER)
    values = own_values(raw, "project", QUARTER)
    buckets = bucket_of(values["slot"], step)
    named = found[found["project"].notna()]
    assert set(named["project"]) == {"a", "b"}
    for time, project, value in zip(named["time"], named["project"], named["gpus_allocated"], strict=True):
        mine = values[(buckets == time) & (values["project"] == project)]["gpus"]
        expected = statistic_of(mine, pd.Series(1.0, mine.index), statistic)
        assert value == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("metric", ["gpus_allocated", "gpus_idle"])
def test_the_mean_over_time_is_the_mean(kept: Engine, metric: str) -> None:
    """Where all of a window was collected, and steps of clusters are alike."""
    alpha = (Condition.parse("cluster==alpha"),)
    question = Question(ALL, 48 * HOUR, ("project",), alpha)
    over_time = ask(kept, question, metric, "mean", timedelta(minutes=5))
    pd.testing.assert_frame_equal(over_time, ask(kept, question, metric, "mean"))


def test_over_time_hours_stand_in_for_samples_that_are_gone(forgotten: Engine) -> None:
    asker = Asker(forgotten, EVERYTHING, [], ALL.end)
    question = Question(Window(ALL.start, RETAINED), 6 * HOUR, ("cluster",))
    answer = asker.range(question, [METRICS["gpus_busy"]], "max", QUARTER)
    assert answer.layers == ("hour",)
    assert answer.warnings == (
        "before 2025-03-30T00:00:00Z samples are no longer kept: there the statistic is over the means of hours",
    )
    hourly = ask(forgotten, Question(question.window, HOUR, ("cluster",)), "gpus_busy", "mean")
    assert answer.rows["gpus_busy"].to_pylist() == pytest.approx(hourly.groupby("cluster")["gpus_busy"].max().to_list())


def test_an_hour_weighs_as_much_as_its_samples_over_time(kept: Engine, forgotten: Engine) -> None:
    question = Question(ALL, 48 * HOUR, ("cluster",))
    exact, half = (ask(engine, question, "gpus_busy", "mean", QUARTER) for engine in (kept, forgotten))
    pd.testing.assert_frame_equal(exact, half)


@pytest.mark.parametrize("step", [QUARTER, HOUR], ids=str)
def test_a_sum_adds_up_the_gpus(kept: Engine, raw: pd.DataFrame, step: timedelta) -> None:
    found = ask(kept, Question(ALL, step, ("cluster",)), "gpu_power_watts", "sum")
    rows = raw.assign(bucket=raw["time"].dt.floor(step))
    joules = rows.groupby(["cluster", "bucket"])["gpu_power_watts_integral"].sum()
    expected = joules / step.total_seconds()
    assert found.set_index(["cluster", "time"])["gpu_power_watts"].to_dict() == pytest.approx(expected.to_dict())


def test_the_sum_of_what_is_a_sum_is_itself(kept: Engine) -> None:
    question = Question(ALL, HOUR, ("project",))
    for metric in ("gpus_busy", "gpu_energy_joules"):
        pd.testing.assert_frame_equal(ask(kept, question, metric, "sum"), ask(kept, question, metric, "mean"))


@pytest.mark.parametrize("slot", [None, QUARTER])
def test_a_scope_hides_what_it_does_not_name(kept: Engine, slot: timedelta | None) -> None:
    """However a statistic is computed, and also from the rest that a limit leaves."""
    shown = Asker(kept, Scope(frozenset({("alpha", "a")})), [], ALL.end)
    filtered = Question(ALL, 6 * HOUR, where=(Condition.parse("cluster==alpha"), Condition.parse("project==a")))
    everything = Asker(kept, EVERYTHING, [], ALL.end)
    metrics = [METRICS[UTILIZATION]]
    mine = shown.range(Question(ALL, 6 * HOUR), metrics, "p75", slot).rows
    assert mine.equals(everything.range(filtered, metrics, "p75", slot).rows)


def test_samples_are_there_since_they_were_dropped(kept: Engine, forgotten: Engine, tmp_path: Path) -> None:
    assert kept.lake.snapshot().samples_since() is None
    assert forgotten.lake.snapshot().samples_since() == RETAINED
    lake = fill(tmp_path)
    lake.ledger.drop("beta", "raw", "2025-03-29")
    for day in ("2025-03-30", "2025-03-31"):
        lake.ledger.drop("beta", "raw", day)
    assert lake.snapshot().samples_since() == ALL.end, "a cluster that has no samples has none from its end on"


def test_quotas_of_projects_stand_beside_what_their_gpus_did(tmp_path: Path) -> None:
    """A project has a quota of 4 and holds 2 GPUs, one of them busy; another has a quota of 3, and no GPU."""
    sketch = Sketch()
    sketch.node("n1", 2)
    for number, u in enumerate((1.0, 0.0)):
        sketch.pod(f"p{number}", "n1", 1, project="a")
        sketch.gpu(f"GPU-{number}", "n1", u, pod=f"p{number}")
    sketch.quota("a", 4)
    sketch.quota("c", 3)
    lake = Lake(str(tmp_path))
    lake.create()
    hour = Window(sketch.start, sketch.start + HOUR)
    lake.replace(hour, sketch.book().of(hour))
    names = ("gpus_quota", "gpus_allocated", "gpu_allocation_ratio", "gpu_utilization_ratio")
    engine = Engine(lake)
    try:
        for step in (HOUR, QUARTER):
            ranking = Ranking.parse("-gpus_quota", 1, True)
            for asked in (Question(hour, step, ("project",)), Question(hour, step, ("project",), ranking=ranking)):
                rows = Asker(engine, EVERYTHING, [], hour.end).range(asked, [METRICS[name] for name in names]).rows
                told = [tuple(row.values())[1:] for row in rows.to_pylist()]
                assert told[0] == ("a", 4, 2, 1, 0.5)
                assert told[1 if step == HOUR else -1] in {("c", 3, 0, None, None), ("other", 3, 0, None, None)}
    finally:
        engine.close()


@pytest.mark.parametrize("statistic", ["mean", "max", "p50"])
def test_the_rest_has_a_value_of_its_own_at_each_step(kept: Engine, statistic: str) -> None:
    """Of two clusters, one has the place: the rest is the other."""
    ranking = Ranking.parse("-gpus_busy", 1, True)
    found = ask(kept, Question(ALL, 12 * HOUR, ("cluster",), ranking=ranking), "gpus_busy", statistic, QUARTER)
    alone = ask(kept, Question(ALL, 12 * HOUR, ("cluster",)), "gpus_busy", statistic, QUARTER)
    (first,) = set(found["cluster"]) - {"other"}
    for name, same in ((first, first), ("other", ({"alpha", "beta"} - {first}).pop())):
        expected = alone[alone["cluster"] == same]["gpus_busy"].to_list()
        assert found[found["cluster"] == name]["gpus_busy"].to_list() == pytest.approx(expected)
