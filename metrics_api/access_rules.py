"""Access rules: who has which role, and where."""

from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import delete as sql_delete
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool

from metrics_api.endpoint import Complete
from metrics_api.errors import ApiError
from metrics_api.listing import Column, CountQuery, ListQuery
from metrics_api.policy import Actor, may, may_grant
from metrics_api.services import Caller
from metrics_api.users import Count
from queries.control.places import NamedPlace, find_place
from queries.control.roles import ROLES, find_role
from queries.control.rules import NewRule, Place, ScopeType, add_rule, list_rules
from queries.control.tables import AccessRule, Application, User

RESOURCE = "access_rules"

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


async def list_all(caller: Caller, query: RuleQuery) -> RulesView:
    """The rules of the scopes in which the caller may read them."""
    rules = [rule for rule in await run_in_threadpool(read_rules, caller) if query.lets_through(rule)]
    page = query.page(rules)
    return RulesView(totalRecords=page.total, displayRecords=len(page.rows), accessRules=list(page.rows))


async def count(caller: Caller, query: RuleCount) -> Count:
    """How many rules there are."""
    return Count(count=len(query.matching(await run_in_threadpool(read_rules, caller))))


class MineView(Complete):
    accessRules: RulesView


async def list_own(caller: Caller, query: MineQuery) -> MineView:
    """The rules that say what the caller may do, its own and those of its groups."""
    rules = query.matching(await run_in_threadpool(read_own_rules, caller))
    shown = rules[query.offset : query.offset + query.limit]
    return MineView(accessRules=RulesView(totalRecords=len(rules), displayRecords=len(shown), accessRules=shown))


async def read(caller: Caller, rule_id: str) -> RuleView:
    """One rule."""
    rules = await run_in_threadpool(read_rules, caller)
    found = next((rule for rule in rules if str(rule.id) == rule_id), None)
    if found is None:
        raise missing(rule_id)
    return found


async def create(caller: Caller, body: NewRuleBody) -> RuleView:
    """Give a role to a subject in a scope. Nobody can give what they do not have there themselves."""
    made = await run_in_threadpool(give, caller, body)
    caller.target.id = str(made.id)
    caller.target.name = f"{made.roleName} of {made.scopeType} {made.scopeName} for {made.subjectId}"
    return made


async def create_many(caller: Caller, body: NewRules) -> NewRulesView:
    """Give a role to several subjects in several scopes; what cannot be given is told, and the rest is."""
    return await run_in_threadpool(give_each, caller, body.each())


async def delete(caller: Caller, rule_id: str) -> None:
    """Take a role from a subject."""
    await run_in_threadpool(take, caller, rule_id, True)


async def delete_many(caller: Caller, body: RuleIds) -> DeletedView:
    """Take several roles (``delete``), or see whether that could be done (``validate_delete``)."""
    return await run_in_threadpool(take_each, caller, body)


def read_rules(caller: Caller) -> list[RuleView]:
    """The rules that the caller may read."""
    actor, control = caller.actor, caller.services.control
    rules = list_rules(control, actor.tenant_id)
    with control.session() as session:
        found = places(session, caller, rules)
    return [
        RuleView.of(rule, found[rule.id])
        for rule in rules
        if rule.role_id in ROLES and may(actor, "read", RESOURCE, place_of(found[rule.id], actor))
    ]


def read_own_rules(caller: Caller) -> list[RuleView]:
    actor, control = caller.actor, caller.services.control
    has = {(grant.role.id, grant.scope_type, grant.scope_id) for grant in actor.grants}
    rules = [
        rule
        for rule in list_rules(control, actor.tenant_id)
        if (rule.role_id, rule.scope_type, rule.scope_id) in has
        and ((rule.subject_type, rule.subject_id) == (actor.subject_type, actor.subject_id) or is_of_group(rule, actor))
    ]
    with control.session() as session:
        found = places(session, caller, rules)
    return [RuleView.of(rule, found[rule.id]) for rule in rules]


def is_of_group(rule: AccessRule, actor: Actor) -> bool:
    return rule.subject_type == "group" and rule.subject_id in actor.groups


def places(session: Session, caller: Caller, rules: Sequence[AccessRule]) -> dict[int, NamedPlace | None]:
    """Where each rule counts, by its id."""
    scopes = {(rule.scope_type, rule.scope_id) for rule in rules}
    found = {scope: place_at(session, caller, *scope) for scope in scopes}
    return {rule.id: found[rule.scope_type, rule.scope_id] for rule in rules}


