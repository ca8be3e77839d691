"""Screen: what a page shows, as values."""

from playwright.sync_api import Locator, Page

EN_DASH = "\N{EN DASH}"
"""Stands where there is no number."""


def texts(found: Locator) -> list[str]:
    return [text.strip() for text in found.all_inner_texts()]


def projects(page: Page) -> list[list[str]]:
    """The rows of the table of projects."""
    return [texts(row.locator("td")) for row in page.locator("#projects tbody tr").all()]


def traces(page: Page, plot: str) -> dict[str, dict[str, float | None]]:
    """What a plot draws: per trace, the values by their times."""
    data = page.evaluate("(plot) => document.getElementById(plot).data", plot)
    return {trace["name"]: dict(zip(trace["x"], trace["y"], strict=True)) for trace in data}
