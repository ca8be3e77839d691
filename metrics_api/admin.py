"""Admin: the commands that manage who may ask, on the machine that has the control database."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from metrics_api.explained import AdminError, Config, console, default_config, explained
from metrics_api.options import read_role
from queries.control.access_keys import create_access_key as make_access_key
from queries.control.access_keys import delete_access_key, list_access_keys
from queries.control.applications import create_application as make_application
from queries.control.applications import delete_application as remove_application
from queries.control.applications import list_applications as read_applications
from queries.control.applications import renew_secret
from queries.control.database import Control
from queries.control.organisation import Found, find_tenant, register
from queries.control.organisation import create_tenant as make_tenant
from queries.control.roles import ROLES, Role, find_role
from queries.control.rules import SYSTEM_SCOPE, NewRule, add_rule
from queries.control.tables import SYSTEM, User
from queries.control.tokens import Tokens
from queries.control.users import check_password_form, find_user_by_name, log_out, make_password
from queries.control.users import create_user as make_user
from queries.control.users import delete_user as remove_user
from queries.control.users import list_users as read_users
from queries.control.users import set_password as change_password
from queries.ids import cluster_id, department_id, project_id
from queries.lake import Lake
from queries.settings import Settings

admin = typer.Typer(help="Manage who may ask.", no_args_is_help=True)


Tenant = Annotated[str, typer.Option(help="The tenant.")]
RoleOption = Annotated[
    Role | None,
    typer.Option("--role", parser=read_role, metavar="ROLE", help="administrator, viewer, researcher, ..."),
]
Scopes = Annotated[
    list[str] | None,
    typer.Option(
        "--in",
        metavar="SCOPE",
        help="Where it has the role: system, tenant (the default), cluster:NAME, department:CLUSTER/NAME or"
        " project:CLUSTER/NAME. May be repeated.",
    ),
]
Username = Annotated[str, typer.Argument(help="The user's name.")]


@contextmanager
def managing(config: Path | None) -> Iterator[tuple[Control, Settings]]:
    """The control database, with rows for all that the configuration file names."""
    with explained():
        settings = Settings.load(config or default_config())
        Lake(settings.store.path).create()
        control = Control(settings.store.control_url)
        try:
            register(control, Found(frozenset(each.name for each in settings.clusters)), settings.departments)
            yield control, settings
        finally:
            control.close()


def tenant_id(control: Control, name: str) -> int:
    tenant = find_tenant(control, name)
    if tenant is None:
        raise AdminError(f"there is no tenant {name!r}; make one with create-tenant")
    return tenant.id


def rules_of(control: Control, tenant: int, role: Role | None, scopes: list[str] | None) -> list[NewRule]:
    """The rules that the options ask for. What is named in them gets a row, if it has none yet."""
    if role is None:
        if scopes:
            raise AdminError("--in says where a role counts; say which one with --role")
        return []
    return [rule_of(control, tenant, role, scope) for scope in scopes or ["tenant"]]


def rule_of(control: Control, tenant: int, role: Role, scope: str) -> NewRule:
    kind, _, names = scope.partition(":")
    cluster, _, name = names.partition("/")
    if kind == "system" and not names:
        return NewRule(role.id, "system", SYSTEM_SCOPE)
    if kind == "tenant" and not names:
        return NewRule(role.id, "tenant", str(tenant))
    if kind == "cluster" and cluster and not name:
        register(control, Found(frozenset({cluster})), ())
        return NewRule(role.id, "cluster", cluster_id(cluster))
    if kind == "project" and cluster and name:
        register(control, Found(projects=frozenset({(cluster, name)})), ())
        return NewRule(role.id, "project", project_id(cluster, name))
    if kind == "department" and cluster and name:
        return NewRule(role.id, "department", department_id(cluster, name))
    raise AdminError(
        f"--in {scope!r}: write system, tenant, cluster:NAME, department:CLUSTER/NAME or project:CLUSTER/NAME"
    )


def user_of(control: Control, username: str) -> User:
    user = find_user_by_name(control, username)
    if user is None:
        raise AdminError(f"there is no user {username!r}; list-users tells which there are")
    return user


@admin.command("create-user")
def create_user(
    username: Annotated[str, typer.Argument(help="The user's name, usually an email address.")],
    config: Config = None,
    password: Annotated[
        str | None, typer.Option(help="Without it, one is made up.", envvar="PASSWORD", show_envvar=True)
    ] = None,
    no_password: Annotated[
        bool, typer.Option("--no-password", help="For one that has access keys, or an identity provider, alone.")
    ] = False,
    role: RoleOption = None,
    scopes: Scopes = None,
    tenant: Tenant = "default",
) -> None:
    """Make a user, and print its password."""
    with managing(config) as (control, _):
        owner = tenant_id(control, tenant)
        rules = rules_of(control, owner, role, scopes)
        given = None if no_password else check_password_form(password) if password else make_password()
        make_user(control, username, given, owner, rules=rules)
        typer.echo(f"user:     {username.lower()}")
        if given and not password:
            typer.echo(f"password: {given}")
        if not rules:
            console.print("it may do nothing yet; give it a role with grant")


@admin.command("set-password")
def set_password(
    username: Username,
    config: Config = None,
    password: Annotated[str, typer.Option(prompt=True, hide_input=True, envvar="PASSWORD", show_envvar=True)] = "",
) -> None:
    """Change a user's password, and sign it out."""
    with managing(config) as (control, _):
        change_password(control, user_of(control, username).id, check_password_form(password))


