"""Tenants, users, access keys and rules, the audit log, and the organisation: clusters to quotas."""

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)

DEFAULT_TENANT = 1
ADMINISTRATOR = 1


def upgrade() -> None:
    now = datetime.now(UTC)
    tenants = op.create_table(
        "tenants",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_tenants"),
        sa.UniqueConstraint("name", name="uq_tenants_name"),
    )
    op.bulk_insert(tenants, [{"name": "default", "created_at": now}])
    create_who_may_ask()
    extend_applications()
    rule_applications(now)
    create_organisation()


def extend_applications() -> None:
    """Applications that there were belong to the default tenant."""
    with op.batch_alter_table("applications") as table:
        table.add_column(sa.Column("tenant_id", sa.Integer(), nullable=False, server_default=str(DEFAULT_TENANT)))
        table.add_column(sa.Column("enabled", sa.Boolean(), nullable=False, server_default=sa.true()))
        table.add_column(sa.Column("epoch", sa.Integer(), nullable=False, server_default="0"))
        table.add_column(sa.Column("created_by", sa.String(255), nullable=False, server_default="system"))
        table.add_column(sa.Column("updated_at", TIME, nullable=True))
        table.add_column(sa.Column("last_login", TIME, nullable=True))
    op.execute("update applications set updated_at = created_at")
    with op.batch_alter_table("applications") as table:
        table.drop_constraint("uq_applications_name", type_="unique")
        table.create_unique_constraint("uq_applications_tenant_id", ["tenant_id", "name"])
        table.create_foreign_key("fk_applications_tenant_id", "tenants", ["tenant_id"], ["id"])
        table.alter_column("updated_at", existing_type=TIME, nullable=False)
        for name, kind in (("tenant_id", sa.Integer()), ("enabled", sa.Boolean()), ("epoch", sa.Integer())):
            table.alter_column(name, existing_type=kind, existing_nullable=False, server_default=None)
        table.alter_column("created_by", existing_type=sa.String(255), existing_nullable=False, server_default=None)


def rule_applications(now: datetime) -> None:
    """They could do everything, and still can."""
    rule = sa.text(
        "insert into access_rules"
        " (tenant_id, subject_type, subject_id, role_id, scope_type, scope_id, created_by, created_at)"
        f" select {DEFAULT_TENANT}, 'service-account', id, {ADMINISTRATOR}, 'tenant', '{DEFAULT_TENANT}', 'system',"
        " :now from applications"
    )
    op.execute(rule.bindparams(sa.bindparam("now", now, TIME)))


