"""The tables of the control database."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    DateTime,
    Float,
    ForeignKey,
    Integer,
    MetaData,
    String,
    Text,
    TypeDecorator,
    UniqueConstraint,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

DEFAULT_TENANT = 1
"""The tenant that has all that the configuration file names, and what is found in the lake and nobody else has."""

SYSTEM = "system"
"""Who made what nobody made by the API."""


class Time(TypeDecorator[datetime]):
    """A time that is aware, also where the database forgets zones, as SQLite does."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        return value.astimezone(UTC) if value else None

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        return value if value is None or value.tzinfo else value.replace(tzinfo=UTC)


class Table(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "pk": "pk_%(table_name)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "ix": "ix_%(table_name)s_%(column_0_name)s",
        }
    )
    type_annotation_map = {datetime: Time(), dict[str, Any]: JSON(), list[str]: JSON()}  # noqa: RUF012  # SQLAlchemy's own


class Tenant(Table):
    """Whose things are apart from all others': its clusters, and who may ask about them."""

    __tablename__ = "tenants"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(255), unique=True)
    created_at: Mapped[datetime]


class Application(Table):
    """A program that may ask (a service account): it exchanges its id and secret for a token."""

    __tablename__ = "applications"
    __table_args__ = (UniqueConstraint("tenant_id", "name"),)

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    tenant_id: Mapped[int] = mapped_column(ForeignKey("tenants.id"))
    name: Mapped[str] = mapped_column(String(255))
    client_id: Mapped[str] = mapped_column(String(255), unique=True)
    secret_hash: Mapped[str] = mapped_column(String(255))
    enabled: Mapped[bool]
    epoch: Mapped[int]
    """Tokens carry it: those of an earlier one are refused."""
    created_by: Mapped[str] = mapped_column(String(255))
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    last_login: Mapped[datetime | None]


class User(Table):
    """A person. One without a password signs in at the identity provider."""

    __tablename__ = "users"

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    tenant_id: Mapped[int] = mapped_column(ForeignKey("tenants.id"))
    username: Mapped[str] = mapped_column(String(255), unique=True)
    """In lower case."""
    password_hash: Mapped[str | None] = mapped_column(String(255))
    groups: Mapped[list[str]]
    epoch: Mapped[int]
    created_by: Mapped[str] = mapped_column(String(255))
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    last_login: Mapped[datetime | None]

    @property
    def is_local(self) -> bool:
        return self.password_hash is not None


class AccessKey(Table):
    """A long-lived secret of a user, for programs that cannot renew tokens: it is a bearer token as it is."""

    __tablename__ = "access_keys"
    __table_args__ = (UniqueConstraint("user_id", "name"),)

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(String(255))
    client_id: Mapped[str] = mapped_column(String(255), unique=True)
    secret_hash: Mapped[str] = mapped_column(String(255), unique=True)
    epoch: Mapped[int]
    created_at: Mapped[datetime]
    last_login: Mapped[datetime | None]


class AccessRule(Table):
    """That a subject has a role in a scope. subject_id: a user's name, an application's id, or a group's name."""

    __tablename__ = "access_rules"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    tenant_id: Mapped[int] = mapped_column(ForeignKey("tenants.id"))
    subject_type: Mapped[str] = mapped_column(String(20))
    subject_id: Mapped[str] = mapped_column(String(255), index=True)
    role_id: Mapped[int]
    scope_type: Mapped[str] = mapped_column(String(20))
    scope_id: Mapped[str] = mapped_column(String(36))
    created_by: Mapped[str] = mapped_column(String(255))
    created_at: Mapped[datetime]


class SigningKey(Table):
    """A key that tokens are signed with. The newest signs; all are accepted."""

    __tablename__ = "signing_keys"

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    secret: Mapped[str] = mapped_column(String(255))
    created_at: Mapped[datetime]


class RefreshToken(Table):
    """A code that can be exchanged once for a new token, and another code, of the same user."""

    __tablename__ = "refresh_tokens"

    code_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    epoch: Mapped[int]
    expires_at: Mapped[datetime]


class Link(Table):
    """A code that can be exchanged once for a token of its application."""

    __tablename__ = "links"

    code_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    application_id: Mapped[str] = mapped_column(ForeignKey("applications.id", ondelete="CASCADE"))
    expires_at: Mapped[datetime]