@admin.command("sign-out")
def sign_out(username: Username, config: Config = None) -> None:
    """Refuse all tokens that a user has."""
    with managing(config) as (control, _):
        log_out(control, user_of(control, username).id)


@admin.command("delete-user")
def delete_user(username: Username, config: Config = None) -> None:
    """Delete a user, its access keys and its roles."""
    with managing(config) as (control, _):
        remove_user(control, user_of(control, username))


@admin.command("list-users")
def list_users(config: Config = None, tenant: Tenant = "default") -> None:
    """List the users of a tenant."""
    with managing(config) as (control, _):
        for user in read_users(control, tenant_id(control, tenant)):
            typer.echo(f"{user.username}\t{'local' if user.is_local else 'sso'}")


@admin.command("grant")
def grant(
    role: Annotated[Role, typer.Argument(parser=read_role, metavar="ROLE", help="administrator, viewer, ...")],
    config: Config = None,
    user: Annotated[str | None, typer.Option(help="The user who gets it.")] = None,
    group: Annotated[str | None, typer.Option(help="The group of the identity provider that gets it.")] = None,
    application: Annotated[str | None, typer.Option(help="The name of the application that gets it.")] = None,
    scopes: Scopes = None,
    tenant: Tenant = "default",
) -> None:
    """Give somebody a role."""
    with managing(config) as (control, _):
        if sum(name is not None for name in (user, group, application)) != 1:
            raise AdminError("say who gets the role: one of --user, --group and --application")
        owner = tenant_id(control, tenant)
        subject_type, subject_id = "group", group or ""
        if user:
            subject_type, subject_id = "user", user_of(control, user).username
        if application:
            subject_type, subject_id = "service-account", application_id(control, owner, application)
        rules = rules_of(control, owner, role, scopes)
        with control.session() as session:
            for rule in rules:
                add_rule(session, owner, subject_type, subject_id, rule, SYSTEM)


@admin.command("list-roles")
def list_roles() -> None:
    """List the roles, and what they are for."""
    for role in ROLES.values():
        typer.echo(f"{role.name.lower().replace(' ', '-')}\t{role.description}")


