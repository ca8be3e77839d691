"""Waste: who held GPUs in vain, and for how long workloads waited for them."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema
from starlette.responses import Response

from metrics_api.answers import MEDIA_TYPES, Bare, Rows
from metrics_api.asking import answer
from metrics_api.endpoint import Produces
from metrics_api.parameters import Parameters, Where
from metrics_api.services import Caller
from metrics_api.thresholds import Thresholded
from queries.condition import Condition
from queries.holdings import CLASSES
from queries.question import Question
from queries.queue_waits import CHANGE_DIMENSIONS, queue_waits
from queries.waste import WasteOrder, WasteQuestion, waste

MOST_ROWS = 100_000

Answered = Annotated[Response, Produces(Rows | Bare, tuple(MEDIA_TYPES))]

GroupName = Literal["workload", "project", "department", "user", "cluster", "node_pool", "node", "gpu", "gpu_model"]


def read_class(text: object) -> str:
    if text not in CLASSES:
        raise ValueError(f"unknown class {text!r}; classes are: {', '.join(CLASSES)}")
    return str(text)


def known_of_changes(condition: Condition) -> Condition:
    if condition.field not in CHANGE_DIMENSIONS:
        raise ValueError(
            f"{condition.field} is not known of workloads that wait; fields are: {', '.join(CHANGE_DIMENSIONS)}"
        )
    return condition


ClassName = Annotated[str, BeforeValidator(read_class), WithJsonSchema({"type": "string", "enum": list(CLASSES)})]
WhereOfChanges = Annotated[Where, AfterValidator(known_of_changes)]


class WasteQuery(Thresholded):
    """Waste by workload, or by other dimensions."""

    by: tuple[GroupName, ...] = Field(("workload",), description="The dimensions to group by.")
    classes: tuple[ClassName, ...] = Field(
        tuple(CLASSES), min_length=1, description="Without it, all: " + "; ".join(map(": ".join, CLASSES.items())) + "."
    )
    min_gpu_hours: float = Field(0, ge=0, allow_inf_nan=False, description="Less waste than that is left out.")
    order_by: WasteOrder = Field("gpu_hours", description="Whether the most waste is that of GPU-hours or of cost.")
    limit: int = Field(100, ge=1, le=MOST_ROWS, description="So many rows at most, those with the most waste.")

    def question(self) -> WasteQuestion:
        question = Question(self.window(), None, self.by, self.where)
        return WasteQuestion(question, self.classes, self.policy(), self.min_gpu_hours, self.limit, self.order_by)


class QueueQuery(Parameters):
    """Queue waits by project, or by other dimensions."""

    by: tuple[Literal["cluster", "project", "user", "workload", "gpu_model"], ...] = ("project",)
    where: tuple[WhereOfChanges, ...] = ()

    def question(self) -> Question:
        return Question(self.window(), None, self.by, self.where)


async def read_waste(caller: Caller, query: WasteQuery) -> Answered:
    """GPU-hours that were held in vain, by workload and class, the most first, what they cost by the price list in the
    settings, and the evidence: what was allocated, how it was utilized, its memory, its power, and when it was active.
    Each GPU-second is in at most one class: in the first that fits its GPU and workload. Activity is told to the
    hour."""
    return await answer(caller, query, "rows", waste, query.question())


async def read_queue_waits(caller: Caller, query: QueueQuery) -> Answered:
    """How long the workloads that began to run in a time had waited: mean, percentiles, longest, and a cumulative
    histogram; and how many still waited at its end."""
    return await answer(caller, query, "rows", queue_waits, query.question())
