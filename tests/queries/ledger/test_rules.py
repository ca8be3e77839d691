"""The rules of the ledger against a plain reading of them, and what must hold whatever is booked. On random nodes."""

from dataclasses import dataclass

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.booked import SECONDS
from tests.depth import deep
from tests.sketch import Sketch, booked_frame

STEP = 60.0
KERNEL = "DCGM_FI_DEV_GPU_UTIL"

FEW = settings(max_examples=deep(5), deadline=None, suppress_health_check=list(HealthCheck))
"""Every example books many nodes at once."""

utilizations = st.one_of(
    st.none(), st.just(0.0), st.just(1.0), st.integers(0, 2**30).map(lambda steps: steps / 2**30), st.just(13.0)
)
"""Of a GPU in a step: not exported, a share as finely as it is told apart, or a spike."""


@dataclass(frozen=True)
class Gpu:
    """One GPU on a node of its own: everything that the rules look at."""

    u: float | None
    is_listed: bool
    is_ready: bool
    is_cordoned: bool
    requests: tuple[float, ...]
    names_pods: bool


@st.composite
def gpus(draw: st.DrawFn) -> Gpu:
    count = draw(st.integers(0, 3))
    return Gpu(
        u=draw(utilizations),
        is_listed=draw(st.booleans()),
        is_ready=draw(st.sampled_from([True, True, True, False])),
        is_cordoned=draw(st.sampled_from([False, False, True])),
        requests=tuple(draw(st.sampled_from([0.25, 0.5, 0.75, 1.0])) for _ in range(count)),
        names_pods=draw(st.sampled_from([True, True, False])),
    )


def by_the_rules(gpu: Gpu) -> dict[str, float]:
    """The seconds per column and the measured ones, by the table of rules, read as it is written."""
    s, seconds = STEP, dict.fromkeys([*SECONDS, "measured_seconds"], 0.0)
    u = gpu.u if gpu.u is not None and 0 <= gpu.u <= 1 else None
    is_seen = gpu.u is not None
    holders = len(gpu.requests)
    is_named = gpu.names_pods and is_seen and holders > 0
    is_known = gpu.is_listed or is_named
    is_bad = gpu.is_listed and not gpu.is_ready and not (u or 0) > 0
    is_cordoned = gpu.is_listed and gpu.is_cordoned
    wanted = [request if request < 1 else 1 / holders for request in gpu.requests] if is_named else list(gpu.requests)
    is_certain = is_named or (holders == 1 and gpu.requests[0] >= 1)
    if not is_known or (not gpu.is_listed and not is_named):
        wanted = []
    if not is_named and sum(wanted) > 1:  # by the node: laid one after the other, what does not fit is not booked
        wanted = [1.0]
    scale = max(1.0, sum(wanted))
    shares = [want / scale for want in wanted]
    held = sum(shares)
    rest = 1 - held
    if is_bad:
        return seconds | {"unavailable_seconds": s}
    if shares and is_certain and u is not None:
        seconds["busy_seconds"] = s * min(u, held)
        seconds["idle_seconds"] = s * held - seconds["busy_seconds"]
        seconds["measured_seconds"] += s * held
    elif shares:
        seconds["held_seconds"] = s * held
    if rest > 1e-9:
        worked = s * max(0.0, (u or 0) - held)
        column = "unknown" if not is_known else "unavailable" if is_cordoned else "free"
        seconds["unattributed_seconds"] = worked
        seconds[f"{column}_seconds"] += s * rest - worked
        seconds["measured_seconds"] += s * rest if u is not None else 0
    return seconds


def sketched(found: list[Gpu]) -> Sketch:
    sketch = Sketch()
    for number, gpu in enumerate(found):
        node, uuid = f"n{number}", f"GPU-{number}"
        pods = [f"p{number}-{holder}" for holder in range(len(gpu.requests))]
        if gpu.is_listed:
            sketch.node(node, 1)
            sketch.node(node, float(gpu.is_ready), "ready")
            sketch.node(node, float(gpu.is_cordoned), "cordoned")
        for pod, request in zip(pods, gpu.requests, strict=True):
            sketch.pod(pod, node, request)
        if gpu.u is not None:
            for named in pods if gpu.names_pods and pods else [None]:
                sketch.gpu(uuid, node, gpu.u, pod=named)
    return sketch


