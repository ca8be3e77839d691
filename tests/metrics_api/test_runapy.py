"""Run:ai's own client, as it is, against a server that runs: who may ask."""

import warnings
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import Any

import pytest

from queries.ids import cluster_id
from tests.metrics_api.community import Community, community
from tests.serving import serving

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of a library that we do not maintain
    runai: Any = import_module("runai.runai_client")
    models: Any = import_module("runai.models")

ApiException = import_module("runai.exceptions").ApiException

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Community]:
    with community(tmp_path_factory.mktemp("people")) as people:
        yield people


@pytest.fixture(scope="module")
def address(people: Community) -> Iterator[str]:
    with serving(people.app) as address:
        yield address


ROBOTS_SECRET = "robot's secret"


def connect(address: str, client_id: str = "robot", client_secret: str = ROBOTS_SECRET) -> Any:
    configuration = import_module("runai.configuration").Configuration(
        client_id=client_id, client_secret=client_secret, runai_base_url=address
    )
    return runai.RunaiClient(runai.ApiClient(configuration))


@pytest.fixture(scope="module")
def client(address: str) -> Any:
    return connect(address)


def test_it_signs_in_and_asks(client: Any) -> None:
    assert isinstance(client.organizations.clusters.get_clusters().data, list)


def test_a_wrong_secret_is_told_at_once_and_not_tried_again(address: str) -> None:
    with pytest.raises(ValueError, match="the credentials are not right"):
        connect(address, "robot", "wrong")


def test_it_manages_users(client: Any) -> None:
    users = client.authentication_and_authorization.users
    made = users.create_user(models.UserCreationRequest1(email="new@example.com")).data
    models.UserPostResponse.model_validate(made)
    listed = users.get_users(
        sort_by=models.UsersFilterSortFields.USERNAME, sort_order="desc", filter_by=["username=@new@", "type==local"]
    ).data
    assert [user["username"] for user in listed] == ["new@example.com"]
    models.User2.model_validate(listed[0])
    assert users.count_users(search="EXAMPLE").data["count"] >= 8
    assert users.get_user_by_id(made["id"]).data["id"] == made["id"]
    temporary = users.reset_user_password(made["id"]).data["tempPassword"]
    assert temporary != made["tempPassword"]
    assert users.logout_user(made["id"]).status_code == 204
    assert users.delete_user_by_id(made["id"]).status_code == 204
    with pytest.raises(ApiException) as missing:
        users.get_user_by_id(made["id"])
    assert missing.value.status == 404


def test_a_name_that_is_taken_is_a_conflict(client: Any) -> None:
    users = client.authentication_and_authorization.users
    with pytest.raises(ApiException) as taken:
        users.create_user(models.UserCreationRequest1(email="admin@example.com"))
    assert taken.value.status == 409


def test_it_manages_service_accounts(client: Any, address: str) -> None:
    accounts = client.authentication_and_authorization.service_accounts
    made = accounts.create_service_account(models.ServiceAccountCreationRequest(name="collector")).data
    models.ServiceAccountPostResponse.model_validate(made)
    assert isinstance(connect(address, made["clientId"], made["clientSecret"]), runai.RunaiClient)
    listed = accounts.get_service_accounts().data
    assert {"robot", "collector"} <= {account["name"] for account in listed}
    for account in listed:
        models.ServiceAccount.model_validate(account)
    off = models.ServiceAccountPatchRequest(enabled=False)
    assert accounts.update_service_account_by_id(made["id"], off).data["enabled"] is False
    with pytest.raises(ValueError, match="the credentials are not right"):
        connect(address, made["clientId"], made["clientSecret"])
    on = models.ServiceAccountPatchRequest(enabled=True)
    assert accounts.update_service_account_by_id(made["id"], on).data["enabled"] is True
    renewed = accounts.regenerate_service_account_secret(made["id"]).data["clientSecret"]
    with pytest.raises(ValueError, match="the credentials are not right"):
        connect(address, made["clientId"], made["clientSecret"])
    assert connect(address, made["clientId"], renewed)
    assert accounts.delete_service_account_by_id(made["id"]).status_code == 204


def test_it_manages_applications_by_their_old_name(client: Any) -> None:
    apps = client.authentication_and_authorization.applications
    made = apps.create_application(models.ApplicationCreationRequest(name="old")).data
    models.ApplicationPostResponse.model_validate(made)
    answer = apps.get_applications()
    assert "old" in {app["name"] for app in answer.data}
    assert answer.headers["sunset"]
    assert apps.regenerate_application_secret(made["id"]).data["secret"]
    assert apps.delete_application_by_id(made["id"]).status_code == 204


