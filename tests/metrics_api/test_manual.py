from pathlib import Path

import pytest

from metrics_api.manual import PAGES, filled, tables
from queries.metric_types import NAMES, SERIES


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_says_what_our_data_says(page: Path) -> None:
    """python -m metrics_api.manual writes it."""
    assert page.read_text() == filled(page.read_text())


def test_every_table_stands_in_a_page() -> None:
    text = "".join(page.read_text() for page in PAGES)
    assert all(table in text for table in tables().values())


def test_every_type_and_series_is_told_with_what_answers_it() -> None:
    text = "".join(tables().values())
    assert all(f"| `{each.name}` |" in text for each in (*NAMES.types, *SERIES.values()))
    empty = sum(each.empty is not None for each in (*NAMES.types, *SERIES.values()))
    assert text.count("*empty*") == empty
