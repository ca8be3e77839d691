"""What is asked again letter for letter is answered the same, for as long as it is true."""

import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.testclient import TestClient

from metrics_api import repeats
from metrics_api.cache import KeptResponse
from metrics_api.endpoint import Endpoint
from metrics_api.repeats import Repeats
from metrics_api.services import Services
from queries.window import HOUR, format_time
from tests.metrics_api.community import Community, community
from tests.queries.test_question import ALL, HOURS, drawn

HALF_PAST = 1_800_000_030.0


class Site:
    """A small site, and how often it was asked in vain: every answer has its number."""

    def __init__(self, most_bytes: int = repeats.MOST_BYTES) -> None:
        self.versions: dict[str, object] = {name: object() for name in ("ledger", "workloads", "collections")}
        tables = [self.table(name) for name in self.versions]
        self.directory = SimpleNamespace(generation=0)
        self.clusters = SimpleNamespace(roll=object())
        services = SimpleNamespace(
            engine=SimpleNamespace(lake=SimpleNamespace(tables=tables)),
            directory=self.directory,
            clusters=self.clusters,
        )
        self.answers = 0
        routes = [
            Route("/kept", self.kept, methods=["GET", "POST"]),
            Route("/other", self.kept),
            Route("/plain", self.plain),
        ]
        self.app = Starlette(
            routes=routes, middleware=[Middleware(Repeats, services=cast(Services, services), most_bytes=most_bytes)]
        )
        self.client = TestClient(self.app)

    def table(self, name: str) -> SimpleNamespace:
        """One whose newest version is known once it was read."""

        def snapshot() -> None:
            self.versions[name] = self.versions[name] or object()

        return SimpleNamespace(known=lambda: self.versions[name], snapshot=snapshot)

    async def kept(self, _: Request) -> Response:
        self.answers += 1
        return KeptResponse(str(self.answers), headers={"ETag": f'"{self.answers}"'})

    async def plain(self, _: Request) -> Response:
        self.answers += 1
        return Response(str(self.answers))

    def ask(self, path: str = "/kept", **headers: str) -> str:
        return self.client.get(path, headers=headers).text


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A clock that stands still: half a minute after a full one."""
    clock = SimpleNamespace(seconds=HALF_PAST)
    told = SimpleNamespace(time=lambda: clock.seconds, monotonic=lambda: clock.seconds)
    monkeypatch.setattr(repeats, "time", told)
    return clock


@pytest.fixture
def site(now: SimpleNamespace) -> Site:  # noqa: ARG001
    return Site()


def test_a_repeat_is_answered_the_same_with_its_headers(site: Site) -> None:
    first, second = site.client.get("/kept"), site.client.get("/kept")
    assert site.answers == 1
    assert second.text == first.text == "1"
    assert second.headers == first.headers


def test_only_the_same_request_is_a_repeat(site: Site) -> None:
    told = [
        site.ask(),
        site.ask("/kept?a=1"),
        site.ask("/other"),
        site.ask(authorization="Bearer x"),
        site.ask(authorization="Bearer y"),
        site.ask(accept="text/csv"),
        site.client.post("/kept").text,
        site.client.post("/kept").text,
    ]
    assert told == ["1", "2", "3", "4", "5", "6", "7", "8"]
    assert site.ask(authorization="Bearer x") == "4"


def test_what_does_not_come_from_the_cache_is_asked_each_time(site: Site) -> None:
    assert [site.ask("/plain"), site.ask("/plain")] == ["1", "2"]


def test_it_stands_for_a_second(site: Site, now: SimpleNamespace) -> None:
    assert site.ask() == "1"
    now.seconds += 0.9
    assert site.ask() == "1"
    now.seconds += 0.2
    assert site.ask() == "2"


def test_it_does_not_outlive_its_minute(site: Site, now: SimpleNamespace) -> None:
    now.seconds += 29.5
    assert site.ask() == "1"
    now.seconds += 0.6
    assert site.ask() == "2"


@pytest.mark.parametrize("table", ["ledger", "workloads", "collections"])
def test_another_version_makes_it_anew(site: Site, table: str) -> None:
    assert site.ask() == "1"
    site.versions[table] = object()
    assert [site.ask(), site.ask()] == ["2", "2"]


def test_nothing_is_remembered_of_a_version_that_is_not_known_yet(site: Site) -> None:
    site.versions["ledger"] = None
    assert [site.ask(), site.ask(), site.ask()] == ["1", "2", "2"]


def test_what_changes_who_may_do_what_makes_it_anew(site: Site) -> None:
    assert site.ask() == "1"
    site.directory.generation += 1
    assert site.ask() == "2"


def test_what_changes_which_clusters_there_are_makes_it_anew(site: Site) -> None:
    assert site.ask() == "1"
    site.clusters.roll = object()
    assert site.ask() == "2"


def test_what_is_remembered_has_a_bound(now: SimpleNamespace) -> None:  # noqa: ARG001
    site = Site(3 * repeats.OVERHEAD)
    for number in range(5):
        site.ask(f"/kept?{number}")
    assert site.ask("/kept?4") == "5"
    assert site.ask("/kept?0") == "6"


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Community]:
    with community(tmp_path_factory.mktemp("people"), is_filled=True) as people:
        yield people


@pytest.fixture
def handled(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths of what was not a repeat."""
    paths: list[str] = []
    handle = Endpoint.handle

    async def noting(self: Endpoint, request: Request, arguments: dict[str, Any]) -> Response:
        paths.append(request.url.path)
        return await handle(self, request, arguments)

    monkeypatch.setattr(Endpoint, "handle", noting)
    return paths


