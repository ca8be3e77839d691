"""Bodies: what projects and departments are made of, and changed to."""

import re
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

from metrics_api.org_units.resources import PoolResources, check_pools

LABEL = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?")
"""What Kubernetes takes as the name of a namespace, as which Run:ai uses a project's name."""

CONTROL = re.compile(r"[\x00-\x1f\x7f]")

LONGEST_SETTINGS = 20_000


class UnitChange(BaseModel):
    """What is not given is nothing from then on. schedulingRules, defaultNodePools and nodeTypes are kept and told
    again: nothing is scheduled here."""

    model_config = ConfigDict(extra="forbid")

    description: str = Field("", max_length=2_000, pattern=r"^[^\x00]*$")
    schedulingRules: dict[str, Any] | None = None
    defaultNodePools: list[str] | None = None
    nodeTypes: dict[str, Any] | None = None
    resources: tuple[PoolResources, ...]

    @field_validator("schedulingRules", "defaultNodePools", "nodeTypes")
    @classmethod
    def can_be_kept(cls, given: Any) -> Any:
        text = repr(given)
        if len(text) > LONGEST_SETTINGS or "\\x00" in text:
            raise ValueError(f"at most {LONGEST_SETTINGS} characters can be kept, none of them a NUL")
        return given

    @field_validator("resources")
    @classmethod
    def names_each_pool_once(cls, resources: tuple[PoolResources, ...]) -> tuple[PoolResources, ...]:
        check_pools(resources)
        return resources

    def settings(self) -> dict[str, Any]:
        names = ("schedulingRules", "defaultNodePools", "nodeTypes", "enforceRunaiScheduler", "requestedNamespace")
        given = {name: getattr(self, name, None) for name in names}
        return {name: value for name, value in given.items() if value is not None}


class ProjectChange(UnitChange):
    """parentId (ours): the department that it is moved to; null: to the one that the configuration file says; without
    it, it stays where it is."""

    enforceRunaiScheduler: bool | None = None
    parentId: str | None = None

    @property
    def is_moved(self) -> bool:
        return "parentId" in self.model_fields_set


class NewProject(ProjectChange):
    """parentId: the department that it is put in; without it, the configuration file says."""

    name: str
    clusterId: str
    requestedNamespace: str | None = None

    @field_validator("name", "requestedNamespace")
    @classmethod
    def is_a_label(cls, name: str | None) -> str | None:
        if name is not None and not LABEL.fullmatch(name):
            raise ValueError(
                f"{name!r} is no name of a namespace; write 1 to 63 small letters, digits and dashes, a letter first"
                " and no dash last, as in team-a"
            )
        return name


class DepartmentChange(UnitChange):
    pass


class NewDepartment(UnitChange):
    """overtimeData is taken, and changes nothing: it is measured."""

    name: str = Field(min_length=1, max_length=255)
    clusterId: str
    overtimeData: dict[str, Any] | None = None

    @field_validator("name")
    @classmethod
    def is_one_line(cls, name: str) -> str:
        if CONTROL.search(name) or name != name.strip():
            raise ValueError(f"{name!r} is no name; write it on one line, without spaces around it")
        return name
