"""Org units: departments and projects."""

from typing import Any

from metrics_api.endpoint import Endpoint, delete, get, patch, post, put
from metrics_api.org_units import departments, projects

PROJECTS, DEPARTMENTS = "/api/v1/org-unit/projects", "/api/v1/org-unit/departments"

PROJECT, DEPARTMENT = f"{PROJECTS}/{{project_id}}", f"{DEPARTMENTS}/{{department_id}}"

OF_PROJECTS: dict[str, Any] = {"resource": "project"}
OF_DEPARTMENTS: dict[str, Any] = {"resource": "department"}

ORG_UNITS: tuple[Endpoint, ...] = (
    get(PROJECTS, projects.list_all, "List projects", "Projects"),
    post(PROJECTS, projects.create, "Make a project", "Projects", status=201, **OF_PROJECTS),
    get(f"{PROJECTS}/count", projects.count, "Count projects", "Projects"),
    get(PROJECT, projects.read, "Read a project", "Projects"),
    put(PROJECT, projects.update, "Change a project", "Projects", **OF_PROJECTS),
    delete(PROJECT, projects.delete, "Delete a project", "Projects", status=204, **OF_PROJECTS),
    put(f"{PROJECT}/resources", projects.set_resources, "Set a project's quotas", "Projects", **OF_PROJECTS),
    patch(f"{PROJECT}/resources", projects.patch_resources, "Change a project's quotas", "Projects", **OF_PROJECTS),
    get(DEPARTMENTS, departments.list_all, "List departments", "Departments"),
    post(DEPARTMENTS, departments.create, "Make a department", "Departments", status=201, **OF_DEPARTMENTS),
    get(f"{DEPARTMENTS}/count", departments.count, "Count departments", "Departments"),
    get(DEPARTMENT, departments.read, "Read a department", "Departments"),
    put(DEPARTMENT, departments.update, "Change a department", "Departments", **OF_DEPARTMENTS),
    delete(DEPARTMENT, departments.delete, "Delete a department", "Departments", status=204, **OF_DEPARTMENTS),
    put(
        f"{DEPARTMENT}/resources",
        departments.set_resources,
        "Set a department's quotas",
        "Departments",
        **OF_DEPARTMENTS,
    ),
    patch(
        f"{DEPARTMENT}/resources",
        departments.patch_resources,
        "Change a department's quotas",
        "Departments",
        **OF_DEPARTMENTS,
    ),
)
