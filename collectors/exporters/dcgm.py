"""NVIDIA's dcgm-exporter: one series per GPU (or MIG instance) and field, with the holding pod's labels."""

import re
from functools import partial

from collectors.prometheus import Selector, one_of
from collectors.vocabulary import Labels, Memory, Read, Row, Vocabulary
from queries.catalogue import READINGS, Reading

PROFILE = re.compile(r"(\d+c\.)?\d+g\.\d+gb[a-z0-9.+]*")
"""A MIG profile as DCGM writes it: ``1g.10gb``, ``1g.10gb+me``, ``1c.3g.40gb``."""


def gpu(reading: Reading, labels: Labels) -> Row | None:
    """The device that a series speaks of. One without UUID, or an instance without a profile, cannot be booked."""
    uuid, instance, profile = labels.get("UUID"), labels.get("GPU_I_ID", ""), labels.get("GPU_I_PROFILE", "")
    if not uuid or (instance and not PROFILE.fullmatch(profile)):
        return None
    return {
        "reading": reading.number,
        "gpu_uuid": uuid,
        "gpu_instance": instance,
        "job": labels.get("job", ""),
        "instance": labels.get("instance", ""),
        "gpu": labels.get("gpu"),
        "gpu_model": labels.get("modelName"),
        "gpu_profile": profile or None,
        "node": labels.get("hostname") or labels.get("Hostname") or labels.get("instance", ""),
        "namespace": labels.get("namespace"),
        "pod": labels.get("pod"),
        "exported_namespace": labels.get("exported_namespace"),
        "exported_pod": labels.get("exported_pod"),
    }


READS = tuple(
    Read(Selector(reading.source.series), "gpu_series", partial(gpu, reading), reading.source)
    for (exporter, _), reading in READINGS.items()
    if exporter == "dcgm"
)

ANY = Selector("", (one_of("__name__", [read.selector.metric for read in READS]),))

LASTING = tuple(read for read in READS if not read.source.counter)
"""A counter's last sample stands for no time: it does not tell until when a GPU was there."""

VOCABULARY = Vocabulary("dcgm", READS, memory=Memory(ANY, ("Hostname", "hostname"), LASTING, is_any_enough=True))
