"""What is told of each device: how busy it was, for whom, which instance of it, and by whom it is shared."""

from collections import defaultdict
from collections.abc import Iterator

import numpy as np

from collectors.checks.scheduler import named
from collectors.examination import Examination
from collectors.finding import Check, Finding, so_many
from collectors.shown import SHARED, Device, GpuSeries
from queries.catalogue import GRAPHICS_ENGINE, READINGS, UTILIZATIONS

ENGINE = frozenset(READINGS[source.exporter, source.series].number for source in GRAPHICS_ENGINE.entry.sources)
"""The readings of the graphics engine: the utilization that also MIG instances have."""

COPIES = 1e-9
"""Values that differ by no more were copied."""

PROFILING = (
    "have the exporter tell the activity of the graphics engine: dcgm-exporter's DCGM_FI_PROF_GR_ENGINE_ACTIVE (of"
    " Volta and later, listed in the file that its option -f names)"
)


def no_profiling(examination: Examination) -> Iterator[Finding]:
    readings = examination.shown.readings
    poor = [device for device, told in readings.items() if not told & ENGINE]
    by_kernel = [device for device in poor if not device[1] and readings[device] & UTILIZATIONS]
    cut = {uuid for uuid, instance in readings if instance}
    silent = [(uuid, instance) for uuid, instance in set(poor) - set(by_kernel) if instance or uuid not in cut]
    if by_kernel:
        yield Finding(
            "note",
            f"{len(by_kernel)} of {so_many(len(readings), 'GPU')} tell only whether any kernel ran, not how much of it",
            "their utilization is that coarser one: a GPU with one small kernel at a time counts as busy",
            PROFILING,
        )
    if silent:
        instances = sum(1 for _, instance in silent if instance)
        yield Finding(
            "warning",
            f"{so_many(len(silent), 'device')} without a utilization, {so_many(instances, 'MIG instance')} among them",
            "held or free is all that can be said of them, never busy or idle",
            PROFILING,
        )


def no_device_labels(examination: Examination) -> Iterator[Finding]:
    shown = examination.shown
    if shown.gpus and shown.requests and not any(gpu.holder for gpu in shown.gpus):
        yield Finding(
            "warning",
            "pods hold GPUs, and no exporter says which pod holds which",
            "time is held, where it could be busy or idle, on every node that one pod does not have to itself",
            "start dcgm-exporter with DCGM_EXPORTER_KUBERNETES=true and the kubelet's pod-resources socket mounted",
        )


def mig_without_instances(examination: Examination) -> Iterator[Finding]:
    shown = examination.shown
    cut = {node for node, resource in shown.capacity if "_mig_" in resource}
    whole = {
        node: float(len(shown.devices[node]))
        for node in cut & shown.devices.keys()
        if not any(instance for _, instance in shown.devices[node])
    }
    if whole:
        yield Finding(
            "warning",
            f"GPUs that are cut by MIG are told of as whole ones: {named(whole)}",
            "which instance works is not known: what they hold is held, never busy or idle",
            "let the exporter tell of instances, with the labels GPU_I_ID and GPU_I_PROFILE (dcgm-exporter: -d f, its"
            " default)",
        )


def shared_gpus(examination: Examination) -> Iterator[Finding]:
    """Time-slicing and MPS: by what the scheduler says, or several holders of one device."""
    shown = examination.shown
    holders: dict[Device, set[tuple[str, str]]] = defaultdict(set)
    for gpu in shown.gpus:
        holders[gpu.device] |= {gpu.holder} if gpu.holder else set()
    several = {device for device, names in holders.items() if len(names) > 1}
    told_apart = {device for device in several if is_told_apart(examination, device)}
    copied = len(several - told_apart)
    if copied:
        yield Finding(
            "warning",
            f"{so_many(copied, 'GPU')} shared, and the exporter gives each holder the whole GPU's values",
            "what each holder did is an equal split, marked shared_estimate",
            "use dcgm-exporter 4.5.3 or later with KUBERNETES_VIRTUAL_GPUS=true, which tells processes apart",
        )
    elif told_apart:
        yield Finding("note", f"{so_many(len(told_apart), 'GPU')} shared, and the exporter tells their holders apart")
    elif any(resource == SHARED or shown.replicas(node) > 1 for node, resource in shown.capacity):
        yield Finding(
            "note",
            "GPUs may be shared by time-slicing; none is told to have several holders now",
            "of several pods on one GPU, an exporter that names but one hides the others; they are then known by node",
            "use dcgm-exporter 4.5.3 or later with KUBERNETES_VIRTUAL_GPUS=true",
        )


def is_told_apart(examination: Examination, device: Device) -> bool:
    """Whether the holders of a device had values of their own at any time."""
    shown = examination.shown
    per_reading: dict[int, list[GpuSeries]] = defaultdict(list)
    for gpu in shown.gpus:
        if gpu.device == device and gpu.holder and gpu.reading >= 0:
            per_reading[gpu.reading].append(gpu)
    means = ([shown.values_of(gpu.number).mean() for gpu in series] for series in per_reading.values())
    return any(np.ptp(values) > COPIES for values in means if len(values) > 1)


CHECKS = (
    Check("no_profiling", "every GPU and MIG instance tells the activity of its engine", no_profiling),
    Check("no_device_labels", "where pods hold GPUs, exporters say which", no_device_labels),
    Check("mig_without_instances", "no GPU that is cut by MIG is told of as a whole one", mig_without_instances),
    Check("shared_gpus", "no GPU is shared", shared_gpus),
)
