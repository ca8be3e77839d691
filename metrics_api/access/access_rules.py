"""Access rules: who has which role, and where."""

from collections.abc import Sequence

from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool

from metrics_api.access.giving import RESOURCE, give, give_each, missing, place_at, place_of, take, take_each
from metrics_api.access.rule_views import (
    DeletedView,
    MineQuery,
    MineView,
    NewRuleBody,
    NewRules,
    NewRulesView,
    RuleCount,
    RuleIds,
    RuleQuery,
    RulesView,
    RuleView,
)
from metrics_api.access.users import Count
from metrics_api.policy import Actor, may
from metrics_api.services import Caller
from queries.control.places import NamedPlace
from queries.control.roles import ROLES
from queries.control.rules import list_rules
from queries.control.tables import AccessRule


async def list_all(caller: Caller, query: RuleQuery) -> RulesView:
    """The rules of the scopes in which the caller may read them."""
    rules = [rule for rule in await run_in_threadpool(read_rules, caller) if query.lets_through(rule)]
    page = query.page(rules)
    return RulesView(totalRecords=page.total, displayRecords=len(page.rows), accessRules=list(page.rows))


async def count(caller: Caller, query: RuleCount) -> Count:
    """How many rules there are."""
    return Count(count=len(query.matching(await run_in_threadpool(read_rules, caller))))


async def list_own(caller: Caller, query: MineQuery) -> MineView:
    """The rules that say what the caller may do, its own and those of its groups."""
    rules = query.matching(await run_in_threadpool(read_own_rules, caller))
    shown = rules[query.offset : query.offset + query.limit]
    return MineView(accessRules=RulesView(totalRecords=len(rules), displayRecords=len(shown), accessRules=shown))


async def count_own(caller: Caller, query: RuleCount) -> Count:
    """How many rules say what the caller may do."""
    return Count(count=len(query.matching(await run_in_threadpool(read_own_rules, caller))))


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