def test_it_gives_and_takes_roles(client: Any, people: Community) -> None:
    rules = client.authentication_and_authorization.access_rules
    clusters = {"scope_type": "cluster", "scope_id": cluster_id("beta")}
    new = models.AccessRuleCreationFields(subject_id="nobody@example.com", subject_type="user", role_id=5, **clusters)
    made = rules.create_access_rule(new).data
    models.AccessRuleById.model_validate(made)
    assert (made["roleName"], made["scopeName"]) == ("Viewer", "beta")
    nobody = people.client("nobody")
    assert {
        rule["id"] for rule in nobody.get("/api/v1/authorization/me/access-rules").json()["accessRules"]["accessRules"]
    } == {made["id"]}
    listed = rules.get_access_rules(
        subject_type="user",
        subject_ids=["nobody@example.com"],
        sort_by=models.AccessRulesSortFilterFields.SCOPENAME,
        filter_by=["roleName==Viewer"],
    ).data
    models.GetAccessRules200Response.model_validate(listed)
    assert [rule["id"] for rule in listed["accessRules"]] == [made["id"]]
    assert rules.get_access_rule(made["id"]).data == made
    assert rules.count_access_rules(filter_by=["subjectId==nobody@example.com"]).data["count"] == 1
    assert rules.delete_access_rule(made["id"]).status_code == 204
    assert rules.count_access_rules(filter_by=["subjectId==nobody@example.com"]).data["count"] == 0


def test_it_gives_many_roles_at_once(client: Any) -> None:
    rules = client.authentication_and_authorization.access_rules
    payload = models.AccessRulesBatchCreateFieldsPayload(
        role_id=4,
        subjects=[
            models.AccessRuleSubjectsInner(subject_id="researchers", subject_type="group"),
            models.AccessRuleSubjectsInner(subject_id="made-up@example.com", subject_type="user"),
        ],
        scopes=[
            models.AccessRuleScopesInner(scope_id=cluster_id(name), scope_type="cluster") for name in ("alpha", "beta")
        ],
    )
    answer = rules.access_rules_batch_create(models.AccessRulesBatchCreateFields(payload=payload)).data
    assert [rule["subjectId"] for rule in answer["succeeded"]] == ["researchers", "researchers"]
    assert [failed["code"] for failed in answer["failed"]] == [400, 400]
    ids = [str(rule["id"]) for rule in answer["succeeded"]]
    fields = models.AccessRulesBatchFields(ids=[*ids, "999999"], action="delete")
    deleted = rules.access_rules_batch(fields).data
    models.AccessRuleDeletionBatchResponse.model_validate(deleted)
    assert deleted["succeeded"] == ids
    assert [failed["code"] for failed in deleted["failed"]] == [404]


def test_it_reads_the_rules_about_itself(client: Any) -> None:
    me = client.authentication_and_authorization.me
    told = me.get_me_access_rules(limit=10).data
    models.MeAccessRulesResponse.model_validate(told)
    assert [rule["roleName"] for rule in told["accessRules"]["accessRules"]] == ["Administrator"]
    assert me.count_me_access_rules().data["count"] == 1


def test_it_reads_roles_and_permissions(client: Any) -> None:
    roles = client.authentication_and_authorization.roles.get_roles_v1().data
    assert [role["name"] for role in roles][:1] == ["Administrator"]
    for role in roles:
        models.RoleV1.model_validate(role)
    assert client.authentication_and_authorization.roles.get_role_v1(5).data["name"] == "Viewer"
    allowed = client.authentication_and_authorization.permissions.get_permissions().data
    models.Permission.model_validate(allowed[0])
    question = models.GetPermittedScopesRequest(resource_type="project", action="read")
    scopes = client.authentication_and_authorization.permissions.get_permitted_scopes(question).data
    models.PermittedScopesActions.model_validate(scopes)
    assert scopes["read"]["tenants"] == ["1"]
    assert scopes["create"]["tenants"] == []