class AuditEntry(Table):
    """Something that was done, or tried: by whom, to what, and how it ended."""

    __tablename__ = "audit_log"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    tenant_id: Mapped[int] = mapped_column(Integer)
    time: Mapped[datetime] = mapped_column(index=True)
    subject: Mapped[str] = mapped_column(Text)
    subject_type: Mapped[str] = mapped_column(String(20))
    source_ip: Mapped[str] = mapped_column(String(64))
    action: Mapped[str] = mapped_column(String(20))
    http_method: Mapped[str] = mapped_column(String(10))
    url: Mapped[str] = mapped_column(Text)
    http_status_code: Mapped[int]
    entity_type: Mapped[str] = mapped_column(String(40))
    entity_id: Mapped[str | None] = mapped_column(Text)
    entity_name: Mapped[str | None] = mapped_column(Text)


class Cluster(Table):
    """A cluster. Its name is that of the lake, so no two tenants have clusters of the same name.

    collection: how it is collected, as the configuration file says it, secrets by reference; only of clusters that were
    made by the API.
    """

    __tablename__ = "clusters"

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    tenant_id: Mapped[int] = mapped_column(ForeignKey("tenants.id"), index=True)
    name: Mapped[str] = mapped_column(Text)
    domain: Mapped[str | None] = mapped_column(Text)
    version: Mapped[str | None] = mapped_column(String(50))
    collection: Mapped[dict[str, Any] | None]
    created_by: Mapped[str] = mapped_column(String(255))
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    delete_requested_at: Mapped[datetime | None]


class NodePool(Table):
    """Nodes of a cluster that have a label in common."""

    __tablename__ = "node_pools"

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    cluster_id: Mapped[str] = mapped_column(ForeignKey("clusters.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(Text)
    label_key: Mapped[str | None] = mapped_column(Text)
    label_value: Mapped[str | None] = mapped_column(Text)
    is_default: Mapped[bool]
    settings: Mapped[dict[str, Any]]
    """What else was given when it was made, as it was given."""
    created_by: Mapped[str] = mapped_column(String(255))
    created_at: Mapped[datetime]
    updated_by: Mapped[str] = mapped_column(String(255))
    updated_at: Mapped[datetime]


class Department(Table):
    """A part of the organisation, in one cluster. Its projects are those that say so, and those that the configuration
    file gives it by their names."""

    __tablename__ = "departments"

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    cluster_id: Mapped[str] = mapped_column(ForeignKey("clusters.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(Text)
    description: Mapped[str] = mapped_column(Text)
    settings: Mapped[dict[str, Any]]
    created_by: Mapped[str] = mapped_column(String(255))
    created_at: Mapped[datetime]
    updated_by: Mapped[str] = mapped_column(String(255))
    updated_at: Mapped[datetime]


class Project(Table):
    """Who holds GPUs, in one cluster. department_id: where the API says it; otherwise the configuration file does."""

    __tablename__ = "projects"

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    cluster_id: Mapped[str] = mapped_column(ForeignKey("clusters.id", ondelete="CASCADE"), index=True)
    department_id: Mapped[str | None] = mapped_column(ForeignKey("departments.id", ondelete="SET NULL"), index=True)
    name: Mapped[str] = mapped_column(Text)
    description: Mapped[str] = mapped_column(Text)
    settings: Mapped[dict[str, Any]]
    created_by: Mapped[str] = mapped_column(String(255))
    created_at: Mapped[datetime]
    updated_by: Mapped[str] = mapped_column(String(255))
    updated_at: Mapped[datetime]


class Quota(Table):
    """What a project or a department may have of a resource of a node pool, from a time on until the next row says
    otherwise: an answer about the past does not change. GPUs are in devices, cpu in millicores, memory in ``units``;
    null stands for what was not said."""

    __tablename__ = "quotas"

    org_unit_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    """A project or a department."""
    node_pool_id: Mapped[str] = mapped_column(ForeignKey("node_pools.id", ondelete="CASCADE"), primary_key=True)
    resource: Mapped[str] = mapped_column(String(10), primary_key=True)
    """``gpu``, ``cpu`` or ``memory``."""
    since: Mapped[datetime] = mapped_column(primary_key=True)
    deserved: Mapped[float | None] = mapped_column(Float)
    limit: Mapped[float | None] = mapped_column(Float)
    over_quota_weight: Mapped[float | None] = mapped_column(Float)
    units: Mapped[str | None] = mapped_column(String(10))


class DeletedProject(Table):
    """A project that was deleted, which the lake's past still shows. It is found again where the lake shows it in an
    hour that began after that."""

    __tablename__ = "deleted_projects"

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    cluster_id: Mapped[str] = mapped_column(ForeignKey("clusters.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(Text)
    deleted_at: Mapped[datetime]


class Revision(Table):
    """How often the organisation has changed: its one row is written with every change, so that changes are seen in
    the order in which they are committed."""

    __tablename__ = "revisions"

    id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[int]