@FEW
@given(st.lists(gpus(), min_size=30, max_size=60))
def test_every_node_is_booked_by_the_rules(found: list[Gpu]) -> None:
    listed = [gpu for gpu in found if gpu.is_listed]
    rows = sketched(listed).rows_booked()
    booked = rows[rows.minute == 30].groupby("node")[[*SECONDS, "measured_seconds"]].sum()
    for number, gpu in enumerate(listed):
        expected = by_the_rules(gpu)
        assert booked.loc[f"n{number}"].to_dict() == pytest.approx(expected, abs=1e-6), gpu


@FEW
@given(st.lists(gpus(), min_size=30, max_size=60))
def test_without_a_scheduler_the_labels_alone_count(found: list[Gpu]) -> None:
    silent = [Gpu(gpu.u, False, True, False, gpu.requests, gpu.names_pods) for gpu in found if gpu.u is not None]
    if not any(gpu.names_pods and gpu.requests for gpu in silent):
        return  # nobody names a pod: then nothing is known, which the next test books
    sketch = Sketch()
    for number, gpu in enumerate(silent):
        pods = [f"p{number}-{holder}" for holder in range(len(gpu.requests))]
        for pod in pods if gpu.names_pods and pods else [None]:
            sketch.gpu(f"GPU-{number}", f"n{number}", gpu.u or 0.0, pod=pod)
    rows = sketch.rows_booked()
    booked = rows[rows.minute == 30].groupby("node")[[*SECONDS, "measured_seconds"]].sum()
    for number, gpu in enumerate(silent):
        expected = by_the_rules(
            Gpu(gpu.u, True, True, False, (1.0,) * len(gpu.requests) if gpu.names_pods else (), gpu.names_pods)
        )
        assert booked.loc[f"n{number}"].to_dict() == pytest.approx(expected, abs=1e-6), gpu


@st.composite
def busy_nodes(draw: st.DrawFn) -> Sketch:
    """Nodes of several GPUs on which things change in the middle of hours, over two hours."""
    sketch = Sketch(minutes=120)
    for number in range(draw(st.integers(8, 16))):
        node = f"n{number}"
        count = draw(st.integers(1, 4))
        change = draw(st.integers(1, 119))
        values = (draw(utilizations), draw(utilizations))
        if draw(st.booleans()):
            sketch.node(node, halves(count, draw(st.sampled_from([count, count + 1, None])), draw(st.integers(1, 119))))
            sketch.node(node, halves(1.0, draw(st.sampled_from([0.0, 1.0, None])), draw(st.integers(1, 119))), "ready")
        for gpu in range(draw(st.integers(0, count))):
            pod = draw(st.sampled_from([None, f"p{number}", f"q{number}"]))
            sketch.gpu(f"GPU-{number}-{gpu}", node, halves(*values, change), pod=pod)
        if draw(st.booleans()):
            add_shared_gpu(draw, sketch, number)
        if draw(st.booleans()):
            add_slices(draw, sketch, number)
        if draw(st.booleans()):
            errors = halves(*draw(st.sampled_from([(0.0, 1.0), (1.0, None), (2.0, 0.0)])), draw(st.integers(1, 119)))
            sketch.fault(f"GPU-{number}-0", errors)
        for pod in ("p", "q"):
            amount = draw(st.sampled_from([0.0, 0.5, 1.0, 2.0, 4.0]))
            if amount:
                running = halves(
                    *draw(st.sampled_from([(1.0, 0.0), (1.0, 1.0), (None, 1.0)])), draw(st.integers(1, 119))
                )
                sketch.pod(f"{pod}{number}", node, amount, running)
    return sketch


def add_shared_gpu(draw: st.DrawFn, sketch: Sketch, number: int) -> None:
    """Two pods share a GPU; the exporter copies its value to both, or tells what each did."""
    for pod in ("p", "q"):
        values = (draw(st.sampled_from([0.0, 25.0, 60.0])), draw(st.sampled_from([None, 0.0, 25.0, 60.0])))
        told = halves(*values, draw(st.integers(1, 119)))
        sketch.gpu(f"GPU-{number}-shared", f"n{number}", told, series=KERNEL, pod=f"{pod}{number}")


