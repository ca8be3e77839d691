"""dcgm-exporter, as it speaks of the simulated fleet's GPUs."""

from collections.abc import Iterator
from functools import cache

import numpy as np

from metrics_api.demo.exposition import Family, Series
from metrics_api.demo.fleet import HOUR, MONDAY, WEEK, Cluster, Device, Floats, Job, power_watts, utilization

FAMILIES = {
    family.name: family
    for family in (
        Family("DCGM_FI_DEV_GPU_TEMP", "gauge", "GPU temperature (in C)."),
        Family("DCGM_FI_DEV_POWER_USAGE", "gauge", "Power draw (in W)."),
        Family("DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION", "counter", "Total energy consumption since boot (in mJ)."),
        Family("DCGM_FI_DEV_GPU_UTIL", "gauge", "GPU utilization (in %)."),
        Family("DCGM_FI_DEV_XID_ERRORS", "gauge", "Value of the last XID error encountered."),
        Family("DCGM_FI_DEV_FB_FREE", "gauge", "Framebuffer memory free (in MiB)."),
        Family("DCGM_FI_DEV_FB_USED", "gauge", "Framebuffer memory used (in MiB)."),
        Family("DCGM_FI_DEV_FB_RESERVED", "gauge", "Framebuffer memory reserved (in MiB)."),
        Family("DCGM_FI_PROF_GR_ENGINE_ACTIVE", "gauge", "Ratio of time the graphics engine is active."),
        Family("DCGM_FI_PROF_PIPE_TENSOR_ACTIVE", "gauge", "Ratio of cycles the tensor (HMMA) pipe is active."),
        Family(
            "DCGM_FI_PROF_DRAM_ACTIVE",
            "gauge",
            "Ratio of cycles the device memory interface is active sending or receiving data.",
        ),
    )
}

OWN_LABELS = {"DCGM_FI_DEV_XID_ERRORS": {"err_code": "0", "err_msg": "No Error"}}
"""What a family's series say beside the labels that all have."""

RESERVED_MIB = 512

DRIVER = "535.129.03"


def exporter_series(cluster: Cluster, node: str, times: Floats) -> Iterator[Series]:
    """Everything that the exporter of a node says at some times, with the pod that holds the device, if any."""
    jobs = [job for job in cluster.jobs(times[0], times[-1] + 1) if job.node == node]
    devices = cluster.devices(node)
    for device in devices:
        siblings = [other for other in devices if other.uuid == device.uuid]
        for holder, within in holdings(device, jobs, times):
            yield from device_series(cluster, device, siblings, jobs, holder, times[within])


def holdings(device: Device, jobs: list[Job], times: Floats) -> Iterator[tuple[Job | None, np.ndarray]]:
    """Who holds a device, and when."""
    is_free = np.ones(len(times), bool)
    for job in jobs:
        if device in job.devices:
            within = (times >= job.start) & (times < job.end)
            is_free &= ~within
            if within.any():
                yield job, within
    if is_free.any():
        yield None, is_free


def device_series(
    cluster: Cluster, device: Device, siblings: list[Device], jobs: list[Job], holder: Job | None, times: Floats
) -> Iterator[Series]:
    labels = device_labels(device, holder)
    load = utilization(cluster, device, holder, times)
    whole = load_of_gpu(cluster, siblings, jobs, times)
    power = power_watts(whole, device, times)
    used = np.round(device.memory_mib * np.where(load > 0, 0.35 + 0.55 * load, 0.3 if holder else 0.001))
    values = {
        "DCGM_FI_DEV_GPU_TEMP": np.round(34 + 40 * whole),
        "DCGM_FI_DEV_POWER_USAGE": np.round(power, 3),
        "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION": energy_millijoules(cluster, siblings, times),
        "DCGM_FI_DEV_XID_ERRORS": np.zeros(len(times)),
        "DCGM_FI_DEV_FB_FREE": device.memory_mib - RESERVED_MIB - used,
        "DCGM_FI_DEV_FB_USED": used,
        "DCGM_FI_DEV_FB_RESERVED": np.full(len(times), float(RESERVED_MIB)),
        "DCGM_FI_PROF_GR_ENGINE_ACTIVE": np.round(load, 6),
        "DCGM_FI_PROF_PIPE_TENSOR_ACTIVE": np.round(0.45 * load, 6),
        "DCGM_FI_PROF_DRAM_ACTIVE": np.round(0.6 * load, 6),
    }
    if not device.instance:
        values["DCGM_FI_DEV_GPU_UTIL"] = np.ceil(load * 100)
    for name, family in FAMILIES.items():
        if name in values:
            yield Series(family, labels | OWN_LABELS.get(name, {}), times, values[name])


def device_labels(device: Device, holder: Job | None) -> dict[str, str]:
    labels = {
        "gpu": str(device.index),
        "UUID": device.uuid,
        "pci_bus_id": f"00000000:{device.index + 7:02X}:00.0",
        "device": f"nvidia{device.index}",
        "modelName": device.model,
    }
    if device.instance:
        labels |= {"GPU_I_PROFILE": device.profile, "GPU_I_ID": device.instance}
    labels |= {"Hostname": device.node, "DCGM_FI_DRIVER_VERSION": DRIVER}
    if holder:
        labels |= {"container": "main", "namespace": holder.namespace, "pod": holder.pod}
    return labels


def load_of(cluster: Cluster, device: Device, jobs: list[Job], times: Floats) -> Floats:
    """The load of a device, whoever holds it when."""
    load = np.zeros(len(times))
    for holder, within in holdings(device, jobs, times):
        load[within] = utilization(cluster, device, holder, times[within])
    return load


def energy_millijoules(cluster: Cluster, siblings: list[Device], times: Floats) -> Floats:
    """What the whole GPU has taken since its driver was loaded, on Monday: the power of every minute, summed."""
    first = int(times[0] // HOUR) * HOUR
    minutes = np.arange(first, times[-1] + 60, 60.0)
    watts = watts_of(cluster, siblings, minutes)
    summed = np.concatenate([[0.0], np.cumsum(watts * 60)])
    place = ((times - first) // 60).astype(int)
    joules = joules_before(cluster, siblings[0].uuid, first) + summed[place] + watts[place] * (times % 60)
    loaded_again = (times - MONDAY) // WEEK > (first - MONDAY) // WEEK
    return np.asarray(np.round(np.where(loaded_again, joules - joules[np.argmax(loaded_again)], joules) * 1000))


@cache
def joules_before(cluster: Cluster, uuid: str, hour: int) -> float:
    """What a GPU took from Monday until an hour."""
    if (hour - MONDAY) % WEEK == 0:
        return 0.0
    siblings = [device for node in cluster.nodes for device in cluster.devices(node) if device.uuid == uuid]
    minutes = np.arange(hour - HOUR, hour, 60.0)
    return joules_before(cluster, uuid, hour - HOUR) + float(watts_of(cluster, siblings, minutes).sum() * 60)


def watts_of(cluster: Cluster, siblings: list[Device], times: Floats) -> Floats:
    """What the whole GPU draws, whatever works on its instances."""
    node = siblings[0].node
    jobs = [job for job in cluster.jobs(times[0], times[-1] + 1) if job.node == node]
    return power_watts(load_of_gpu(cluster, siblings, jobs, times), siblings[0], times)


def load_of_gpu(cluster: Cluster, siblings: list[Device], jobs: list[Job], times: Floats) -> Floats:
    loads = [load_of(cluster, device, jobs, times) * device.slices / 7 for device in siblings]
    return np.asarray(np.sum(loads, axis=0))
