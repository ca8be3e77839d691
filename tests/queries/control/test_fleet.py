"""Clusters and node pools in the control database."""

import pytest

from queries.control.clusters import (
    NewCluster,
    delete_cluster,
    entered,
    find_cluster,
    list_clusters,
    register_cluster,
    update_cluster,
)
from queries.control.database import Control, NameTakenError
from queries.control.node_pools import (
    create_node_pool,
    delete_node_pool,
    find_node_pool,
    list_node_pools,
    update_node_pool,
)
from queries.control.organisation import Found, create_tenant, register
from queries.control.roles import VIEWER
from queries.control.rules import NewRule, list_rules
from queries.control.tables import Quota
from queries.control.users import create_user
from queries.ids import cluster_id, project_id

COLLECTION = {"prometheus": "http://127.0.0.1:1", "bearer_token": "env:CLUSTER_SECRET_X"}


def new(name: str, tenant: int = 1) -> NewCluster:
    return NewCluster(name, tenant, "ada", collection=COLLECTION)


def test_a_cluster_is_registered_changed_deleted_and_continued(control: Control) -> None:
    made = register_cluster(control, new("gamma"))
    assert (made.id, made.collection) == (cluster_id("gamma"), COLLECTION)
    update_cluster(control, made.id, domain="gamma.example.com", collection=None)
    assert [(each.name, each.collection, each.is_deleted) for each in entered(control)] == [("gamma", None, False)]
    delete_cluster(control, made.id)
    assert [each.is_deleted for each in entered(control)] == [True]
    again = register_cluster(control, new("gamma"))
    assert (again.created_at, again.domain, again.delete_requested_at) == (made.created_at, None, None)
    assert len(list_clusters(control)) == 1


def test_a_name_is_one_tenants(control: Control) -> None:
    other = create_tenant(control, "other").id
    register_cluster(control, new("gamma"))
    for tenant in (1, other):
        with pytest.raises(NameTakenError):
            register_cluster(control, new("gamma", tenant))
    delete_cluster(control, cluster_id("gamma"))
    with pytest.raises(NameTakenError):
        register_cluster(control, new("gamma", other))


def test_rules_about_a_cluster_end_with_it_and_those_about_its_projects_do_not(control: Control) -> None:
    register_cluster(control, new("gamma"))
    register(control, Found(projects=frozenset({("gamma", "a")})), ())
    rules = (
        NewRule(VIEWER.id, "cluster", cluster_id("gamma")),
        NewRule(VIEWER.id, "project", project_id("gamma", "a")),
    )
    create_user(control, "ada@example.com", "correct horse", rules=rules)
    delete_cluster(control, cluster_id("gamma"))
    assert [rule.scope_type for rule in list_rules(control, 1)] == ["project"]


def test_what_is_found_of_a_deleted_cluster_does_not_bring_it_back(control: Control) -> None:
    register_cluster(control, new("gamma"))
    delete_cluster(control, cluster_id("gamma"))
    register(control, Found(frozenset({"gamma"}), frozenset({("gamma", "h100")})), ())
    gone = find_cluster(control, cluster_id("gamma"))
    assert gone
    assert gone.delete_requested_at
    assert list_node_pools(control) == []


def test_a_node_pool_is_made_changed_and_deleted_with_its_quotas(control: Control) -> None:
    cluster = register_cluster(control, new("gamma"))
    placed = create_node_pool(control, cluster, "h100_80gb", ("pool", "h100"), {"overProvisioningRatio": 2}, "ada")
    assert not placed.is_found
    with pytest.raises(NameTakenError):
        create_node_pool(control, cluster, "h100-80gb", ("pool", "x"), {}, "ada")
    identifier = placed.pool.id
    changed = update_node_pool(control, identifier, {"label_value": "y"}, {}, "bob").pool
    assert (changed.label_key, changed.label_value, changed.settings, changed.updated_by) == ("pool", "y", {}, "bob")
    with control.session() as session:
        session.add(Quota(org_unit_id="unit", node_pool_id=identifier, resource="gpu", deserved=1))
    delete_node_pool(control, identifier)
    assert find_node_pool(control, identifier) is None
    with control.session() as session:
        assert session.query(Quota).count() == 0


def test_node_pools_that_are_found_are_told_from_those_that_are_made(control: Control) -> None:
    register_cluster(control, new("gamma"))
    register(control, Found(node_pools=frozenset({("gamma", "default")})), ())
    (found,) = list_node_pools(control)
    assert (found.is_found, found.pool.is_default) == (True, True)
