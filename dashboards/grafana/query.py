"""Query: what a panel, a variable or an annotation asks the service, as simPod's JSON datasource keeps it."""

from dataclasses import dataclass
from typing import cast

from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models.dashboard import AnnotationTarget, DataSourceRef

DATASOURCE = DataSourceRef("simpod-json-datasource", "${datasource}")
"""The one that is chosen at the top of each dashboard."""


@dataclass(frozen=True)
class Asked(Dataquery):
    """A target and its payload. In the builder's mode variables in it are filled in whether they have one value or
    several."""

    target: str
    payload: dict[str, object]
    ref_id: str = "A"

    def to_json(self) -> dict[str, object]:
        return {
            "refId": self.ref_id,
            "datasource": DATASOURCE,
            "target": self.target,
            "payload": self.payload,
            "editorMode": "builder",
        }


@dataclass(frozen=True)
class Query(Builder[Dataquery]):
    asked: Asked

    def build(self) -> Dataquery:
        return self.asked


@dataclass(frozen=True)
class AnnotationsAsked(Builder[AnnotationTarget]):
    """An annotation's query, which the library does not know: it is the same as a panel's."""

    asked: Asked

    def build(self) -> AnnotationTarget:
        return cast(AnnotationTarget, self.asked)
