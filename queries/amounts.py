"""Amount: GPU-time that the ledger tells in seconds, in hours and in money."""

from dataclasses import dataclass

from queries.catalogue import LEDGER_COLUMNS


@dataclass(frozen=True)
class Amount:
    """seconds: SQL over the ledger's columns. meaning: as published."""

    name: str
    seconds: str
    meaning: str

    @property
    def is_column(self) -> bool:
        return self.seconds == f"{self.name}_seconds"


MEANINGS = {
    "busy": "allocated to a workload and doing work",
    "idle": "allocated to a workload, seen not to work",
    "held": "allocated to a workload; how much it worked is not known",
    "free": "allocated to nobody",
    "unattributed": "doing work, for nobody that is known",
    "unavailable": "down, faulty, cordoned or drained",
    "unknown": "not even the allocation is known",
}

AMOUNTS = (
    Amount("capacity", "capacity_seconds", "all there is: the sum of the seven columns"),
    *(Amount(column, f"{column}_seconds", MEANINGS[column]) for column in LEDGER_COLUMNS),
    Amount("allocated", "busy_seconds + idle_seconds + held_seconds", "busy, idle and held"),
    Amount("wasted", "idle_seconds + held_seconds", "idle and held: allocated, and not seen to work"),
)