LEDGER = "/api/v1/ledger"
DURING = f"{LEDGER}?start={format_time(ALL.start)}&end={format_time(ALL.end)}"


@pytest.fixture
def just_begun() -> None:
    """A minute that lasts for as long as a test needs."""
    while time.time() % 60 > 50:
        time.sleep(0.5)


@pytest.mark.usefixtures("just_begun")
def test_everybody_has_answers_of_their_own(people: Community, handled: list[str]) -> None:
    viewer, stranger = people.client("viewer"), people.client("stranger")
    assert {row["cluster"] for row in viewer.get(f"{DURING}&by=cluster").json()["data"]} == {"alpha", "beta"}
    assert stranger.get(f"{DURING}&by=cluster").json()["data"] == []
    assert handled.count(LEDGER) == 2


def test_repeats_are_counted_by_their_route(people: Community, now: SimpleNamespace, handled: list[str]) -> None:  # noqa: ARG001
    viewer, counted = (
        people.client("viewer"),
        f'metrics_api_requests_total{{code="200",method="GET",path="{LEDGER}"}}',
    )

    def count() -> float:
        lines = people.anonymous.get("/metrics").text.splitlines()
        return sum(float(line.split()[-1]) for line in lines if line.startswith(counted))

    before = count()
    for _ in range(3):
        viewer.get(f"{DURING}&by=project")
    assert count() == before + 3
    assert handled.count(LEDGER) == 1


def test_who_was_signed_out_is_refused_at_once(people: Community, now: SimpleNamespace) -> None:  # noqa: ARG001
    admin, viewer = people.client("admin"), people.client("viewer")
    users = {user["username"]: user["id"] for user in admin.get("/api/v1/users").json()}
    assert viewer.get(DURING).status_code == 200
    assert admin.post(f"/api/v1/users/{users['viewer@example.com']}/logout").status_code == 204
    assert viewer.get(DURING).status_code == 401


def test_what_is_collected_is_told_at_once(people: Community, now: SimpleNamespace) -> None:  # noqa: ARG001
    admin = people.client("admin")
    before = admin.get(f"{DURING}&by=cluster").json()["data"]
    lake, booked = people.app.state.services.engine.lake, drawn("alpha", 8, 1.0).book(HOURS, as_of=ALL.end + 72 * HOUR)
    for hour in ALL.hours():
        lake.replace(hour, booked.of(hour))
    after = admin.get(f"{DURING}&by=cluster").json()["data"]
    assert {row["cluster"] for row in after} == {row["cluster"] for row in before} == {"alpha", "beta"}
    assert after != before
