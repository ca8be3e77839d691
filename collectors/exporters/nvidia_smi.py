"""utkuozdemir's nvidia_gpu_exporter: what nvidia-smi prints, one series per GPU, and per MIG instance where it asks
NVML. It names no holders."""

from functools import partial

from collectors.prometheus import Selector
from collectors.vocabulary import Labels, Read, Row, Vocabulary, gpu_row, memory_of, placed, readings_of
from queries.catalogue import Reading, Source

PREFIX = "GPU-"
"""What it leaves out of the UUIDs of GPUs."""


def gpu(reading: Reading | None, labels: Labels) -> Row | None:
    uuid = labels.get("uuid", "")
    if not uuid:
        return None
    return gpu_row(
        labels,
        placed(labels),
        reading,
        gpu_uuid=uuid_of(uuid),
        gpu_instance=labels.get("gpu_instance_id", ""),
        gpu=labels.get("index"),
        gpu_model=labels.get("name"),
        gpu_profile=labels.get("profile"),
        mig_uuid=labels.get("mig_uuid"),
    )


def uuid_of(text: str) -> str:
    return text if text.startswith(PREFIX) else f"{PREFIX}{text}"


def fault(labels: Labels) -> Row | None:
    uuid = labels.get("uuid", "")
    return {"gpu_uuid": uuid_of(uuid), "gpu_instance": "", "faulty_from": 1.0} if uuid else None


def source(series: str) -> Source:
    return Source(exporter="nvidia_smi", series=series)


READS = tuple(
    Read(Selector(reading.source.series), "gpu_series", partial(gpu, reading), reading.source)
    for reading in readings_of("nvidia_smi")
)

NAMES = tuple(
    Read(Selector(series), "gpu_series", partial(gpu, None), source(series))
    for series in ("nvidia_smi_gpu_info", "nvidia_smi_mig_info")
)
"""Index and model of GPUs, profile of instances."""

RECOVERY = "nvidia_smi_gpu_recovery_action"
"""What it takes before the GPU can work again: 0 is nothing, a reset is 1, a reboot 2."""

VOCABULARY = Vocabulary(
    "nvidia_smi",
    "nvidia_gpu_exporter",
    (*READS, *NAMES, Read(Selector(RECOVERY), "device_series", fault, source(RECOVERY))),
    memory=memory_of(READS, "instance"),
    uuid_label="uuid",
)
