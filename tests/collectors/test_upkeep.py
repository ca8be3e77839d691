from datetime import timedelta
from pathlib import Path

from collectors.upkeep import keep_up
from queries.settings import Settings
from tests.booked import both
from tests.collectors.site import new_lake
from tests.queries.committer import HOURS, revised, sketch
from tests.queries.test_lake import ALL
from tests.sketch import START


def test_upkeep_compacts_closed_days_and_drops_what_is_too_old(tmp_path: Path) -> None:
    lake = new_lake(tmp_path)
    booked = sketch().book(HOURS)
    for hour in ALL.hours():
        lake.replace(hour, revised(booked.of(hour), 1))
    settings = Settings(store={"retention": {"samples": "2d", "rollups": "1y"}})
    assert list(keep_up(lake, settings, START + timedelta(hours=20))) == []
    done = list(keep_up(lake, settings, START + timedelta(days=1, hours=2)))
    assert done == [
        f"put the hour rows of sketch of 2025-03-03T00:00:00Z/2025-03-04T00:00:00Z from {HOURS} files into one",
        f"put the raw rows of sketch of 2025-03-03T00:00:00Z/2025-03-04T00:00:00Z from {HOURS} files into one",
    ]
    assert list(keep_up(lake, settings, START + timedelta(days=1, hours=2))) == []
    assert list(keep_up(lake, settings, START + timedelta(days=3))) == ["dropped the raw rows of sketch of 2025-03-03"]
    raw, hours = both(lake, ALL)
    assert raw.empty
    assert len(hours) == HOURS * 2
