"""Ids: what is found in the data has an id that follows from its names, the same in Python and in SQL."""

import hashlib
from dataclasses import dataclass

PARTS = ((1, 8), (9, 4), (13, 4), (17, 4), (21, 12))
"""Where the parts of a UUID begin in its hex digits, and how long they are."""


@dataclass(frozen=True)
class Kind:
    """A kind of things, and the names that tell one from another.

    An id is an md5 over the kind and the md5 of each name, so that no two lists of names can run into the same text. It
    has the shape of a UUID: clients of Run:ai's API change underscores in ids, and there are none. It is no secret.
    """

    name: str
    names: tuple[str, ...]

    def id(self, *names: str | None) -> str:
        """The id of the thing with these names; None stands for a name that it does not have."""
        assert len(names) == len(self.names)
        whole = digest(self.name + "".join(digest(name or "") for name in names))
        return "-".join(whole[first - 1 : first - 1 + length] for first, length in PARTS)

    def sql(self, *columns: str) -> str:
        """The same id, over columns. The last column names the thing itself: where it is null, so is the id."""
        whole = self.digest_sql(*columns)
        return " || '-' || ".join(f"substr({whole}, {first}, {length})" for first, length in PARTS)

    def digest_sql(self, *columns: str) -> str:
        """The id without its dashes, which takes a fifth of the time."""
        assert len(columns) == len(self.names)
        given = [f"md5(coalesce({column}, ''))" for column in columns[:-1]] + [f"md5({columns[-1]})"]
        return f"md5('{self.name}' || {' || '.join(given)})"


CLUSTER = Kind("cluster", ("cluster",))
NODE_POOL = Kind("node_pool", ("cluster", "node_pool"))
NODE = Kind("node", ("cluster", "node"))
DEPARTMENT = Kind("department", ("cluster", "department"))
PROJECT = Kind("project", ("cluster", "project"))
WORKLOAD = Kind("workload", ("cluster", "namespace", "workload_kind", "workload"))
POD = Kind("pod", ("cluster", "namespace", "pod"))


def cluster_id(cluster: str) -> str:
    return CLUSTER.id(cluster)


def node_pool_id(cluster: str, node_pool: str) -> str:
    return NODE_POOL.id(cluster, node_pool)


def node_id(cluster: str, node: str) -> str:
    return NODE.id(cluster, node)


def department_id(cluster: str, department: str) -> str:
    return DEPARTMENT.id(cluster, department)


def project_id(cluster: str, project: str) -> str:
    return PROJECT.id(cluster, project)


def workload_id(cluster: str, namespace: str | None, kind: str | None, workload: str) -> str:
    return WORKLOAD.id(cluster, namespace, kind, workload)


def pod_id(cluster: str, namespace: str | None, pod: str) -> str:
    return POD.id(cluster, namespace, pod)


def digest(text: str) -> str:
    return hashlib.md5(text.encode(errors="surrogatepass"), usedforsecurity=False).hexdigest()