def place_at(session: Session, caller: Caller, scope_type: str, scope_id: str) -> NamedPlace | None:
    departments = caller.services.settings.departments
    return find_place(session, caller.actor.tenant_id, scope_type, scope_id, departments)


def place_of(found: NamedPlace | None, actor: Actor) -> Place:
    """Rules of what is gone are the tenant's to see to."""
    return found.place if found else Place(actor.tenant_id)


def give(caller: Caller, body: NewRuleBody) -> RuleView:
    actor, control = caller.actor, caller.services.control
    try:
        role = find_role(str(body.roleId))
    except ValueError as error:
        raise ApiError(400, f"field 'roleId': {error}") from None
    where = find_scope(caller, body.scopeType, body.scopeId)
    caller.require("create", RESOURCE, where.place)
    if not may_grant(actor, role, where.place, body.scopeType):
        raise ApiError(403, f"you do not have sufficient permissions: {role.name} may do more there than you may")
    with control.session() as session:
        subject_type, subject_id = subject_of(session, actor.tenant_id, body)
        rule = NewRule(role.id, body.scopeType, body.scopeId)
        return RuleView.of(add_rule(session, actor.tenant_id, subject_type, subject_id, rule, actor.name), where)


def find_scope(caller: Caller, scope_type: ScopeType, scope_id: str) -> NamedPlace:
    """Raises:
    ApiError: 400, the scope is not there, or cannot be seen.
    """
    caller.services.discovery.run()
    with caller.services.control.session() as session:
        where = place_at(session, caller, scope_type, scope_id)
    if where is None or not may(caller.actor, "read", RESOURCE, where.place):
        raise ApiError(400, f"field 'scopeId': there is no {scope_type} with the id {scope_id!r} that you may manage")
    return where


def subject_of(session: Session, tenant_id: int, body: NewRuleBody) -> tuple[str, str]:
    """The subject as rules name it.

    Raises:
        ApiError: 400, there is none.
    """
    if body.subjectType == "group":
        return "group", body.subjectId
    if body.subjectType == "user":
        user = session.scalar(
            select(User).where(
                User.tenant_id == tenant_id,
                (User.username == body.subjectId.lower()) | (User.id == body.subjectId),
            )
        )
        if user is None:
            raise ApiError(400, f"field 'subjectId': there is no user {body.subjectId!r}")
        return "user", user.username
    account = session.scalar(
        select(Application).where(
            Application.tenant_id == tenant_id,
            (Application.id == body.subjectId)
            | (Application.client_id == body.subjectId)
            | (Application.name == body.subjectId),
        )
    )
    if account is None:
        raise ApiError(400, f"field 'subjectId': there is no service account {body.subjectId!r}")
    return "service-account", account.id


def give_each(caller: Caller, rules: Sequence[NewRuleBody]) -> NewRulesView:
    answer = NewRulesView(succeeded=[], failed=[])
    for rule in rules:
        try:
            answer.succeeded.append(give(caller, rule))
        except ApiError as error:
            answer.failed.append(FailedRule(payload=rule, code=error.error.code, message=error.error.message))
    return answer


def take(caller: Caller, written: str, is_meant: bool) -> None:
    """Delete a rule, or see whether it may be."""
    actor, control = caller.actor, caller.services.control
    with control.session() as session:
        rule = session.get(AccessRule, int(written)) if written.isdecimal() and len(written) < 10 else None
        if rule is None or rule.tenant_id != actor.tenant_id:
            raise missing(written)
        where = place_at(session, caller, rule.scope_type, rule.scope_id)
        caller.require("delete", RESOURCE, place_of(where, actor))
        role = ROLES.get(rule.role_id)
        if role and not may_grant(actor, role, place_of(where, actor), rule.scope_type):
            raise ApiError(403, f"you do not have sufficient permissions: {role.name} may do more there than you may")
        if is_meant:
            session.execute(sql_delete(AccessRule).where(AccessRule.id == rule.id))


def take_each(caller: Caller, body: RuleIds) -> DeletedView:
    answer = DeletedView(id="batch", succeeded=[], failed=[])
    for rule_id in body.ids:
        try:
            take(caller, rule_id, body.action == "delete")
            answer.succeeded.append(rule_id)
        except ApiError as error:
            answer.failed.append(FailedId(id=rule_id, code=error.error.code, message=error.error.message))
    return answer


def missing(rule_id: str) -> ApiError:
    return ApiError(404, f"there is no access rule with the id {rule_id!r}")
