"""LedgerRow: what a row of the ledger has, as it is published."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, create_model

from queries.amounts import AMOUNTS
from queries.catalogue import METRICS
from queries.question import LEDGER_RATIOS


class Charged(BaseModel):
    """One step and group of the ledger, beside the dimensions that it is by. Costs are of the price list in the
    settings, each hour at the price that was valid then; they are null where nothing of these hours has a price."""

    model_config = ConfigDict(extra="allow", json_schema_extra=lambda schema: schema.update(required=["time"]))

    time: datetime
    measured_seconds: float = Field(description="Capacity whose utilization is known.")
    unpriced_gpu_hours: float = Field(description="Capacity that has no price, and is in no cost.")
    currency: str | None = Field(description="What costs are told in, where the price list names it.")
    energy_joules: float | None = Field(description="Once per physical GPU, shared among its holders.")
    energy_kwh: float | None
    carbon_grams_co2e: float | None = Field(description="By the carbon intensity that is set for the cluster.")
    quota_gpu_hours: float | None = Field(description="What the projects' quotas allowed; told by project.")
    quota_used_ratio: float | None = Field(
        description="Allocated GPU-hours over those of the quota, in the clusters that give the project one."
    )


HOURS = {
    "capacity": 24,
    "allocated": 18,
    "busy": 12,
    "idle": 4,
    "held": 2,
    "free": 4,
    "unattributed": 1,
    "unavailable": 1,
    "unknown": 0,
    "wasted": 6,
}
"""A day of a GPU, as an example."""


def amounts() -> dict[str, Any]:
    """Every amount in seconds, where it is a column of the ledger, in hours and in money; and the ratios."""
    fields: dict[str, Any] = {}
    for amount in AMOUNTS:
        hours = HOURS[amount.name]
        if amount.is_column:
            said = f"GPU-seconds: {amount.meaning}."
            fields[f"{amount.name}_seconds"] = float, Field(description=said, examples=[hours * 3600])
        said = f"GPU-hours: {amount.meaning}."
        fields[f"{amount.name}_gpu_hours"] = float, Field(description=said, examples=[hours])
        said = f"Cost of the GPU-hours: {amount.meaning}."
        fields[f"{amount.name}_cost"] = float | None, Field(description=said, examples=[hours * 2])
    return fields | {name: (float | None, Field(description=METRICS[name].entry.help)) for name in LEDGER_RATIOS}


LedgerRow: type[Charged] = create_model("LedgerRow", __base__=Charged, __doc__=Charged.__doc__, **amounts())

COLUMNS = tuple(name for name in LedgerRow.model_fields if name != "time")
"""What can be asked for beside the time and the dimensions."""
