import pytest
from playwright.sync_api import Page, expect
from starlette.testclient import TestClient

from queries.catalogue import LEDGER_COLUMNS
from tests.dashboards.conftest import DURING, rename_alpha
from tests.dashboards.screen import projects, traces
from tests.served import HOSTILE

RANGE = f"/api/v1/metrics/range{DURING}"
ENDS = {"2025-03-03T04:00:00.000Z": None}
"""Where the last step ends, nothing is drawn any more."""


def test_the_ledger_is_drawn_as_the_api_answers_it(shown: Page, client: TestClient) -> None:
    metrics = [f"gpus_{column}" for column in LEDGER_COLUMNS]
    answer = client.get(f"{RANGE}&metric={','.join(metrics)}").json()
    (group,) = answer["series"]
    drawn = traces(shown, "ledger-plot")
    assert set(drawn) == set(LEDGER_COLUMNS)
    for column, values in drawn.items():
        assert values == dict(zip(answer["time"], group["metrics"][f"gpus_{column}"], strict=True)) | ENDS
    assert drawn["busy"]["2025-03-03T01:30:00Z"] == pytest.approx(1.5)
    assert drawn["idle"]["2025-03-03T01:30:00Z"] == pytest.approx(2.5)
    assert drawn["free"]["2025-03-03T01:30:00Z"] == pytest.approx(2)
    assert len(drawn["busy"]) == 240 + 1


def test_the_heights_of_the_stack_are_the_numbers_of_gpus(shown: Page) -> None:
    """Busy 1.5, upon it idle 2.5, upon them free 2 of 6 GPUs, as wide as the plot."""
    plot, *fills = (
        found.bounding_box()
        for selector in (".nsewdrag", ".scatterlayer .js-fill")
        for found in shown.locator(f"#ledger-plot {selector}").all()
    )
    assert plot
    assert [fill and round(fill["width"] / plot["width"], 2) for fill in fills] == [1] * len(LEDGER_COLUMNS)
    heights = [fill["height"] for fill in fills if fill]
    assert [6 * height / max(heights) for height in heights] == pytest.approx([1.5, 4, 4, 4, 6, 6, 6], abs=0.05)


def test_utilization_is_drawn_as_the_api_answers_it(shown: Page, client: TestClient) -> None:
    answer = client.get(f"{RANGE}&metric=gpu_utilization_ratio&by=cluster").json()
    drawn = traces(shown, "utilization-plot")
    assert list(drawn) == ["alpha", "beta"]
    for group in answer["series"]:
        values = dict(zip(answer["time"], group["metrics"]["gpu_utilization_ratio"], strict=True))
        assert drawn[group["by"]["cluster"]] == values | ENDS
    assert drawn["alpha"]["2025-03-03T01:30:00Z"] == pytest.approx(0.125)
    assert drawn["beta"]["2025-03-03T01:30:00Z"] == pytest.approx(0.5)
    lines = shown.locator("#utilization-plot .scatterlayer .js-line")
    expect(lines).to_have_count(2)
    assert all(box and box["width"] > 100 for box in (line.bounding_box() for line in lines.all()))


def test_a_hostile_cluster_is_text_in_cards_the_legend_and_the_hover(page: Page, address: str, link: str) -> None:
    name = f'{HOSTILE}<b>&lt;</b><a href="http://x">'
    rename_alpha(page, name)
    page.goto(f"{address}/?start=2025-03-03T00:00:00Z&end=2025-03-03T05:00:00Z{link}")
    expect(page.locator("#warnings li").first).to_contain_text(f"cluster {name}: collected until")
    expect(page.locator(".card h3 span").first).to_have_text(name)
    expect(page.locator("#cluster option").nth(1)).to_have_text(name)
    plot = page.locator("#utilization-plot")
    expect(plot.locator(".legendtext").first).to_have_text(name)
    plot.locator(".nsewdrag").hover()
    expect(plot.locator(".hoverlayer")).to_contain_text(f"12.5% {name}")
    expect(page.locator("img, main a")).to_have_count(0)


def test_where_there_is_nothing_the_time_that_was_asked_about_is_shown(page: Page, address: str, link: str) -> None:
    page.goto(f"{address}/?start=2025-03-05T00:00:00Z&end=2025-03-06T00:00:00Z{link}")
    for plot in ("ledger-plot", "utilization-plot"):
        expect(page.locator(f"#{plot} .xaxislayer-above")).to_contain_text("Mar 5, 2025")
    assert projects(page) == []
