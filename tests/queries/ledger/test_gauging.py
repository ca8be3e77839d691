from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from queries.catalogue import READINGS
from queries.ledger.gauging import Gauged, gauge
from queries.ledger.inputs import SCHEMAS
from queries.ledger.standing import Stands
from tests.sketch import GRAPHICS_ENGINE, Sketch

ENGINE = READINGS["dcgm", GRAPHICS_ENGINE]
KERNEL = READINGS["dcgm", "DCGM_FI_DEV_GPU_UTIL"]
ENERGY = "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION"
POWER = READINGS["dcgm", "DCGM_FI_DEV_POWER_USAGE"]

STEP = 60
NOTHING = float("nan")

Stood = tuple[int, float, float, float]
"""A series, from when until when (seconds) it stands, and with which value."""

Shown = dict[tuple[int, int], float]
"""The value by device and step."""


def gauged(
    *stood: Stood,
    devices: Sequence[int | None] = (0,),
    readings: Sequence[int] = (),
    start: int = 0,
    until: int = 300,
) -> pa.Table:
    """devices: of each series, None for one that is of no GPU."""
    columns = [np.array(column, float) for column in zip(*stood, strict=True)] or [np.empty(0)] * 4
    series, since, end, values = columns
    stands = Stands(
        series.astype(int), (since * 1000).round().astype(int), (end * 1000).round().astype(int), values.astype(float)
    )
    listed = [
        {"series": number, "device": device, "reading": readings[number] if readings else ENGINE.number}
        for number, device in enumerate(devices)
        if device is not None
    ]
    gpu_series = pa.Table.from_pylist(listed, schema=SCHEMAS["gpu_series"])
    return gauge(stands, gpu_series, start * 1000, until * 1000, STEP * 1000).readings


