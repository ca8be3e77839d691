import re

from playwright.sync_api import Locator, Page, expect

from tests.dashboards.conftest import DURING

READABLE = 4.5
"""The contrast that WCAG 2 wants of texts (AA)."""

TEXTS = (".card dd", ".card dt", ".card .status", "#projects th", "#range button[data-range]")


def test_the_theme_is_light_where_the_system_is(shown: Page) -> None:
    assert_readable(shown, "light")


def test_the_theme_is_dark_where_the_system_is_until_another_is_chosen(page: Page, address: str, link: str) -> None:
    page.emulate_media(color_scheme="dark")
    page.goto(f"{address}/{DURING}{link}")
    assert_readable(page, "dark")
    page.get_by_role("button", name="Light or dark").click()
    assert_readable(page, "light")
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "light")
    page.locator("#content").wait_for()


def assert_readable(page: Page, theme: str) -> None:
    """All is of one theme: the texts, the plots, and the browser's own controls."""
    expect(page.locator("html")).to_have_css("color-scheme", theme)
    body, card = page.locator("body"), page.locator(".card").first
    written = body.evaluate("(element) => getComputedStyle(element).color")
    expect(page.locator("#ledger-plot .ytitle")).to_have_css("fill", written)  # it is drawn last
    ground = color(body, "backgroundColor")
    assert (luminance(ground) > 0.5) == (theme == "light")
    assert contrast(color(body, "color"), ground) > READABLE
    for selector in TEXTS:
        assert contrast(color(page.locator(selector).first, "color"), color(card, "backgroundColor")) > READABLE


def color(found: Locator, name: str) -> list[float]:
    """A color of an element, as red, green and blue from 0 to 1."""
    written = found.evaluate("(element, name) => getComputedStyle(element)[name]", name)
    return [int(part) / 255 for part in re.findall(r"\d+", written)[:3]]


def contrast(one: list[float], other: list[float]) -> float:
    dark, bright = sorted((luminance(one), luminance(other)))
    return (bright + 0.05) / (dark + 0.05)


def luminance(rgb: list[float]) -> float:
    """Relative luminance, as WCAG 2 defines it."""
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in rgb]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
