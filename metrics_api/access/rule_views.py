"""Rule views: access rules as Run:ai's API tells them, and takes them."""

from datetime import datetime
from typing import ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from metrics_api.endpoint import Complete
from metrics_api.listing import Column, CountQuery, ListQuery
from queries.control.places import NamedPlace
from queries.control.roles import ROLES
from queries.control.rules import ScopeType
from queries.control.tables import AccessRule

SubjectType = Literal["user", "app", "service-account", "group"]


class Status(BaseModel):
    phase: Literal["Ready"] = "Ready"


class RuleView(Complete):
    """A role that a subject has in a scope."""

    id: int
    subjectId: str
    subjectType: str
    roleId: int
    roleName: str
    scopeId: str
    scopeType: str
    scopeName: str
    clusterId: str | None
    tenantId: int
    createdBy: str
    createdAt: datetime
    updatedAt: datetime
    deletedAt: datetime | None = None
    status: Status = Status()

    @classmethod
    def of(cls, rule: AccessRule, where: NamedPlace | None) -> Self:
        return cls(
            id=rule.id,
            subjectId=rule.subject_id,
            subjectType=rule.subject_type,
            roleId=rule.role_id,
            roleName=ROLES[rule.role_id].name,
            scopeId=rule.scope_id,
            scopeType=rule.scope_type,
            scopeName=where.name if where else "",
            clusterId=where.place.cluster if where else None,
            tenantId=rule.tenant_id,
            createdBy=rule.created_by,
            createdAt=rule.created_at,
            updatedAt=rule.created_at,
        )


class RulesView(Complete):
    totalRecords: int
    displayRecords: int
    accessRules: list[RuleView]


COLUMNS = (
    Column("subjectId", lambda rule: rule.subjectId, is_searched=True),
    Column("subjectType", lambda rule: rule.subjectType),
    Column("roleId", lambda rule: rule.roleId, float),
    Column("roleName", lambda rule: rule.roleName, is_searched=True),
    Column("scopeId", lambda rule: rule.scopeId),
    Column("scopeType", lambda rule: rule.scopeType),
    Column("scopeName", lambda rule: rule.scopeName, is_searched=True),
    Column("createdAt", lambda rule: rule.createdAt, datetime),
    Column("deletedAt", lambda rule: rule.deletedAt, datetime),
    Column("createdBy", lambda rule: rule.createdBy),
    Column("phase", lambda rule: rule.status.phase),
)


class RuleCount(CountQuery):
    columns: ClassVar = COLUMNS

    includeDeleted: bool = False


class RuleQuery(ListQuery):
    columns: ClassVar = COLUMNS

    subjectType: SubjectType | None = None
    subjectIdFilter: str | None = Field(None, description="A part of the subject's id.")
    subjectIds: tuple[str, ...] = ()
    lastUpdated: datetime | None = Field(None, description="Rules that were changed since.")
    includeDeleted: bool = Field(False, description="Deleted rules are not kept; the audit log tells of them.")
    clusterId: str | None = None
    scopeType: ScopeType | None = None
    scopeId: str | None = None
    roleId: int | None = None

    def lets_through(self, rule: RuleView) -> bool:
        subject_type = "service-account" if self.subjectType == "app" else self.subjectType
        return (
            subject_type in (None, rule.subjectType)
            and (self.subjectIdFilter or "") in rule.subjectId
            and (not self.subjectIds or rule.subjectId in self.subjectIds)
            and (self.lastUpdated is None or rule.updatedAt >= self.lastUpdated)
            and self.clusterId in (None, rule.clusterId)
            and self.scopeType in (None, rule.scopeType)
            and self.scopeId in (None, rule.scopeId)
            and self.roleId in (None, rule.roleId)
        )


class MineQuery(CountQuery):
    columns: ClassVar = COLUMNS

    offset: int = Field(0, ge=0, le=2**31)
    limit: int = Field(50, ge=1, le=500)


class NewRuleBody(BaseModel):
    """subjectId: a user's name or id, a service account's name, id or client id, or a group's name."""

    model_config = ConfigDict(extra="forbid")

    subjectId: str = Field(min_length=1, max_length=255, pattern=r"^[^\x00]*$")
    subjectType: SubjectType
    roleId: int
    scopeId: str = Field(max_length=255, description="The id of the scope; of a tenant its number.")
    scopeType: ScopeType
    clusterId: str | None = None


class Subject(BaseModel):
    model_config = ConfigDict(extra="forbid")

    subjectId: str = Field(min_length=1, max_length=255, pattern=r"^[^\x00]*$")
    subjectType: SubjectType


class ScopeBody(BaseModel):
    model_config = ConfigDict(extra="forbid")

    scopeId: str = Field(max_length=255)
    scopeType: ScopeType


class Batch(BaseModel):
    model_config = ConfigDict(extra="forbid")

    roleId: int
    clusterId: str | None = None
    subjects: list[Subject] = Field(min_length=1, max_length=100)
    scopes: list[ScopeBody] = Field(min_length=1, max_length=100)


class NewRules(BaseModel):
    """One role for several subjects in several scopes."""

    model_config = ConfigDict(extra="forbid")

    payload: Batch

    def each(self) -> list[NewRuleBody]:
        return [
            NewRuleBody(roleId=self.payload.roleId, **subject.model_dump(), **scope.model_dump())
            for subject in self.payload.subjects
            for scope in self.payload.scopes
        ]


class FailedRule(BaseModel):
    payload: NewRuleBody
    code: int
    message: str


class NewRulesView(BaseModel):
    succeeded: list[RuleView]
    failed: list[FailedRule]


class RuleIds(BaseModel):
    model_config = ConfigDict(extra="forbid")

    ids: list[str] = Field(min_length=1, max_length=500)
    action: Literal["delete", "validate_delete"]


class FailedId(BaseModel):
    id: str
    code: int
    message: str


class DeletedView(BaseModel):
    id: str
    succeeded: list[str]
    failed: list[FailedId]


class MineView(Complete):
    accessRules: RulesView
