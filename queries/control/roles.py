"""Role: what somebody may do to which kind of thing. A rule gives a role to somebody, in a scope."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

Action = Literal["create", "read", "update", "delete"]

ACTIONS: tuple[Action, ...] = get_args(Action)

READ: tuple[Action, ...] = ("read",)
CHANGE: tuple[Action, ...] = ("read", "update")

RESOURCES: dict[str, tuple[str, str]] = {
    "tenant": ("Tenant", "organization"),
    "department": ("Departments", "organization"),
    "project": ("Projects", "organization"),
    "cluster": ("Clusters", "physical-resource"),
    "nodepools": ("Node pools", "physical-resource"),
    "nodes": ("Nodes", "physical-resource"),
    "users": ("Users", "iam"),
    "service-account": ("Service accounts", "iam"),
    "apps": ("Applications", "iam"),
    "access-keys": ("Access keys", "iam"),
    "roles": ("Roles", "iam"),
    "access_rules": ("Access rules", "iam"),
    "events-history": ("Audit log", "iam"),
    "dashboards-overview": ("Overview dashboard", "dashboard"),
    "dashboards-analytics": ("Analytics dashboard", "dashboard"),
    "dashboards-consumption": ("Consumption dashboard", "dashboard"),
    "scrapeable-metrics": ("The service's own metrics", "dashboard"),
    "workloads": ("Workloads", "workload"),
    "trainings": ("Trainings", "workload"),
    "workspaces": ("Workspaces", "workload"),
    "inferences": ("Inferences", "workload"),
}
"""The kinds of things, as Run:ai names them; what each is called, and the group that it is shown in."""

WORKLOADS = ("workloads", "trainings", "workspaces", "inferences")
SEEN = (
    "department",
    "project",
    "cluster",
    "nodepools",
    "nodes",
    "roles",
    "dashboards-overview",
    "dashboards-analytics",
    "dashboards-consumption",
    *WORKLOADS,
)
"""What everybody sees of their scope."""


@dataclass(frozen=True)
class Role:
    id: int
    name: str
    description: str
    permissions: Mapping[str, tuple[Action, ...]]

    def allows(self, action: str, resource: str) -> bool:
        return action in self.permissions.get(resource, ())


def seeing(**more: tuple[Action, ...]) -> dict[str, tuple[Action, ...]]:
    return dict.fromkeys(SEEN, READ) | more


ROLES: dict[int, Role] = {
    role.id: role
    for role in (
        Role(
            1,
            "Administrator",
            "Does everything in its scope.",
            dict.fromkeys(RESOURCES, ACTIONS),
        ),
        Role(
            2,
            "Department administrator",
            "Manages the projects of a department, their quotas, and who may use them.",
            seeing(
                department=CHANGE,
                project=ACTIONS,
                access_rules=ACTIONS,
                **dict.fromkeys(WORKLOADS, ACTIONS),
            ),
        ),
        Role(
            3,
            "Project administrator",
            "Manages a project, and who may use it.",
            seeing(
                project=CHANGE,
                access_rules=ACTIONS,
                **dict.fromkeys(WORKLOADS, ACTIONS),
            ),
        ),
        Role(
            4,
            "Researcher",
            "Submits workloads, and sees how they do.",
            seeing(**dict.fromkeys(WORKLOADS, ACTIONS)),
        ),
        Role(5, "Viewer", "Sees everything in its scope, and changes nothing.", seeing()),
    )
}

ADMINISTRATOR, DEPARTMENT_ADMINISTRATOR, PROJECT_ADMINISTRATOR, RESEARCHER, VIEWER = ROLES.values()


def find_role(text: str) -> Role:
    """A role by its number or its name, as people write it: ``project-administrator``.

    Raises:
        ValueError: there is none; the message lists those that there are.
    """
    wanted = text.strip().lower().replace("-", " ").replace("_", " ")
    for role in ROLES.values():
        if wanted in (str(role.id), role.name.lower()):
            return role
    names = ", ".join(role.name.lower().replace(" ", "-") for role in ROLES.values())
    raise ValueError(f"there is no role {text!r}; roles are: {names}")