def shown(*stood: Stood, devices: Sequence[int | None] = (0,), start: int = 0, until: int = 300) -> Shown:
    rows = gauged(*stood, devices=devices, start=start, until=until).to_pylist()
    found = {(row["device"], row["step"] // 1000): row[ENGINE.column] for row in rows}
    assert len(found) == len(rows)
    return {cell: value for cell, value in found.items() if value is not None}


def test_samples_as_long_as_the_step_are_its_values() -> None:
    assert shown((0, 0, 60, 0.1), (0, 60, 120, 0.2), (0, 180, 240, 0.3)) == {(0, 0): 0.1, (0, 60): 0.2, (0, 180): 0.3}


def test_a_sample_at_a_boundary_belongs_to_the_step_that_begins_there() -> None:
    assert shown((0, 60, 90, 1)) == {(0, 60): 1}
    assert shown((0, 30, 60, 1)) == {(0, 0): 1}
    assert shown((0, 30, 60.001, 1)) == {(0, 0): 1, (0, 60): 1}


def test_a_step_shows_the_mean_over_the_time_that_is_covered() -> None:
    assert shown((0, 0, 15, 1), (0, 15, 60, 0)) == {(0, 0): 0.25}
    assert shown((0, 0, 15, 1), (0, 45, 60, 0.5)) == {(0, 0): 0.75}


def test_a_sample_that_stands_over_steps_counts_in_each() -> None:
    found = shown((0, 30, 90, 1), (0, 90, 210, 0))
    assert found == {(0, 0): 1, (0, 60): 0.5, (0, 120): 0, (0, 180): 0}


@given(st.lists(st.tuples(st.integers(1, 200), st.floats(0, 1)), min_size=1, max_size=12), st.integers(0, 100))
def test_over_all_steps_every_second_counts_once(lengths: list[tuple[int, float]], start: int) -> None:
    stood: list[Stood] = []
    time = start
    for length, value in lengths:
        stood.append((0, time, time + length, value))
        time += length
    found = shown(*stood, until=-(-time // STEP) * STEP)
    covered = {step: min(step + STEP, time) - max(step, start) for _, step in found}
    assert set(covered) == set(range(start // STEP * STEP, time, STEP))
    total = sum(value * covered[step] for (_, step), value in found.items())
    assert total == pytest.approx(sum(length * value for length, value in lengths))


def test_what_lies_beyond_the_window_does_not_count() -> None:
    stood = [(0, 0, 120, 0.1), (0, 120, 150, 0.2), (0, 150, 300, 0.4), (0, 300, 360, 0.5)]
    assert shown(*stood, start=60, until=180) == {(0, 60): 0.1, (0, 120): pytest.approx(0.3)}
    assert shown((0, 0, 60, 1), (0, 180, 240, 1), start=60, until=180) == {}


def test_a_value_that_says_nothing_neither_shows_nor_counts() -> None:
    assert shown((0, 0, 30, 0.5), (0, 30, 60, NOTHING), (0, 60, 120, NOTHING)) == {(0, 0): 0.5}


def test_a_utilization_that_cannot_be_true_is_told() -> None:
    rows = gauged((0, 0, 60, 0.5), (0, 60, 120, NOTHING), (0, 180, 240, 0.5)).to_pylist()
    assert [(row["step"] // 1000, row["is_spoiled"]) for row in rows] == [(0, False), (60, True), (180, False)]


def shared(*values: tuple[float, ...], nobodys: int | None = None) -> Gauged:
    """Each argument is a minute: the kernel utilization that is told for each pod on one GPU. nobodys: the one that
    names no pod."""
    stood = [
        (pod, minute * 60, minute * 60 + 60, value)
        for minute, told in enumerate(values)
        for pod, value in enumerate(told)
    ]
    series, since, end, measured = (np.array(column, float) for column in zip(*stood, strict=True))
    stands = Stands(series.astype(int), (since * 1000).astype(int), (end * 1000).astype(int), measured)
    listed = [
        {
            "series": pod,
            "device": 0,
            "reading": KERNEL.number,
            "job": "dcgm",
            "pod": None if pod == nobodys else f"p{pod}",
        }
        for pod in range(len(values[0]))
    ]
    gpu_series = pa.Table.from_pylist(listed, schema=SCHEMAS["gpu_series"])
    return gauge(stands, gpu_series, 0, len(values) * 60_000, STEP * 1000)


def test_processes_that_are_told_apart_are_added() -> None:
    found = shared((0.5, 0.25), (0.25, 0.25), (0.75, 0.5))
    assert found.readings[KERNEL.column].to_pylist() == [0.75, 0.5, 1.0]
    told = [(row["step"] // 60_000, row["series"], row["u"]) for row in found.processes.to_pylist()]
    assert sorted(told) == [(0, 0, 0.5), (0, 1, 0.25), (1, 0, 0.25), (1, 1, 0.25), (2, 0, 0.75), (2, 1, 0.5)]


def test_the_device_s_own_value_counts_beside_those_of_its_holders() -> None:
    found = shared((0.5, 0.25, 0.6), (0.25, 0.25, 0.3), nobodys=2)
    assert found.readings[KERNEL.column].to_pylist() == [0.6, 0.3]
    assert {row["series"] for row in found.processes.to_pylist()} == {0, 1}


def test_values_copied_to_every_holder_count_once() -> None:
    found = shared((0.5, 0.5), (0.25, 0.25))
    assert found.readings[KERNEL.column].to_pylist() == [0.5, 0.25]
    assert found.processes.num_rows == 0


def test_whether_processes_are_told_apart_is_decided_by_the_hour() -> None:
    """So that booking hours one by one or together comes to the same."""
    found = shared(*[(0.5, 0.25)] * 60, *[(0.25, 0.25)] * 60)
    assert found.readings[KERNEL.column].to_pylist() == [0.75] * 60 + [0.25] * 60
    assert found.processes.num_rows == 120


def test_series_that_follow_each_other_are_one() -> None:
    """The label of the holder changed within the step."""
    found = shown((0, 0, 60, 1), (0, 60, 90, 1), (1, 90, 120, 0), (1, 120, 180, 0.25), devices=(0, 0))
    assert found == {(0, 0): 1, (0, 60): 0.5, (0, 120): 0.25}


def test_of_copies_the_largest_counts() -> None:
    """Two exporters, a replica of Prometheus, or the same value for each of several holders."""
    found = shown((0, 0, 60, 0.5), (0, 60, 120, 0.1), (1, 0, 60, 0.5), (1, 60, 120, 0.3), devices=(0, 0))
    assert found == {(0, 0): 0.5, (0, 60): 0.3}


def test_copies_are_compared_by_their_means_and_not_by_their_peaks() -> None:
    found = shown((0, 0, 6, 1), (0, 6, 60, 0), (1, 0, 60, 0.2), (2, 0, 60, 0.15), devices=(0, 0, 0))
    assert found == {(0, 0): pytest.approx(0.2)}


def test_a_little_overlap_is_no_copy() -> None:
    """The last sample of a holder stands an interval beyond its end."""
    found = shown((0, 0, 32, 1), (1, 30, 60, 0), devices=(0, 0))
    assert found == {(0, 0): pytest.approx(32 / 62)}
    assert shown((0, 0, 35, 1), (1, 30, 60, 0), devices=(0, 0)) == {(0, 0): 1}


def test_devices_and_readings_are_apart() -> None:
    found = gauged(
        (0, 0, 60, 0.5),
        (1, 0, 60, 0.7),
        (2, 0, 60, 400),
        (2, 60, 120, 410),
        devices=(0, 3, 0),
        readings=(ENGINE.number, ENGINE.number, POWER.number),
    )
    assert found.select(["device", "step", ENGINE.column, POWER.column]).to_pylist() == [
        {"device": 0, "step": 0, ENGINE.column: 0.5, POWER.column: 400},
        {"device": 0, "step": 60_000, ENGINE.column: None, POWER.column: 410},
        {"device": 3, "step": 0, ENGINE.column: 0.7, POWER.column: None},
    ]


def test_series_of_others_than_gpus_show_nothing() -> None:
    found = shown((0, 0, 60, 0.5), (1, 0, 60, 7), (2, 0, 60, 0.6), (5, 0, 60, 8), devices=(0, None, 3))
    assert found == {(0, 0): 0.5, (3, 0): 0.6}


def test_nothing_shows_where_nothing_stands() -> None:
    for found in (gauged(), gauged(devices=()), gauged((0, 0, 60, 1), devices=())):
        assert found.num_rows == 0
        assert {"device", "step"} <= set(found.column_names)


def millijoules(watts: float, minutes: int, first: int = 0) -> list[float | None]:
    return [first + watts * 60_000 * minute for minute in range(minutes)]


def energy_of(sketch: Sketch) -> dict[str, float]:
    summed = sketch.rows_booked().groupby("gpu_uuid")["energy_joules"].sum()
    return {str(uuid): float(joules) for uuid, joules in summed.items()}


def test_the_energy_of_a_gpu_is_what_its_counter_grew() -> None:
    sketch = Sketch(minutes=61)
    sketch.gpu("GPU-a", "n1", 0.5)
    sketch.gpu("GPU-a", "n1", millijoules(300, 61, first=10**9), series=ENERGY)
    assert energy_of(sketch) == {"GPU-a": pytest.approx(300 * 3600)}


def test_a_counter_that_begins_again_takes_no_energy_back() -> None:
    """Half an hour of 300 W, the driver is loaded again, and half an hour of 200 W from 0 on: of the minute between,
    what the counter had reached at its end is known."""
    sketch = Sketch(minutes=61)
    sketch.gpu("GPU-a", "n1", 0.5)
    sketch.gpu("GPU-a", "n1", [*millijoules(300, 31, first=10**9), *millijoules(200, 31)[1:]], series=ENERGY)
    assert energy_of(sketch) == {"GPU-a": pytest.approx(300 * 1800 + 200 * 1800)}
    assert sketch.rows_booked()["energy_joules"].min() > 0


@pytest.mark.parametrize(
    "profiles", [("3g.40gb", "2g.20gb", "1g.10gb", "1g.10gb"), ("2g.20gb", "2g.20gb", "1g.10gb"), ("1g.10gb",)]
)
def test_energy_that_mig_instances_repeat_is_taken_once(profiles: tuple[str, ...]) -> None:
    """Each instance has the counter of its GPU; each takes the part of it that its slices are, and those that nobody
    cut take the rest."""
    sketch = Sketch(minutes=61)
    for number, profile in enumerate(profiles, start=7):
        mig = {"instance": str(number), "profile": profile}
        sketch.gpu("GPU-a", "n1", 0.5, pod=f"p{number}", **mig)
        sketch.gpu("GPU-a", "n1", millijoules(300, 61), series=ENERGY, pod=f"p{number}", **mig)
    rows = sketch.rows_booked()
    assert rows["energy_joules"].sum() == pytest.approx(300 * 3600)
    by_instance = rows[rows.gpu_instance == "7"]["energy_joules"].sum()
    assert by_instance == pytest.approx(300 * 3600 * int(profiles[0][0]) / 7)


def test_energy_that_two_exporters_tell_is_taken_once() -> None:
    sketch = Sketch(minutes=61)
    sketch.gpu("GPU-a", "n1", 0.5)
    for _ in range(2):
        sketch.gpu("GPU-a", "n1", millijoules(300, 61), series=ENERGY)
    assert energy_of(sketch) == {"GPU-a": pytest.approx(300 * 3600)}


def test_no_energy_is_lost_where_the_label_of_the_holder_changes() -> None:
    sketch = Sketch(minutes=61)
    counted = millijoules(300, 61)
    for pod, since, until in ((None, 0, 10), ("p", 10, 30), (None, 30, 61)):
        own = [value if since <= minute < until else None for minute, value in enumerate(counted)]
        sketch.gpu("GPU-a", "n1", [None if value is None else 0.5 for value in own], pod=pod)
        sketch.gpu("GPU-a", "n1", own, series=ENERGY, pod=pod)
    rows = sketch.rows_booked()
    assert rows["energy_joules"].sum() == pytest.approx(300 * 3600)
    assert rows[rows.pod == "p"]["energy_joules"].sum() == pytest.approx(300 * 1200)


@pytest.mark.parametrize("missing", [None, 9223372036854775794.0])
def test_no_energy_is_lost_in_a_gap_of_the_counter(missing: float | None) -> None:
    sketch = Sketch(minutes=61)
    sketch.gpu("GPU-a", "n1", 0.5)
    counted = millijoules(300, 61)
    sketch.gpu("GPU-a", "n1", [*counted[:30], *[missing] * 10, *counted[40:]], series=ENERGY)
    assert energy_of(sketch) == {"GPU-a": pytest.approx(300 * 3600)}