def create_who_may_ask() -> None:
    op.create_table(
        "users",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("username", sa.String(255), nullable=False),
        sa.Column("password_hash", sa.String(255), nullable=True),
        sa.Column("groups", sa.JSON(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("created_by", sa.String(255), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("updated_at", TIME, nullable=False),
        sa.Column("last_login", TIME, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_users"),
        sa.UniqueConstraint("username", name="uq_users_username"),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name="fk_users_tenant_id"),
    )
    op.create_table(
        "access_keys",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("user_id", sa.String(36), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("client_id", sa.String(255), nullable=False),
        sa.Column("secret_hash", sa.String(255), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("last_login", TIME, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_access_keys"),
        sa.UniqueConstraint("user_id", "name", name="uq_access_keys_user_id"),
        sa.UniqueConstraint("client_id", name="uq_access_keys_client_id"),
        sa.UniqueConstraint("secret_hash", name="uq_access_keys_secret_hash"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_access_keys_user_id", ondelete="CASCADE"),
    )
    op.create_index("ix_access_keys_user_id", "access_keys", ["user_id"])
    op.create_table(
        "refresh_tokens",
        sa.Column("code_hash", sa.String(64), nullable=False),
        sa.Column("user_id", sa.String(36), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("expires_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("code_hash", name="pk_refresh_tokens"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_refresh_tokens_user_id", ondelete="CASCADE"),
    )
    op.create_index("ix_refresh_tokens_user_id", "refresh_tokens", ["user_id"])
    op.create_table(
        "access_rules",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("subject_type", sa.String(20), nullable=False),
        sa.Column("subject_id", sa.String(255), nullable=False),
        sa.Column("role_id", sa.Integer(), nullable=False),
        sa.Column("scope_type", sa.String(20), nullable=False),
        sa.Column("scope_id", sa.String(36), nullable=False),
        sa.Column("created_by", sa.String(255), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_access_rules"),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name="fk_access_rules_tenant_id"),
    )
    op.create_index("ix_access_rules_subject_id", "access_rules", ["subject_id"])
    op.create_table(
        "audit_log",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("time", TIME, nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("subject_type", sa.String(20), nullable=False),
        sa.Column("source_ip", sa.String(64), nullable=False),
        sa.Column("action", sa.String(20), nullable=False),
        sa.Column("http_method", sa.String(10), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("http_status_code", sa.Integer(), nullable=False),
        sa.Column("entity_type", sa.String(40), nullable=False),
        sa.Column("entity_id", sa.Text(), nullable=True),
        sa.Column("entity_name", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_audit_log"),
    )
    op.create_index("ix_audit_log_time", "audit_log", ["time"])


def create_organisation() -> None:
    op.create_table(
        "clusters",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("domain", sa.Text(), nullable=True),
        sa.Column("version", sa.String(50), nullable=True),
        sa.Column("collection", sa.JSON(), nullable=True),
        *stamps("created_by", "created_at", "updated_at"),
        sa.Column("delete_requested_at", TIME, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_clusters"),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name="fk_clusters_tenant_id"),
    )
    op.create_index("ix_clusters_tenant_id", "clusters", ["tenant_id"])
    op.create_table(
        "node_pools",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("cluster_id", sa.String(36), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("label_key", sa.Text(), nullable=True),
        sa.Column("label_value", sa.Text(), nullable=True),
        sa.Column("is_default", sa.Boolean(), nullable=False),
        sa.Column("settings", sa.JSON(), nullable=False),
        *stamps("created_by", "created_at", "updated_by", "updated_at"),
        sa.PrimaryKeyConstraint("id", name="pk_node_pools"),
        sa.ForeignKeyConstraint(["cluster_id"], ["clusters.id"], name="fk_node_pools_cluster_id", ondelete="CASCADE"),
    )
    op.create_index("ix_node_pools_cluster_id", "node_pools", ["cluster_id"])
    op.create_table(
        "departments",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("cluster_id", sa.String(36), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("settings", sa.JSON(), nullable=False),
        *stamps("created_by", "created_at", "updated_by", "updated_at"),
        sa.PrimaryKeyConstraint("id", name="pk_departments"),
        sa.ForeignKeyConstraint(["cluster_id"], ["clusters.id"], name="fk_departments_cluster_id", ondelete="CASCADE"),
    )
    op.create_index("ix_departments_cluster_id", "departments", ["cluster_id"])
    op.create_table(
        "projects",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("cluster_id", sa.String(36), nullable=False),
        sa.Column("department_id", sa.String(36), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("settings", sa.JSON(), nullable=False),
        *stamps("created_by", "created_at", "updated_by", "updated_at"),
        sa.PrimaryKeyConstraint("id", name="pk_projects"),
        sa.ForeignKeyConstraint(["cluster_id"], ["clusters.id"], name="fk_projects_cluster_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["department_id"], ["departments.id"], name="fk_projects_department_id", ondelete="SET NULL"
        ),
    )
    op.create_index("ix_projects_cluster_id", "projects", ["cluster_id"])
    op.create_index("ix_projects_department_id", "projects", ["department_id"])
    op.create_table(
        "quotas",
        sa.Column("org_unit_id", sa.String(36), nullable=False),
        sa.Column("node_pool_id", sa.String(36), nullable=False),
        sa.Column("resource", sa.String(10), nullable=False),
        sa.Column("deserved", sa.Float(), nullable=True),
        sa.Column("limit", sa.Float(), nullable=True),
        sa.Column("over_quota_weight", sa.Float(), nullable=True),
        sa.Column("units", sa.String(10), nullable=True),
        sa.PrimaryKeyConstraint("org_unit_id", "node_pool_id", "resource", name="pk_quotas"),
        sa.ForeignKeyConstraint(["node_pool_id"], ["node_pools.id"], name="fk_quotas_node_pool_id", ondelete="CASCADE"),
    )


def stamps(*names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, TIME if name.endswith("_at") else sa.String(255), nullable=False) for name in names]


def downgrade() -> None:
    for name in (
        "quotas",
        "projects",
        "departments",
        "node_pools",
        "clusters",
        "audit_log",
        "access_rules",
        "refresh_tokens",
        "access_keys",
        "users",
    ):
        op.drop_table(name)
    with op.batch_alter_table("applications") as table:
        table.drop_constraint("fk_applications_tenant_id", type_="foreignkey")
        table.drop_constraint("uq_applications_tenant_id", type_="unique")
        table.create_unique_constraint("uq_applications_name", ["name"])
        for column in ("tenant_id", "enabled", "epoch", "created_by", "updated_at", "last_login"):
            table.drop_column(column)
    op.drop_table("tenants")
