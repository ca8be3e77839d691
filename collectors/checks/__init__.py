"""What doctor looks for, in the order in which it tells it. A check is a function and its entry in a file's CHECKS."""

from collectors.checks import attribution, devices, exporters, lake, scheduler, source, times
from collectors.examination import Examination
from collectors.finding import Check
from queries.lake import Lake

CHECKS: tuple[Check[Examination], ...] = (
    *source.CHECKS,
    *scheduler.CHECKS,
    *exporters.CHECKS,
    *devices.CHECKS,
    *attribution.CHECKS,
    *times.CHECKS,
    *lake.CHECKS,
)

CHECKS_OF_LAKE: tuple[Check[Lake], ...] = lake.CHECKS_OF_LAKE