def add_slices(draw: st.DrawFn, sketch: Sketch, number: int) -> None:
    for instance, profile in draw(st.sampled_from([(("1", "3g.40gb"), ("2", "4g.40gb")), (("7", "1g.10gb"),)])):
        values = halves(draw(utilizations), draw(utilizations), draw(st.integers(1, 119)))
        pod = draw(st.sampled_from([None, f"q{number}"]))
        sketch.gpu(f"GPU-{number}-cut", f"n{number}", values, pod=pod, instance=instance, profile=profile)


def halves(first: float | None, second: float | None, change: int) -> list[float | None]:
    return [first] * change + [second] * (120 - change)


@FEW
@given(busy_nodes())
def test_every_second_is_booked_once(sketch: Sketch) -> None:
    rows = booked_frame(sketch.book(hours=2).raw)
    rows = rows[rows.kind == "gpu"]
    assert (rows[SECONDS] >= -1e-9).all(axis=None)
    assert rows[SECONDS].sum(axis=1).to_numpy() == pytest.approx(rows["capacity_seconds"].to_numpy(), abs=1e-9)
    assert (rows["measured_seconds"] <= rows["capacity_seconds"] + 1e-9).all()
    devices = rows[rows.gpu_uuid.notna()].groupby(["gpu_uuid", "time"])["capacity_seconds"].sum()
    assert devices.to_numpy() == pytest.approx(STEP, abs=1e-9)
    assert (rows.loc[rows.busy_seconds + rows.idle_seconds + rows.held_seconds > 1e-9, "pod"].notna()).all()
    assert (rows.loc[rows.free_seconds + rows.unattributed_seconds + rows.unknown_seconds > 1e-9, "pod"].isna()).all()


@FEW
@given(busy_nodes())
def test_an_hour_is_booked_the_same_alone_or_with_others(sketch: Sketch) -> None:
    together = booked_frame(sketch.book(hours=2).raw)
    apart = pd.concat([booked_frame(sketch.book(hours=1, first=number).raw) for number in (0, 1)])
    pd.testing.assert_frame_equal(in_order(together), in_order(apart))


@pytest.mark.parametrize(("hours", "first"), [(2, 0), (1, 1)])
def test_a_node_that_is_no_longer_listed_stays_for_ten_minutes_also_into_the_next_hour(hours: int, first: int) -> None:
    sketch = Sketch(minutes=120)
    sketch.node("n1", 1.0)
    sketch.node("n2", [1.0] * 55 + [None] * 65)
    rows = booked_frame(sketch.book(hours, first).raw)
    assert rows[(rows.node == "n2") & (rows.minute >= 60)]["minute"].tolist() == [60, 61, 62, 63, 64]


@FEW
@given(busy_nodes())
def test_any_sum_of_hours_is_the_sum_of_their_samples(sketch: Sketch) -> None:
    booked = sketch.book(hours=2)
    raw, hours = booked_frame(booked.raw), booked.hours.to_pandas()
    columns = [*SECONDS, "measured_seconds", "capacity_seconds"]
    for by in ("node", "project", "workload", "gpu_uuid", "attribution"):
        summed = hours.assign(**{by: hours[by].astype(object)}).groupby(by, dropna=False)[columns].sum()
        samples = raw.groupby(by, dropna=False)[columns].sum()
        pd.testing.assert_frame_equal(summed, samples.loc[summed.index], check_index_type=False, atol=1e-6)


@FEW
@given(busy_nodes())
def test_the_histogram_of_an_hour_is_that_of_its_samples(sketch: Sketch) -> None:
    booked = sketch.book(hours=2)
    raw, hours = booked_frame(booked.raw), booked.hours.to_pandas()
    binned = hours.explode(["utilization_bins", "utilization_bin_seconds"]).dropna(subset="utilization_bins")
    binned = binned.astype({"node": str, "utilization_bins": int, "utilization_bin_seconds": float})
    measured = raw[raw.measured_seconds > 0]
    found = binned.groupby(["node", "utilization_bins"])["utilization_bin_seconds"].sum()
    bins = (measured["gpu_utilization_ratio_max"] * 100).astype(int)
    samples = measured.groupby([measured["node"].astype(str), bins])["measured_seconds"].sum()
    assert found.to_dict() == pytest.approx(samples.to_dict())


def in_order(rows: pd.DataFrame) -> pd.DataFrame:
    order = ["time", "node", "gpu_uuid", "namespace", "pod", "attribution", "capacity_seconds"]
    kept = [name for name in rows.columns if name != "revision"]
    return rows[kept].sort_values(order, ignore_index=True)
