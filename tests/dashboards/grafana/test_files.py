import json
import re

import pytest

from dashboards.grafana.files import DASHBOARDS, FOLDER, texts
from tests.dashboards.grafana.boards import boards


@pytest.mark.parametrize("name", list(DASHBOARDS))
def test_the_files_are_what_the_code_makes(name: str) -> None:
    assert (FOLDER / name).read_text() == texts()[name], "python -m dashboards.grafana writes them anew"


def test_no_file_is_left_of_a_dashboard_that_is_gone() -> None:
    assert {path.name for path in FOLDER.glob("*.json")} == set(DASHBOARDS)


def test_dashboards_have_names_of_their_own_and_panels_that_fit() -> None:
    found = boards()
    assert len({board["uid"] for board in found.values()}) == len(found)
    for board in found.values():
        places = [panel["gridPos"] for panel in board["panels"]]
        assert all(place["x"] + place["w"] <= 24 for place in places)
        cells = [
            (x, y)
            for place in places
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        ]
        assert len(cells) == len(set(cells)), "panels lie on each other"


def test_links_lead_to_dashboards_and_variables_that_are_there() -> None:
    found = boards()
    variables = {board["uid"]: {each["name"] for each in board["templating"]["list"]} for board in found.values()}
    links = [
        link["url"]
        for board in found.values()
        for panel in board["panels"]
        for override in panel["fieldConfig"].get("overrides") or ()
        for each in override["properties"]
        if each["id"] == "links"
        for link in each["value"]
    ]
    assert links
    for link in links:
        board, _, query = link.removeprefix("/d/").partition("?")
        given = [each.split("=")[0] for each in query.split("&") if each.startswith("var-")]
        assert given
        assert {name.removeprefix("var-") for name in given} <= variables[board]


def test_no_value_is_colored_by_limits_that_nobody_set() -> None:
    """Grafana's own turn red at 80, whatever is counted."""
    for board in boards().values():
        for panel in board["panels"]:
            if panel["type"] != "timeseries":
                assert panel["fieldConfig"]["defaults"]["color"]["mode"] == "fixed", panel["title"]


def test_the_datasource_that_is_provisioned_is_the_one_that_dashboards_look_for() -> None:
    provisioned = (FOLDER / "provisioning/datasources/metrics-api.yaml").read_text()
    (kind,) = re.findall(r"^    type: (\S+)$", provisioned, re.MULTILINE)
    for board in boards().values():
        (variable,) = [each for each in board["templating"]["list"] if each["type"] == "datasource"]
        assert (variable["name"], variable["query"]) == ("datasource", kind)
        asked = [target for panel in board["panels"] for target in panel["targets"]]
        assert {json.dumps(target["datasource"]) for target in asked} == {
            json.dumps({"type": kind, "uid": "${datasource}"})
        }
