"""The vocabularies that are spoken, one file each."""

from collections.abc import Collection
from dataclasses import replace

from collectors.exporters import (
    amd,
    cadvisor,
    ceems,
    dcgm,
    dcgm_1,
    determined,
    gaudi,
    jobstats,
    kube_state,
    kueue,
    node_exporter,
    nvidia_smi,
    runai,
    slurm_job,
    slurm_nodes,
    targets,
)
from collectors.vocabulary import Vocabulary
from queries.clusters import Roll
from queries.settings import Cluster, SettingsError

VOCABULARIES: dict[str, Vocabulary] = {
    vocabulary.name: vocabulary
    for vocabulary in (
        amd.VOCABULARY,
        cadvisor.VOCABULARY,
        ceems.VOCABULARY,
        dcgm.VOCABULARY,
        dcgm_1.VOCABULARY,
        determined.VOCABULARY,
        gaudi.VOCABULARY,
        jobstats.VOCABULARY,
        kube_state.VOCABULARY,
        kueue.VOCABULARY,
        node_exporter.VOCABULARY,
        nvidia_smi.VOCABULARY,
        runai.VOCABULARY,
        slurm_job.VOCABULARY,
        slurm_nodes.VOCABULARY,
        targets.VOCABULARY,
    )
}


def vocabularies_of(cluster: Cluster) -> list[Vocabulary]:
    """The vocabularies that are read of a cluster, if it speaks them.

    Raises:
        SettingsError: one that is set is not known; the message lists those that are.
    """
    if cluster.vocabularies == "auto":
        return list(VOCABULARIES.values())
    unknown = sorted(set(cluster.vocabularies) - set(VOCABULARIES))
    if unknown:
        raise SettingsError(
            f"clusters.vocabularies of {cluster.name!r} = {unknown[0]!r}: there is no such vocabulary;"
            f" known are: {', '.join(VOCABULARIES)}"
        )
    return [*(VOCABULARIES[name] for name in cluster.vocabularies), targets.VOCABULARY]


def checked(roll: Roll, left: Collection[Cluster] = ()) -> Roll:
    """A roll without the clusters that are to be read by what is no vocabulary: they are unusable. left: those that are
    left as they are."""
    unusable = dict(roll.unusable)
    for cluster in roll.collected:
        try:
            vocabularies_of(cluster)
        except SettingsError as error:
            unusable |= {} if cluster in left else {cluster.name: str(error)}
    usable = tuple(cluster for cluster in roll.collected if cluster.name not in unusable)
    return replace(roll, collected=usable, unusable=unusable)