@admin.command("create-application")
def create_application(
    name: Annotated[str, typer.Argument(help="What the application is called.")],
    config: Config = None,
    client_id: Annotated[str | None, typer.Option(help="Without it, one is made up.")] = None,
    client_secret: Annotated[
        str | None, typer.Option(help="Without it, one is made up.", envvar="CLIENT_SECRET")
    ] = None,
    role: RoleOption = None,
    scopes: Scopes = None,
    tenant: Tenant = "default",
) -> None:
    """Make an application, and print its client id and secret. The secret is shown this once only. Without a role, it
    may do everything in its tenant."""
    with managing(config) as (control, _):
        owner = tenant_id(control, tenant)
        rules = rules_of(control, owner, role or find_role("administrator"), scopes)
        new = make_application(control, name, client_id, client_secret, owner, rules=rules)
    typer.echo(f"client id:     {new.client_id}")
    typer.echo(f"client secret: {new.client_secret}")


@admin.command("renew-secret")
def renew(
    name: Annotated[str, typer.Argument(help="The application's name.")],
    config: Config = None,
    tenant: Tenant = "default",
) -> None:
    """Give an application another secret, and refuse its tokens."""
    with managing(config) as (control, _):
        secret = renew_secret(control, application_id(control, tenant_id(control, tenant), name))
        typer.echo(f"client secret: {secret}")


@admin.command("delete-application")
def delete_application(
    name: Annotated[str, typer.Argument(help="The application's name.")],
    config: Config = None,
    tenant: Tenant = "default",
) -> None:
    """Delete an application."""
    with managing(config) as (control, _):
        remove_application(control, application_id(control, tenant_id(control, tenant), name))


@admin.command("list-applications")
def list_applications(config: Config = None, tenant: Tenant = "default") -> None:
    """List the applications of a tenant."""
    with managing(config) as (control, _):
        for each in read_applications(control, tenant_id(control, tenant)):
            typer.echo(f"{each.name}\t{each.client_id}\t{'enabled' if each.enabled else 'disabled'}")


@admin.command("create-access-key")
def create_access_key(
    username: Username,
    name: Annotated[str, typer.Argument(help="What the key is called.")],
    config: Config = None,
) -> None:
    """Make an access key for a user: a bearer token that is good until it is deleted, as scrapers need."""
    with managing(config) as (control, _):
        key, secret = make_access_key(control, user_of(control, username), name)
        typer.echo(f"key id:    {key.id}")
        typer.echo(f"client id: {key.client_id}")
        typer.echo(f"secret:    {secret}")


@admin.command("revoke-access-key")
def revoke_access_key(
    key_id: Annotated[str, typer.Argument(help="The key's id.")], config: Config = None, tenant: Tenant = "default"
) -> None:
    """Refuse an access key from now on."""
    with managing(config) as (control, _):
        keys = list_access_keys(control, tenant_id(control, tenant))
        if key_id not in {key.id for key, _ in keys}:
            there_are = "; ".join(f"{key.id} ({key.name} of {user.username})" for key, user in keys) or "none"
            raise AdminError(f"there is no access key {key_id!r}; there are: {there_are}")
        delete_access_key(control, key_id)


@admin.command("create-tenant")
def create_tenant(
    name: Annotated[str, typer.Argument(help="What the tenant is called.")], config: Config = None
) -> None:
    """Make a tenant, whose users and clusters are apart from all others'."""
    with managing(config) as (control, _):
        typer.echo(f"tenant id: {make_tenant(control, name).id}")


@admin.command("rotate-keys")
def rotate_keys(
    config: Config = None,
    revoke: Annotated[
        bool, typer.Option("--revoke", help="Also refuse every token that there is: everybody signs in again.")
    ] = False,
) -> None:
    """Sign tokens with a new key from now on."""
    with managing(config) as (control, settings):
        tokens = Tokens(control, settings.auth.token_lifetime, settings.auth.key_lifetime)
        if revoke:
            tokens.revoke_all()
        else:
            tokens.rotate()


def application_id(control: Control, tenant: int, name: str) -> str:
    for application in read_applications(control, tenant):
        if name in (application.name, application.client_id, application.id):
            return application.id
    raise AdminError(f"there is no application {name!r}; list-applications tells which there are")
