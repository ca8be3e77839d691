"""Entities: what the ids and names in a request stand for, as far as the caller may see it."""

from metrics_api.asking import asker_of
from metrics_api.errors import ApiError
from metrics_api.services import Caller
from queries.condition import Condition
from queries.entities import Entity
from queries.ids import CLUSTER, Kind
from queries.question import Asker
from queries.stop import Stop

EVERY_CLUSTER = "all"


async def find(caller: Caller, kind: Kind, identifier: str, called: str, parent: Entity | None = None) -> Entity:
    """What an id stands for, of what belongs to a parent.

    Raises:
        ApiError: 404, where there is no such thing, or the caller may not see it.
    """
    asker, rows = await asker_of(caller), caller.services.settings.limits.rows
    entities = caller.services.entities

    def work(stop: Stop) -> Entity | None:
        return entities.find(asker.within(stop, rows), kind, identifier.lower(), parent)

    found = await caller.services.pool.answer(caller.who, work, is_short=True)
    if not found:
        raise not_found(called, identifier)
    return found


def not_found(called: str, identifier: str) -> ApiError:
    return ApiError(404, f"there is no {called} {identifier!r}, or you may not see it", "Resource id not found.")


def clusters_of(caller: Caller, asker: Asker, identifiers: str) -> tuple[str, ...]:
    """The clusters of these ids, separated by commas; ``all`` are all that the caller may see.

    Raises:
        ApiError: 404, where one is none that the caller may see.
    """
    if identifiers == EVERY_CLUSTER:
        return tuple(each.name for each in asker.clusters())
    names = []
    for identifier in dict.fromkeys(identifiers.lower().split(",")):
        found = caller.services.entities.find(asker, CLUSTER, identifier)
        if not found:
            raise not_found("cluster", identifier)
        names.append(found.cluster)
    return tuple(names)


async def find_pool(caller: Caller, asker: Asker, clusters: tuple[str, ...], name: str) -> Entity | None:
    entities, rows = caller.services.entities, caller.services.settings.limits.rows

    def work(stop: Stop) -> Entity | None:
        limited = asker.within(stop, rows)
        pools = (entities.find_node_pool(limited, cluster, name) for cluster in clusters)
        return next((pool for pool in pools if pool), None)

    return await caller.services.pool.answer(caller.who, work, is_short=True)


async def pool_conditions(
    caller: Caller, asker: Asker, clusters: tuple[str, ...], name: str | None
) -> tuple[Condition, ...]:
    """That rows are of a node pool, where one is named.

    Raises:
        ApiError: 400, where there is none of that name.
    """
    if name is None:
        return ()
    pool = await find_pool(caller, asker, clusters, name)
    if not pool:
        raise ApiError(400, f"nodepoolName = {name!r}: {', '.join(clusters)} has no such node pool")
    return pool.conditions()
