"""Giving: roles are given and taken, never more than one has."""

from collections.abc import Sequence

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from metrics_api.access.rule_views import (
    DeletedView,
    FailedId,
    FailedRule,
    NewRuleBody,
    NewRulesView,
    RuleIds,
    RuleView,
)
from metrics_api.errors import ApiError
from metrics_api.policy import Actor, may, may_grant
from metrics_api.services import Caller
from queries.control.places import NamedPlace, find_place
from queries.control.roles import ROLES, find_role
from queries.control.rules import NewRule, Place, ScopeType, add_rule
from queries.control.tables import AccessRule, Application, User

RESOURCE = "access_rules"


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
            session.execute(delete(AccessRule).where(AccessRule.id == rule.id))


def take_each(caller: Caller, body: RuleIds) -> DeletedView:
    answer = DeletedView(id="batch", succeeded=[], failed=[])
    for rule_id in body.ids:
        try:
            take(caller, rule_id, body.action == "delete")
            answer.succeeded.append(rule_id)
        except ApiError as error:
            answer.failed.append(FailedId(id=rule_id, code=error.error.code, message=error.error.message))
    return answer


def place_at(session: Session, caller: Caller, scope_type: str, scope_id: str) -> NamedPlace | None:
    departments = caller.services.settings.departments
    return find_place(session, caller.actor.tenant_id, scope_type, scope_id, departments)


def place_of(found: NamedPlace | None, actor: Actor) -> Place:
    """Rules of what is gone are the tenant's to see to."""
    return found.place if found else Place(actor.tenant_id)


def missing(rule_id: str) -> ApiError:
    return ApiError(404, f"there is no access rule with the id {rule_id!r}")
