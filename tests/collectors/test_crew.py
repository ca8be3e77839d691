import threading

from collectors.crew import Crew
from queries.clusters import Roll
from queries.settings import Cluster
from tests.collectors.site import cluster

URL = "http://127.0.0.1:1"


class Watched:
    """Notes which clusters are watched, and how."""

    def __init__(self) -> None:
        self.begun: list[Cluster] = []
        self.noted: list[tuple[str, str]] = []
        self.threads: dict[int, threading.Thread] = {}

    def watch(self, own: Cluster, stop: threading.Event) -> None:
        self.begun.append(own)
        self.threads[id(own)] = threading.current_thread()
        stop.wait()

    def note(self, name: str, problem: str) -> None:
        self.noted.append((name, problem))

    def joined(self, own: Cluster) -> bool:
        thread = self.threads[id(own)]
        thread.join(10)
        return not thread.is_alive()


def test_clusters_are_watched_as_they_come_change_and_go() -> None:
    watched = Watched()
    crew = Crew(watched.watch, watched.note)
    alpha, beta, changed = cluster(URL, "alpha"), cluster(URL, "beta"), cluster(URL, "beta", step="30s")
    crew.follow(Roll((alpha,)))
    crew.follow(Roll((alpha, beta)))
    crew.follow(Roll((alpha, changed)))
    assert watched.joined(beta)
    crew.follow(Roll((changed,)))
    assert watched.joined(alpha)
    crew.stop()
    assert watched.joined(changed)
    assert watched.begun == [alpha, beta, changed]


def test_why_a_cluster_cannot_be_collected_is_told_once() -> None:
    watched = Watched()
    crew = Crew(watched.watch, watched.note)
    for problem in ("no secret", "no secret", "no file", ""):
        crew.follow(Roll((), unusable={"beta": problem} if problem else {}))
    crew.follow(Roll((), unusable={"beta": "no file"}))
    assert watched.noted == [("beta", "no secret"), ("beta", "no file"), ("beta", "no file")]
    crew.stop()