def test_it_reads_the_audit_log(client: Any) -> None:
    client.authentication_and_authorization.service_accounts.create_service_account(
        models.ServiceAccountCreationRequest(name="told")
    )
    end = datetime.now(UTC) + timedelta(minutes=1)
    log = client.audit.audit_logs
    read = log.get_audit_logs(
        start=end - timedelta(hours=1), end=end, number_of_samples=500, filter_by=["entity_type==service-account"]
    ).data
    for entry in read["audit_logs"]:
        models.AuditLog.model_validate(entry)
    assert {"told"} <= {entry["entity_name"] for entry in read["audit_logs"]}
    last = read["audit_logs"][-1]
    assert (last["subject"], last["action"], last["result"], last["http_status_code"]) == (
        "robot",
        "create",
        "Succeeded",
        201,
    )


def test_it_manages_departments_and_projects(client: Any) -> None:
    """Models of projects are not checked: the client's own have been overwritten by others of the same name."""
    departments, projects = client.organizations.departments, client.organizations.projects
    alpha = cluster_id("alpha")
    quota = models.ResourcesNullable(
        gpu=models.NonNullResource(deserved=4, limit=-1, over_quota_weight=2),
        memory=models.ResourcesMemory(deserved=64, units=models.Units.GB),
    )
    vision = departments.create_department(
        models.DepartmentCreationRequest(name="vision", cluster_id=alpha, resources=[quota])
    ).data
    made = projects.create_project(
        models.ProjectCreationRequest(
            name="team-v", cluster_id=alpha, parent_id=vision["id"], description="new", resources=[quota]
        )
    )
    assert made.status_code == 201
    project = made.data
    models.TotalResources.model_validate(project["totalResources"])
    models.OvertimeData.model_validate(project["overtimeData"])
    models.ProjectStatus.model_validate(project["status"])
    models.Resources.model_validate(project["resources"][0])
    listed = projects.get_projects(
        filter_by=["name=@team", f"clusterId=={alpha}"],
        sort_by=models.ProjectFilterSortFields.AVGGPUALLOCATION24H,
        sort_order="desc",
        offset=0,
        limit=10,
        search="TEAM",
    ).data
    assert [each["id"] for each in listed["projects"]] == [project["id"]]
    for field in models.ProjectFilterSortFields:
        assert projects.get_projects(sort_by=field).status_code == 200
    assert projects.count_projects(filter_by=["totalGpuQuota>=4"]).data == {"count": 1}
    update = models.ProjectUpdateRequest(description="changed", resources=[quota])
    assert projects.update_project(project["id"], update).data["description"] == "changed"
    more = models.ResourcesNullable(gpu=models.NonNullResource(deserved=6, limit=-1, over_quota_weight=2))
    assert projects.patch_project_resources(project["id"], [more]).data["totalResources"]["gpuQuota"] == 6
    assert projects.update_project_resources(project["id"], [quota]).data["totalResources"]["gpuQuota"] == 4
    times = {"start": datetime.now(UTC) - timedelta(hours=1), "end": datetime.now(UTC)}
    types = [models.OrgUnitMetricType.GPU_QUOTA, models.OrgUnitMetricType.GPU_ALLOCATION]
    told = projects.get_project_metrics(project["id"], metric_type=types, **times)
    assert told.status_code == 207, "alpha was never collected"
    assert [each["type"] for each in told.data["measurements"]] == ["GPU_QUOTA", "GPU_ALLOCATION"]
    assert departments.get_department_metrics(vision["id"], metric_type=types, **times).status_code == 207
    for order in models.DepartmentFilterSortFields:
        found = departments.get_departments(sort_by=order, verbosity="verbose", filter_by=["name==vision"]).data
        assert [each["children"] for each in found["departments"]] == [[{"id": project["id"], "name": "team-v"}]]
    assert departments.count_departments(filter_by=["totalGpuQuota==4"]).data == {"count": 1}
    assert departments.patch_department_resources(vision["id"], [more]).data["totalResources"]["gpuQuota"] == 6
    assert departments.update_department_resources(vision["id"], [quota]).data["totalResources"]["gpuQuota"] == 4
    changed = models.DepartmentUpdateRequest(description="eyes", resources=[quota])
    assert departments.update_department(vision["id"], changed).data["description"] == "eyes"
    with pytest.raises(ApiException) as used:
        departments.delete_department(vision["id"])
    assert used.value.status == 409
    assert projects.delete_project(project["id"]).status_code == 204
    assert departments.delete_department(vision["id"]).status_code == 204
    with pytest.raises(ApiException) as gone:
        projects.get_project(project["id"])
    assert gone.value.status == 404
