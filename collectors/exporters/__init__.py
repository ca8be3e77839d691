"""The vocabularies that are spoken, one file each."""

from collectors.exporters import dcgm, kube_state, kueue, targets
from collectors.vocabulary import Vocabulary

VOCABULARIES: dict[str, Vocabulary] = {
    vocabulary.name: vocabulary
    for vocabulary in (dcgm.VOCABULARY, kube_state.VOCABULARY, kueue.VOCABULARY, targets.VOCABULARY)
}
